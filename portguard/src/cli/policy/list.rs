//! `portguard policy list`: the policies that come with portguard.

use std::io::Write;

use crate::{
    cli::ExitStatus,
    policy::{self, BUILT_IN},
    reading::Source,
};

/// Lists name, rules, document and title, a line each.
pub(super) fn run(out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let width = BUILT_IN.iter().map(|policy| policy.name.len()).max().unwrap_or(0);
    for built_in in BUILT_IN {
        let policy = policy::parse(&Source::new(built_in.file, built_in.text))
            .expect("a policy that comes with the binary is sound");
        let (rules, document, title) = (policy.rules.len(), policy.document, policy.title);
        writeln!(out, "{:<width$}  {rules:>3} rules from {document}: {title}", built_in.name)?;
    }
    Ok(ExitStatus::Success)
}
