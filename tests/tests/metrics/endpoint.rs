//! The endpoint on a guarded node: where it is, who can have it, and what it cannot do to the daemon.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use portguard_tests::lab::{Guard, Lab, wait_until};

use crate::{ADDRESS, page::scrape, site};

const SOON: Duration = Duration::from_secs(15);

fn troubles(guard: &Guard) -> String {
    guard.status().expect("the daemon answers")["troubles"].to_string()
}

fn number(guard: &Guard) -> Option<u64> {
    guard.status().expect("the daemon answers")["generation"]["number"].as_u64()
}

#[test]
fn a_reload_moves_it_and_an_address_that_cannot_be_had_is_a_trouble_and_nothing_else() {
    const OTHER: &str = "127.0.0.1:9470";
    const FOREIGN: &str = "10.88.0.77:9469";
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site(ADDRESS)).unwrap();
    let generation = number(&guard);
    assert!(scrape(&lab.node, ADDRESS).unwrap().contains("portguard_generation 1\n"));
    assert!(guard.reload(&site(OTHER)).unwrap().status.success());
    assert!(scrape(&lab.node, OTHER).is_ok() && scrape(&lab.node, ADDRESS).is_err());
    assert!(guard.reload(&site(FOREIGN)).unwrap().status.success());
    assert!(scrape(&lab.node, OTHER).is_err(), "the site does not name it any more");
    let told = troubles(&guard);
    assert!(told.contains("metrics cannot be served on 10.88.0.77:9469"), "{told}");
    assert_eq!(number(&guard), generation, "none of this is another generation");
    // The node gets the address, as it may late in a boot.
    let add = ["address", "add", "10.88.0.77/32", "dev", "eth0"];
    assert!(lab.node.output(5, "ip", &add).unwrap().status.success());
    assert!(wait_until(SOON, || scrape(&lab.node, FOREIGN).is_ok()), "{}", guard.log());
    assert_eq!(troubles(&guard), "[]");
    let none = site(ADDRESS).split("[metrics]").next().unwrap().to_owned();
    assert!(guard.reload(&none).unwrap().status.success());
    assert!(scrape(&lab.node, FOREIGN).is_err() && troubles(&guard) == "[]");
    guard.stop().unwrap();
}

#[test]
fn scrapers_that_never_ask_keep_nobody_waiting_who_guards() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site(ADDRESS)).unwrap();
    let address: SocketAddr = ADDRESS.parse().unwrap();
    let open = || {
        let connect = |_| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(b"GET /metrics HTTP/1.1\r\nX-").expect("it listens");
            stream
        };
        (0..30).map(connect).collect::<Vec<TcpStream>>()
    };
    let slow = lab.node.within(open).unwrap();
    let start = Instant::now();
    assert!(guard.status().is_ok() && guard.reload(&site(ADDRESS)).unwrap().status.success());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(scrape(&lab.node, ADDRESS).is_ok(), "and others get their turn");
    drop(slow);
    assert_eq!(capabilities(&guard), 0, "who talks to the network can do nothing to it");
    guard.stop().unwrap();
}

/// The capabilities of the thread that serves metrics.
fn capabilities(guard: &Guard) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", guard.pid())).expect("the daemon runs");
    let threads = tasks.map(|task| task.expect("a thread").path());
    let serving = threads
        .filter(|thread| fs::read_to_string(thread.join("comm")).is_ok_and(|name| name == "metrics\n"))
        .collect::<Vec<_>>();
    assert_eq!(serving.len(), 1, "{serving:?}");
    let status = fs::read_to_string(serving[0].join("status")).expect("the thread runs");
    ["CapEff:", "CapPrm:"].iter().fold(0, |all, which| {
        let line = status.lines().find_map(|line| line.strip_prefix(which)).expect("the kernel tells");
        all | u64::from_str_radix(line.trim(), 16).expect("a set")
    })
}
