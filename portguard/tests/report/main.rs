//! The report: that its figures are the record's to the packet, whoever reads it, and that data is never markup.

mod figures;
mod hostile;
mod outbound;
mod page;
mod recorded;
mod shown;

use std::path::Path;

use portguard::{
    audit::{ChangeKind, FILE, Reader, Span, Verification},
    compile::{Node, compile},
    input::read_site,
    report::{About, Accepts, InForce, Origin, Report},
};
use portguard_common::Reason;
use tempfile::TempDir;

use recorded::{BEGIN, DAY, Drop, Fate, HOUR, RPC, Recorder, WRITE};

/// Four days: three that are sealed, and one that is not over.
const PERIOD: Span = Span { since: BEGIN, until: BEGIN + 3 * DAY + 12 * HOUR };

/// A store with drops of every kind, a change, and a daemon that was away.
fn recorded(fate: Fate) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    let mut recorder = Recorder::new(directory.path(), fate);
    let at_write = |source, packets| Drop {
        source,
        port: "8086/tcp",
        reason: Reason::SourceNotAdmitted,
        rules: &[WRITE],
        packets,
    };
    recorder.change(BEGIN + HOUR, ChangeKind::Start, "portguard 0.1.0 has begun", None);
    for day in 0..4 {
        let at = BEGIN + day * DAY + 2 * HOUR;
        recorder.pass("8086/tcp", WRITE, 1000 + day);
        recorder.drop(at, &at_write("10.30.4.17", 10 * (day + 1)));
        recorder.drop(at, &at_write("2001:db8:ffff::9", 3));
        recorder.drop(
            at,
            &Drop {
                source: "198.51.100.7",
                port: "23/tcp",
                reason: Reason::Undocumented,
                rules: &[],
                packets: 5,
            },
        );
        recorder.settle(at + 60);
        recorder.drop_unseen("8088/tcp", 7);
        recorder.pass("8088/tcp", RPC, 20);
        let short = Drop { source: "", port: "-", reason: Reason::Short, rules: &[], packets: 1 };
        recorder.drop(at + HOUR, &short);
        recorder.settle(at + HOUR + 60);
    }
    let at = BEGIN + 3 * DAY + 4 * HOUR;
    recorder.change(at, ChangeKind::Stop, "portguard ends: the filter enforces on", None);
    recorder.change(at + 600, ChangeKind::Start, "portguard 0.1.0 has begun", None);
    let diff = "Newly open:\n\n  10.30.4.0/24\n    tcp     8086\n";
    recorder.change(at + 660, ChangeKind::Generation, "site.toml is in force, mode enforce", Some(diff));
    recorder.verify(at + 700);
    directory
}

fn reader(directory: &Path) -> Reader {
    Reader::open(&directory.join(FILE)).expect("it can be read")
}

fn about(node: &str, span: Span) -> About {
    About { node: node.to_owned(), portguard: "0.1.0".to_owned(), generated: span.until, span }
}

fn accepts(in_force: &InForce) -> Accepts {
    accepts_of("both.toml", in_force)
}

/// What one of the sound sites accepts.
fn accepts_of(name: &str, in_force: &InForce) -> Accepts {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites").join(name);
    let matrix = read_site(&site).expect("it is sound").matrix;
    let image = compile(&matrix, &Node::default()).expect("it is small");
    let origin = Origin::File("site.toml".to_owned());
    Accepts::new(&matrix, Some(image.digest().to_string()), origin, in_force)
}

/// A report on what was recorded in `directory`, with a site.
fn report(directory: &Path, span: Span) -> Report {
    let site = |in_force: &InForce| Some(accepts(in_force));
    Report::new(&reader(directory), about("db1", span), None, site, None).expect("it can be read")
}

/// A report on a record alone.
fn bare(directory: &Path, span: Span, verified: Option<Verification>) -> Report {
    Report::new(&reader(directory), about("db1", span), None, |_| None, verified).expect("it can be read")
}
