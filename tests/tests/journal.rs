//! Drops in the journal: a real `systemd-journald`, of this test alone, has the fields that `docs/events.md` promises, and what
//! becomes of the journal is told and costs events at most.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, create_dir, create_dir_all},
    net::UdpSocket,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::signal::Signal,
};
use portguard::{
    audit::SourceDrops,
    events::{Event, Sink},
    site::EventsTo,
};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Process, wait_until},
};
use serde_json::Value;

const JOURNALD: &str = "/usr/lib/systemd/systemd-journald";
/// In memory, and without what the kernel says.
const CONFIGURATION: &str = "[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=\n";
const SOCKET: &str = "run/systemd/journal/socket";
const IDENTIFIER: &str = "portguard-drops";
const PATIENCE: Duration = Duration::from_secs(10);
/// The daemon tries a sink every ten seconds, and whenever somebody asks for drops.
const SOON: Duration = Duration::from_secs(30);
/// A port that the clients alone may reach.
const PORT: u16 = 514;

/// A mount namespace with a `/run` of its own.
struct Mounts {
    holder: Process,
    /// Its `/run` as everybody sees it.
    run: PathBuf,
}

impl Mounts {
    fn new(lab: &Lab) -> Self {
        let run = lab.directory().join("run");
        create_dir(&run).expect("the lab has a directory");
        let configuration = run.join("systemd/journald.conf.d");
        create_dir_all(&configuration).expect("the lab has a directory");
        fs::write(configuration.join("lab.conf"), CONFIGURATION).expect("it can be written");
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /run && echo ready && exec sleep 600";
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(&run);
        let mut holder = lab.node.spawn(&mut command).expect("unshare is there");
        holder.wait_ready(PATIENCE, |holder| Ok(holder.stdout().contains("ready"))).expect("it may mount");
        Self { holder, run }
    }

    fn journald(&self, lab: &Lab) -> Process {
        let socket = self.run.join("systemd/journal/socket");
        let mut journald = lab.node.spawn(&mut self.holder.same_mounts(JOURNALD)).expect("nsenter is there");
        // The socket of one that has ended stays, and nobody listens.
        let listens = |_: &Process| Ok(UnixDatagram::unbound()?.send_to(&[], &socket).is_ok());
        journald.wait_ready(PATIENCE, listens).expect("systemd is installed");
        journald
    }

    /// What the journal has of `event`, oldest first.
    fn entries(&self, event: &str) -> Vec<Value> {
        let mut journalctl = Command::new("journalctl");
        journalctl.arg("--directory").arg(self.run.join("log/journal"));
        journalctl
            .args(["--output=json", "--no-pager", "-t", IDENTIFIER])
            .arg(format!("PORTGUARD_EVENT={event}"));
        let output = journalctl.output().expect("systemd is installed");
        let text = String::from_utf8(output.stdout).expect("JSON is text");
        let entries = text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
        entries.filter(|entry: &Value| entry["PORTGUARD_PORT"] == format!("{PORT}/udp")).collect()
    }

    fn packets(&self) -> u64 {
        let packets = |entry: &Value| {
            entry["PORTGUARD_PACKETS"].as_str().expect("a text").parse::<u64>().expect("a number")
        };
        self.entries("sum").iter().map(packets).sum()
    }
}

fn send(lab: &Lab, count: usize) {
    let to = (lab.node.v4(), PORT);
    lab.stranger
        .within(|| {
            let socket = UdpSocket::bind((lab.stranger.v4(), 0)).expect("a free port");
            (0..count).for_each(|_| assert_eq!(socket.send_to(b"x", to).expect("it is sent"), 1));
        })
        .expect("the host is there");
}

/// What is wrong with the journal.
fn trouble(guard: &Guard) -> Option<String> {
    let status = guard.status().expect("the daemon answers");
    let troubles = status["troubles"].as_array().expect("a list").iter();
    troubles.map(Value::to_string).find(|trouble| trouble.contains("journal"))
}

/// Waits until it holds; in between the daemon brings in what was dropped.
fn soon(guard: &Guard, mut holds: impl FnMut() -> bool) {
    let held = wait_until(SOON, || {
        assert!(guard.ask(&["drops"]).expect("the daemon answers").status.success());
        holds()
    });
    assert!(held, "{}", guard.log());
}

/// The fields of ours that an entry has.
fn ours(entry: &Value) -> BTreeMap<&str, &str> {
    let fields = entry.as_object().expect("an object").iter();
    let ours = fields.filter_map(|(name, value)| Some((name.strip_prefix("PORTGUARD_")?, value.as_str()?)));
    ours.collect()
}

/// The fields that `docs/events.md` promises, as the journal has them, by the event that has them.
fn promised(event: &str) -> BTreeSet<String> {
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/events.md"))
        .expect("the manual is there");
    let rows = manual.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let (names, of) = (cells.next()?, cells.next()?);
        (of == "all" || of.contains(event)).then(|| names.to_owned())
    });
    let names = rows.flat_map(|names| {
        names.split(", ").map(|name| name.trim_matches('`').to_uppercase()).collect::<Vec<_>>()
    });
    names.collect()
}

#[test]
fn a_drop_is_in_the_journal_with_the_fields_that_the_manual_promises() {
    let lab = Lab::new().unwrap();
    let mounts = Mounts::new(&lab);
    let rule = format!("\n[[rules]]\nname = \"log\"\nports = [\"{PORT}/udp\"]\nfrom = [\"clients\"]\n");
    let site = format!("{SITE}{rule}\n[audit]\nevents = \"journald\"\n");
    let guard = Guard::start_beside(&mounts.holder, &lab.node, &site).unwrap();
    assert!(trouble(&guard).unwrap().contains("cannot reach the journal"), "there is none yet");
    send(&lab, 3);

    let journald = mounts.journald(&lab);
    soon(&guard, || trouble(&guard).is_none());
    let before = mounts.packets();
    // Another kind, which is news.
    let to = (lab.node.v6(), PORT);
    let sent =
        lab.stranger.within(|| UdpSocket::bind((lab.stranger.v6(), 0)).unwrap().send_to(b"x", to)).unwrap();
    assert_eq!(sent.unwrap(), 1);
    soon(&guard, || mounts.entries("first").len() == 1 && mounts.packets() == before + 1);
    let (first, sum) = (mounts.entries("first").remove(0), mounts.entries("sum").pop().unwrap());
    for (event, entry) in [("first", &first), ("sum", &sum)] {
        let fields = ours(entry);
        let names: BTreeSet<String> = fields.keys().map(|&name| name.to_owned()).collect();
        assert_eq!(names, promised(event), "{entry}");
        assert_eq!(fields["EVENT"], event);
        assert_eq!(fields["SOURCE"], lab.stranger.v6().to_string());
        assert_eq!((fields["VERDICT"], fields["REASON"]), ("drop", "source_not_admitted"));
        assert_eq!((fields["ZONE"], fields["PORT"]), ("default", "514/udp"));
        assert!(fields["RULES"].starts_with("site/log ("), "{entry}");
        assert_eq!(fields["PACKETS"], "1");
        assert_eq!(fields["BYTES"], "63", "Ethernet, IPv6, UDP and a byte");
        assert_eq!(entry["PRIORITY"], "5");
        let message = entry["MESSAGE"].as_str().unwrap();
        assert!(message.contains("-> 514/udp  source_not_admitted  1 packet  site/log"), "{message}");
    }
    assert_eq!(ours(&first)["TIME"], ours(&sum)["TIME"]);
    assert_eq!(ours(&sum)["TIME"], ours(&sum)["SINCE"]);

    journald.end(Signal::SIGTERM, PATIENCE).unwrap();
    soon(&guard, || {
        send(&lab, 1);
        trouble(&guard).is_some()
    });
    assert!(trouble(&guard).unwrap().contains("cannot reach the journal"), "it has gone");
    let _again = mounts.journald(&lab);
    soon(&guard, || trouble(&guard).is_none());
    let before = mounts.packets();
    send(&lab, 7);
    soon(&guard, || mounts.packets() >= before + 7);
    guard.stop().unwrap();
}

/// The fields of a message of the journal's native protocol, in their order.
fn fields(mut message: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let end = message.iter().position(|&byte| byte == b'\n').expect("a line ends");
        let (line, rest) = (&message[..end], &message[end + 1..]);
        let (name, value) = if let Some(at) = line.iter().position(|&byte| byte == b'=') {
            message = rest;
            (&line[..at], line[at + 1..].to_vec())
        } else {
            let (length, rest) = rest.split_first_chunk::<8>().expect("a length");
            let (value, rest) =
                rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("it is short"));
            message = rest.strip_prefix(b"\n").expect("a value ends");
            (line, value.to_vec())
        };
        fields.push((String::from_utf8(name.to_vec()).expect("a name is text"), value));
    }
    fields
}

#[test]
fn no_value_can_forge_a_field() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().to_owned();
    let forged = "dmz\nPORTGUARD_SOURCE=192.0.2.1\nPORTGUARD_VERDICT\n\u{1}\0\0\0\0\0\0\0x\n";
    let event = Event::first(SourceDrops {
        source: "198.51.100.7".parse().ok(),
        zone: forged.to_owned(),
        port: "8086/tcp".to_owned(),
        reason: "source_not_admitted".to_owned(),
        rules: vec![forged.to_owned(), "site/other".to_owned()],
        process: Some(portguard::audit::Process { uid: 33, cgroup: Some(forged.to_owned()) }),
        would: true,
        packets: 1,
        bytes: 60,
        first: 0,
        last: 0,
    });
    let received = thread::spawn(move || {
        // Of this thread alone.
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        mount(Some(&run), "/run", None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
        let socket = Path::new("/").join(SOCKET);
        create_dir_all(socket.parent().unwrap()).unwrap();
        let journal = UnixDatagram::bind(&socket).unwrap();
        journal.set_read_timeout(Some(PATIENCE)).unwrap();
        Sink::new(&EventsTo::Journald).take(&[event]).unwrap();
        let mut message = vec![0; 1 << 16];
        loop {
            // An empty one asks whether anybody is there.
            let length = journal.recv(&mut message).unwrap();
            if length > 0 {
                message.truncate(length);
                return message;
            }
        }
    });
    let fields = fields(&received.join().unwrap());
    let values = |name: &str| -> Vec<String> {
        let values = fields.iter().filter(|(of, _)| of == name);
        values.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
    };
    assert_eq!(values("PORTGUARD_SOURCE"), ["198.51.100.7"]);
    assert_eq!(values("PORTGUARD_VERDICT"), ["would_drop"]);
    assert_eq!(values("PORTGUARD_ZONE"), [forged]);
    assert_eq!(values("PORTGUARD_UID"), ["33"]);
    assert_eq!(values("PORTGUARD_CGROUP"), [forged]);
    assert_eq!(values("PORTGUARD_RULES"), [format!("{forged}; site/other")]);
    assert_eq!(values("SYSLOG_IDENTIFIER"), [IDENTIFIER]);
}
