//! A flood from a million sources: it is dropped and counted to the packet, over kills and a reload, and takes no memory, no disk and no time from
//! those who want to know about it.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::net::if_::if_nametoindex;
use portguard::audit::{Reader, Span};
use portguard_tests::{
    demo::SITE,
    floor::Floor,
    lab::{Guard, Host, Lab},
    sample::syn,
};
use serde_json::Value;

/// How long it lasts unless `PORTGUARD_FLOOD_SECONDS` says otherwise.
const SECONDS: u64 = 8;
/// Packets between two looks at the clock, and those that the receiver takes at once.
const BURST: u32 = 100_000;
const BATCH: u32 = 64;
/// The client port of InfluxDB, which all of these sources are refused.
const PORT: u16 = 8086;

/// How long `drops` may take meanwhile: on a busy machine, and not optimized.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of a site that makes another generation.
const ANOTHER_RULE: &str = "\n[[rules]]\nname = \"another\"\nports = [\"9/udp\"]\nfrom = [\"any\"]\n";

const SENDER: &str = "flood0";
const RECEIVER: &str = "flood1";

fn run(host: &Host, program: &str, arguments: &[&str]) -> String {
    let output = host.output(5, program, arguments).expect("it is installed");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A pair between stranger and node, without the lab's bridge between them; the index of the stranger's end.
fn pair(lab: &Lab) -> u32 {
    let node = lab.node.namespace();
    run(
        &lab.stranger,
        "ip",
        &["link", "add", SENDER, "type", "veth", "peer", "name", RECEIVER, "netns", node],
    );
    run(&lab.stranger, "ip", &["link", "set", SENDER, "up"]);
    run(&lab.node, "ip", &["link", "set", RECEIVER, "up"]);
    let index = lab.stranger.within(|| if_nametoindex(SENDER)).expect("the host is there");
    index.expect("the interface is there")
}

/// What the driver says that the program on the receiver has dropped.
fn dropped_by_driver(node: &Host) -> u64 {
    let said = run(node, "ethtool", &["--statistics", RECEIVER]);
    let drops = said.lines().filter_map(|line| line.trim().split_once("_xdp_drops: "));
    drops.map(|(_, count)| count.trim().parse::<u64>().expect("a number")).sum()
}

fn flood(stranger: &Host, interface: u32, until: Instant) {
    let frame = syn("203.0.113.9".parse().expect("an address"), PORT);
    let sent = stranger.within(|| {
        let program = Floor::spoofing(interface)?;
        while Instant::now() < until {
            program.send(&frame, BURST, BATCH)?;
        }
        anyhow::Ok(())
    });
    sent.expect("the host is there").expect("live frames can be sent");
}

/// Of the port, what the counters say that was dropped.
fn counted(guard: &Guard) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let rows = counters["ports"].as_array().expect("a list").iter();
    let port = Value::from(format!("{PORT}/tcp"));
    rows.filter(|row| row["port"] == port).filter_map(|row| row["dropped"]["packets"].as_u64()).sum()
}

/// At most so many rows of `portguard drops`, and how long it took.
fn drops(guard: &Guard, limit: u32) -> (Value, Duration) {
    let start = Instant::now();
    let limit = limit.to_string();
    let output = guard.ask(&["drops", "--format", "json", "--limit", &limit]).expect("the daemon answers");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (serde_json::from_slice(&output.stdout).expect("JSON"), start.elapsed())
}

/// The bytes of the store's files.
fn size(state: &Path) -> u64 {
    let files =
        fs::read_dir(state).expect("the directory is there").map(|entry| entry.expect("it can be read"));
    let of_store = files.filter(|entry| entry.file_name().to_string_lossy().starts_with("audit.db"));
    of_store.map(|entry| entry.metadata().expect("it is there").len()).sum()
}

fn resident(guard: &Guard) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", guard.pid())).expect("the daemon lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[test]
fn a_flood_from_a_million_sources_fills_and_slows_nothing_and_is_counted_to_the_packet() {
    let seconds = std::env::var("PORTGUARD_FLOOD_SECONDS").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let lab = Lab::new().unwrap();
    let interface = pair(&lab);
    let site = SITE.replace("[interfaces.eth0]", &format!("[interfaces.eth0]\n[interfaces.{RECEIVER}]"));
    let mut guard = Guard::start(&lab.node, &site).unwrap();
    let state = guard.directory().join("state");
    let (small, light) = (size(&state), resident(&guard));
    let until = Instant::now() + lasts;
    let (slowest, guard) = thread::scope(|scope| {
        scope.spawn(|| flood(&lab.stranger, interface, until));
        let mut slowest = Duration::ZERO;
        for turn in 0.. {
            thread::sleep(Duration::from_millis(700));
            if Instant::now() >= until {
                break;
            }
            slowest = slowest.max(drops(&guard, 100).1);
            match turn {
                // Killed while the table is full of what it has not read, and once more with another generation in force.
                2 | 6 => guard = guard.restart().unwrap(),
                4 => assert!(guard.reload(&format!("{site}{ANOTHER_RULE}")).unwrap().status.success()),
                _ => {}
            }
        }
        (slowest, guard)
    });
    assert!(slowest < PATIENCE, "`drops` took {slowest:?} during the flood");

    let dropped = dropped_by_driver(&lab.node);
    assert!(dropped > 100_000, "only {dropped} packets were dropped: this was no flood");
    assert_eq!(counted(&guard), dropped, "the port's counter says what the driver says");
    let (answer, _) = drops(&guard, u32::MAX);
    let rows = answer["rows"].as_array().unwrap();
    let told: u64 = rows.iter().filter_map(|row| row["packets"].as_u64()).sum();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let span = Span { since: now - 7200, until: now + 1 };
    let lost = Reader::open(&state.join("audit.db")).unwrap().lost(span).unwrap();
    let lost = lost.in_kernel.packets + lost.in_hour.packets;
    assert_eq!(told + lost, dropped, "what is told and what is said to be lost is what was dropped");
    assert!(rows.len() > 500, "{} sources are told", rows.len());

    let (grown, fattened) = (size(&state) - small, resident(&guard).saturating_sub(light));
    assert!(grown < 1 << 20, "the store grew by {grown} bytes");
    assert!(fattened < 24 << 20, "the daemon grew by {fattened} bytes");
    println!(
        "{dropped} packets in {lasts:?}: {} kinds told, {lost} packets without a source, the store grew by {grown} \
         bytes, the daemon by {fattened}, `drops` took {slowest:?} at most",
        rows.len()
    );
    guard.stop().unwrap();
}
