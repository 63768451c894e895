//! Which warnings the site takes as they are.

use miette::Diagnostic as _;

use super::Warning;
use crate::{
    reading::{Code, SourceSpan},
    site::{Acceptance, Site},
};

/// What there is to ask about a site, and what it has answered already.
#[derive(Debug, Default)]
pub struct Findings {
    /// What it has not, in the order of the file.
    pub warnings: Vec<Warning>,
    /// What it has.
    pub accepted: Vec<Accepted>,
}

/// A warning that the site accepts.
#[derive(Debug)]
pub struct Accepted {
    /// The warning.
    pub warning: Warning,
    /// Its code.
    pub code: &'static Code,
    /// Why the site takes it as it is.
    pub reason: String,
}

/// Parts the warnings by the site's acceptances; those that match nothing are warnings themselves.
pub(super) fn sift(site: &Site, all: Vec<Warning>) -> Findings {
    let mut findings = Findings::default();
    let mut matched = vec![false; site.accept.len()];
    for warning in all {
        let mut answer = None;
        for (acceptance, matched) in site.accept.iter().zip(&mut matched) {
            if matches(acceptance, &warning) {
                *matched = true;
                answer = answer.or(Some(acceptance));
            }
        }
        match answer {
            Some(Acceptance { code, reason, .. }) => {
                findings.accepted.push(Accepted { warning, code: code.value, reason: reason.clone() });
            }
            None => findings.warnings.push(warning),
        }
    }
    for (acceptance, matched) in site.accept.iter().zip(matched) {
        if !matched && !depends_on_surroundings(acceptance.code.value) {
            findings.warnings.push(unmatched(acceptance));
        }
    }
    findings.warnings.sort_by_key(|warning| place(warning).offset());
    findings.accepted.sort_by_key(|accepted| place(&accepted.warning).offset());
    findings
}

/// Whether the site takes the warning as it is.
pub(super) fn is_accepted(site: &Site, warning: &Warning) -> bool {
    site.accept.iter().any(|acceptance| matches(acceptance, warning))
}

fn matches(acceptance: &Acceptance, warning: &Warning) -> bool {
    let of_this_code = warning.code().is_some_and(|code| code.to_string() == acceptance.code.value.name);
    let subject = acceptance.subject.as_ref();
    of_this_code && subject.is_none_or(|subject| warning.subjects().contains(&subject.as_str()))
}

/// What is asked in one session, on one machine or at one time is not asked in another, and the file is the same.
fn depends_on_surroundings(code: &Code) -> bool {
    matches!(code.name, "PG0307" | "PG0309" | "PG0313" | "PG0314" | "PG0315" | "PG0317")
}

fn unmatched(acceptance: &Acceptance) -> Warning {
    let about = acceptance.subject.as_ref().map(|subject| format!(" about `{}`", subject.value));
    Warning::UnmatchedAcceptance {
        code: acceptance.code.value.name,
        about: about.unwrap_or_default(),
        at: acceptance.subject.as_ref().map_or(acceptance.code.at, |subject| subject.at),
    }
}

fn place(warning: &Warning) -> SourceSpan {
    let label = warning.labels().and_then(|mut labels| labels.next());
    let label = label.expect("every warning points into the file");
    (label.offset(), label.len()).into()
}
