//! The lab itself: its hosts reach each other, its probes hear only their own answers, and whatever happens nothing of
//! it stays.

use std::{env, fs, path::Path, process::Command, sync::mpsc, thread, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portguard_tests::lab::{Lab, Process, Reach, wait_until};

/// A program that goes on by itself, in the lab.
fn sleep(lab: &Lab) -> Process {
    lab.client.spawn(Command::new("sleep").arg("1000")).expect("every machine has sleep")
}

fn runs(pid: u32) -> bool {
    // What has ended and is not yet waited for has no command line.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// All namespaces and temporary files whose names begin with `name`.
fn traces(name: &str) -> Vec<String> {
    [Path::new("/run/netns"), &env::temp_dir()]
        .into_iter()
        .flat_map(|directory| fs::read_dir(directory).into_iter().flatten())
        .map(|entry| entry.expect("a readable directory").path().display().to_string())
        .filter(|path| path.rsplit('/').next().is_some_and(|file| file.starts_with(name)))
        .collect()
}

#[test]
fn every_host_reaches_the_node_over_both_families() {
    let lab = Lab::new().unwrap();
    for host in [&lab.peer, &lab.client, &lab.stranger] {
        for address in [lab.node.v4(), lab.node.v6()] {
            assert_eq!(host.connect(address, 9).unwrap(), Reach::Refused, "{} to {address}", host.name());
            assert!(host.pings(address).unwrap(), "{} to {address}", host.name());
        }
    }
}

#[test]
fn a_host_that_does_not_answer_pings_is_not_taken_for_one_that_does() {
    // Its neighbour advertisement is ICMPv6, too, and comes from the same address.
    let lab = Lab::new().unwrap();
    let silence = || {
        fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1")?;
        fs::write("/proc/sys/net/ipv6/icmp/echo_ignore_all", "1")
    };
    lab.node.within(silence).unwrap().unwrap();
    assert!(!lab.stranger.pings(lab.node.v4()).unwrap());
    assert!(!lab.stranger.pings(lab.node.v6()).unwrap());
}

#[test]
fn labs_do_not_see_each_other() {
    let (one, other) = (Lab::new().unwrap(), Lab::new().unwrap());
    assert_ne!(one.id(), other.id());
    let _listener = one.node.within(|| std::net::TcpListener::bind(("::", 7000)).unwrap()).unwrap();
    assert_eq!(one.client.connect(one.node.v4(), 7000).unwrap(), Reach::Open);
    assert_eq!(other.client.connect(other.node.v4(), 7000).unwrap(), Reach::Refused);
}

#[test]
fn a_command_that_takes_too_long_is_ended() {
    let lab = Lab::new().unwrap();
    let output = lab.client.output(1, "sleep", &["1000"]).unwrap();
    assert!(!output.status.success());
}

#[test]
fn dropping_a_lab_leaves_nothing() {
    let lab = Lab::new().unwrap();
    let (name, sleep) = (lab.id().to_string(), sleep(&lab));
    // Four hosts, the switch, the directory.
    assert_eq!(traces(&name).len(), 6, "{:?}", traces(&name));
    drop(lab);
    assert_eq!(traces(&name), [] as [&str; 0]);
    assert!(!runs(sleep.pid()));
}

#[test]
fn a_panic_leaves_nothing() {
    let (sender, made) = mpsc::channel();
    let panicked = thread::spawn(move || {
        let lab = Lab::new().unwrap();
        let sleep = sleep(&lab);
        sender.send((lab.id().to_string(), sleep.pid())).unwrap();
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    let (name, pid) = made.recv().unwrap();
    assert_eq!(traces(&name), [] as [&str; 0]);
    assert!(!runs(pid));
}

#[test]
fn what_a_killed_process_has_left_is_swept() {
    let mut demo =
        Command::new(env!("CARGO_BIN_EXE_demo")).stdout(std::process::Stdio::null()).spawn().unwrap();
    let name = format!("portguard-{}-", demo.id());
    let node = format!("{name}0-node");
    // Until it has started the last of its servers.
    let servers = || {
        let pids = Command::new("ip").args(["netns", "pids", &node]).output().unwrap().stdout;
        String::from_utf8(pids).unwrap().lines().map(|pid| pid.trim().parse().unwrap()).collect::<Vec<u32>>()
    };
    assert!(wait_until(Duration::from_secs(20), || servers().len() >= 3), "{:?}", traces(&name));
    let left = servers();
    kill(Pid::from_raw(demo.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
    demo.wait().unwrap();
    assert!(!traces(&name).is_empty());
    Lab::sweep().unwrap();
    assert_eq!(traces(&name), [] as [&str; 0]);
    assert!(left.iter().all(|pid| !runs(*pid)));
}
