//! What is done to the daemon, and not to the filter.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab},
};

use super::{CLIENTS, generation, is_guarded, listen, soon};

/// What the daemon's process has in memory.
fn resident_kib(guard: &Guard) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", guard.pid())).expect("the daemon runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel counts it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_daemon_that_stands_still_does_not_stop_the_filter() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let pid = Pid::from_raw(guard.pid().try_into().unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    // Each takes as long as the stranger waits in vain: ten seconds in all.
    for _ in 0..7 {
        assert!(is_guarded(&lab));
    }
    kill(pid, Signal::SIGCONT).unwrap();
    soon(&guard, "it goes on", || guard.status().is_ok());
    guard.stop().unwrap();
}

#[test]
fn ten_thousand_callers_and_what_is_no_question_leave_daemon_and_filter_as_they_were() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let socket = guard.directory().join("control.sock");
    let (first, before) = (generation(&guard), resident_kib(&guard));
    for number in 0..10_000_u32 {
        let mut caller = UnixStream::connect(&socket).unwrap();
        // It may hang up before it has heard all.
        match number % 4 {
            0 => drop(caller.write_all(b"{\"version\":1")),
            1 => drop(caller.write_all(&[0xff; 64])),
            2 => drop(caller.write_all(b"{}\n")),
            _ => {}
        }
    }
    let mut caller = UnixStream::connect(&socket).unwrap();
    caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    caller.write_all(b"no question\n").unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("error"), "{answer}");
    soon(&guard, "it answers", || guard.status().is_ok());
    assert!(is_guarded(&lab));
    assert_eq!(generation(&guard), first);
    let after = resident_kib(&guard);
    assert!(after < before + 8192, "{before} KiB, then {after} KiB");
    guard.stop().unwrap();
}
