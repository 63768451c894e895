//! Which room of `portguard` may use what: the arrows of the design, as a table.

use super::paths::paths;

/// A directory of `portguard/src`.
struct Room {
    name: &'static str,
    /// What it may use of this crate, as paths.
    rooms: &'static [&'static str],
    system: System,
}

/// Whether a room may touch the operating system.
#[derive(PartialEq, Eq)]
enum System {
    /// It is pure functions over plain data.
    No,
    /// It may use files, sockets, processes.
    Yes,
    /// It may load into the kernel, too.
    Kernel,
}

/// What touches the operating system, or the clock.
const SYSTEM: [&str; 15] = [
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "libc",
    "nix",
    "rtnetlink",
    "rustix",
    "socket2",
    "tokio",
];
/// What loads into the kernel.
const KERNEL: &str = "aya";

const ROOMS: [Room; 24] = [
    Room { name: "reading", rooms: &[], system: System::No },
    // The files and the matrix share the words for what a site can say: these, and no more.
    Room {
        name: "policy",
        rooms: &[
            "reading",
            "matrix::Direction",
            "matrix::IcmpFamilies",
            "matrix::IcmpTypes",
            "matrix::PortRange",
            "matrix::PortSet",
            "matrix::Transport",
            "matrix::portless",
        ],
        system: System::No,
    },
    Room {
        name: "site",
        rooms: &[
            "reading",
            "policy",
            "matrix::Attach",
            "matrix::Direction",
            "matrix::IcmpFamilies",
            "matrix::IcmpTypes",
            "matrix::LONGEST_INTERFACE",
            "matrix::Mode",
            "matrix::PortRange",
            "matrix::PortSet",
            "matrix::Outbound",
            "matrix::OutboundAttach",
            "matrix::Fragments",
            "matrix::Posture",
            "matrix::Service",
            "matrix::Transport",
            "matrix::portless",
            "matrix::common_name",
            "matrix::covers",
        ],
        system: System::No,
    },
    Room { name: "names", rooms: &["site"], system: System::Yes },
    Room { name: "matrix", rooms: &["reading", "policy", "site"], system: System::No },
    Room { name: "lint", rooms: &["reading", "policy", "site", "matrix"], system: System::No },
    Room { name: "draft", rooms: &["reading", "policy", "site", "matrix"], system: System::No },
    Room { name: "drift", rooms: &["matrix"], system: System::No },
    Room { name: "compile", rooms: &["matrix"], system: System::No },
    Room { name: "explain", rooms: &["compile", "matrix", "reading"], system: System::No },
    Room { name: "datapath", rooms: &["compile", "matrix", "netlink"], system: System::Kernel },
    Room { name: "export", rooms: &["matrix", "reading"], system: System::No },
    Room { name: "replay", rooms: &["compile", "datapath", "matrix"], system: System::No },
    Room { name: "observe", rooms: &["compile", "datapath", "matrix"], system: System::No },
    Room { name: "audit", rooms: &["observe"], system: System::Yes },
    Room { name: "events", rooms: &["audit", "observe", "site"], system: System::Yes },
    Room { name: "metrics", rooms: &["matrix", "observe"], system: System::Yes },
    Room {
        name: "doctor",
        rooms: &["compile", "datapath", "lint", "matrix", "netlink"],
        system: System::Yes,
    },
    Room {
        name: "input",
        rooms: &["compile", "lint", "matrix", "policy", "reading", "site"],
        system: System::Yes,
    },
    Room {
        name: "daemon",
        rooms: &[
            "audit", "compile", "datapath", "events", "input", "lint", "matrix", "metrics", "names",
            "notify", "observe", "reading", "site",
        ],
        system: System::Yes,
    },
    Room { name: "top", rooms: &["audit", "daemon", "matrix", "observe", "site"], system: System::No },
    Room {
        name: "suggest",
        rooms: &["audit", "compile", "explain", "matrix", "observe", "reading", "site"],
        system: System::No,
    },
    Room {
        name: "report",
        // Of the daemon no more than what it answers.
        rooms: &["audit", "daemon::Status", "matrix", "observe", "reading", "site"],
        system: System::No,
    },
    Room {
        name: "cli",
        rooms: &[
            "audit", "cli", "compile", "daemon", "datapath", "doctor", "draft", "drift", "events", "explain",
            "export", "input", "lint", "matrix", "names", "observe", "policy", "reading", "replay", "report",
            "site", "sockets", "suggest", "top",
        ],
        system: System::Yes,
    },
];

/// What a source in `room` uses and may not, each with its line.
pub(super) fn strangers(room: &str, source: &str) -> Vec<(usize, String)> {
    let Some(room) = ROOMS.iter().find(|known| known.name == room) else {
        return vec![(1, format!("`{room}` is not in the table of rooms (xtask/src/conventions/rooms.rs)"))];
    };
    paths(source).into_iter().filter_map(|named| Some((named.line, refusal(room, &named.path)?))).collect()
}

fn refusal(room: &Room, path: &str) -> Option<String> {
    let name = room.name;
    if let Some(inside) = path.strip_prefix("crate::") {
        let may = is_within(inside, name) || room.rooms.iter().any(|other| is_within(inside, other));
        return (!may).then(|| format!("`{name}` may not use `{path}`"));
    }
    if room.system != System::Kernel && is_within(path, KERNEL) {
        return Some(format!("only `datapath` may use `{KERNEL}`"));
    }
    let touches = SYSTEM.iter().any(|what| is_within(path, what));
    (room.system == System::No && touches)
        .then(|| format!("`{name}` never touches the operating system, and this is `{path}`"))
}

/// Whether `path` is `ancestor` or below it.
fn is_within(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::strangers;

    #[test]
    fn a_pure_room_may_not_touch_the_system_in_whatever_way_it_is_written() {
        for source in [
            "use std::fs;",
            "use std::{collections::BTreeMap, fs::File};",
            "fn f() { std::fs::read(\"x\"); }",
            "use std::net::{IpAddr, TcpStream};",
            "use tokio::net;",
            "use libc as c;",
        ] {
            assert_eq!(strangers("compile", source).len(), 1, "{source}");
            assert_eq!(strangers("daemon", source), [], "{source}");
        }
        assert_eq!(strangers("compile", "use std::net::IpAddr; // std::fs\nlet fs = nixes::x;"), []);
    }

    #[test]
    fn what_is_told_names_the_line_and_the_room() {
        let told = "`site` never touches the operating system, and this is `std::env::var`";
        assert_eq!(strangers("site", "\n\nstd::env::var(X)"), [(3, told.to_owned())]);
    }

    #[test]
    fn aya_is_for_the_datapath_alone() {
        for source in ["use aya::Ebpf;", "use {aya::Ebpf, x};", "aya::Ebpf::load(b);"] {
            assert_eq!(strangers("daemon", source).len(), 1, "{source}");
            assert_eq!(strangers("datapath", source), [], "{source}");
        }
        assert_eq!(strangers("daemon", "use aya_like::X;"), []);
    }

    #[test]
    fn arrows_point_one_way() {
        assert_eq!(strangers("compile", "use crate::{compile::x, matrix::Matrix};"), []);
        assert_eq!(strangers("compile", "use crate::{\n    datapath::Loaded,\n};").len(), 1);
        assert_eq!(strangers("policy", "use crate::matrix::PortRange;"), []);
        assert_eq!(strangers("policy", "use crate::matrix::Matrix;").len(), 1);
    }

    #[test]
    fn a_room_that_nobody_has_thought_about_is_told() {
        assert_eq!(strangers("helpers", "").len(), 1);
    }
}
