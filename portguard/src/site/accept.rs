//! Reading `[[accept]]`: the warnings that a site takes as they are, each with the reason.

use super::{Fault, model::Acceptance};
use crate::reading::{self, Code, Located, Severity, Table, Value, did_you_mean};

type Faults = reading::Faults<Fault>;

pub(super) fn read_accept(value: Option<Value>, faults: &mut Faults) -> Vec<Acceptance> {
    let tables = value.map(|value| value.tables(faults)).unwrap_or_default();
    tables.into_iter().filter_map(|table| read_acceptance(table, faults)).collect()
}

fn read_acceptance(mut table: Table, faults: &mut Faults) -> Option<Acceptance> {
    let code = table
        .need("code", "name the warning, for example code = \"PG0306\"", faults)
        .and_then(|value| value.text(faults))
        .and_then(|text| read_code(&text, faults));
    let subject = table.get("subject").and_then(|value| value.words(faults));
    let reason = table
        .need("reason", "say for those who come after you why the warning is taken as it is", faults)
        .and_then(|value| value.words(faults));
    table.finish(faults);
    Some(Acceptance { code: code?, subject, reason: reason?.value })
}

fn read_code(text: &Located<String>, faults: &mut Faults) -> Option<Located<&'static Code>> {
    let known = Code::named(text.as_str());
    if let Some(code) = known.filter(|code| code.can_be_accepted()) {
        return Some(Located::new(code, text.at));
    }
    let remedy = match known {
        Some(code) if code.severity == Severity::Error => format!("it is an error: {}; mend it", code.title),
        Some(_) => "remove the [[accept]] that matches nothing instead".to_owned(),
        None => {
            let acceptable = Code::all().iter().filter(|code| code.can_be_accepted());
            did_you_mean(text.as_str(), "codes that can be accepted", acceptable.map(|code| code.name))
        }
    };
    faults.push(Fault::NotAcceptable { code: text.value.clone(), at: text.at, remedy });
    None
}
