//! Reading `[audit]` and `[metrics]`: what is kept of drops, and who is told.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    Fault,
    model::{Audit, EventsTo},
};
use crate::reading::{self, Located, Value};

type Faults = reading::Faults<Fault>;

/// The longest that may be asked for: records are not to outlive those who could read them.
const MOST_DAYS: u32 = 3660;
/// The smallest store holds a day of a busy node; the largest is what nobody has reached.
const MEBIBYTES: [u32; 2] = [16, 1 << 20];

pub(super) fn read_audit(value: Option<Value>, faults: &mut Faults) -> Audit {
    let mut audit = Audit::default();
    let Some(mut table) = value.and_then(|value| value.table(faults)) else { return audit };
    if let Some(details) = table.get("details").and_then(|value| value.flag(faults)) {
        audit.details = details;
    }
    if let Some(days) = table.get("days").and_then(|value| value.number(1, MOST_DAYS, faults)) {
        audit.days = days.value;
    }
    let [least, most] = MEBIBYTES;
    if let Some(mebibytes) = table.get("mebibytes").and_then(|value| value.number(least, most, faults)) {
        audit.mebibytes = mebibytes.value;
    }
    audit.events = table.get("events").and_then(|value| read_events(&value, faults));
    table.finish(faults);
    audit
}

fn read_events(value: &Value, faults: &mut Faults) -> Option<EventsTo> {
    let text = value.words(faults)?;
    match text.as_str() {
        "journald" => Some(EventsTo::Journald),
        path if path.starts_with('/') => Some(EventsTo::File(PathBuf::from(path))),
        _ => {
            let remedy = "write \"journald\", or the path of a file, which begins with `/`".to_owned();
            let (key, value) = (value.path.clone(), text.value);
            faults.push(reading::Fault::NotOneOf { key, value, at: text.at, remedy });
            None
        }
    }
}

pub(super) fn read_metrics(value: Option<Value>, faults: &mut Faults) -> Option<Located<SocketAddr>> {
    let mut table = value?.table(faults)?;
    let remedy = "say where to listen, for example listen = \"127.0.0.1:9469\"";
    let listen = table.need("listen", remedy, faults).and_then(|value| {
        let text = value.words(faults)?;
        let address = text.as_str().parse().map(|address| Located::new(address, text.at));
        if address.is_err() {
            let remedy = "write an address and a port: \"127.0.0.1:9469\", \"[::1]:9469\"".to_owned();
            let (key, value) = (value.path.clone(), text.value);
            faults.push(reading::Fault::NotOneOf { key, value, at: text.at, remedy });
        }
        address.ok()
    });
    table.finish(faults);
    listen
}
