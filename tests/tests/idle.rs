//! What a daemon costs that has nothing to do: five products, two interfaces and 10,000 addresses.
//!
//! The figures of `docs/performance.md` are what this prints of an optimized binary.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    net::TcpStream,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use portguard_tests::lab::{Guard, Lab};

/// All five products, without their groups.
const FIVE: &str = include_str!("../src/bench/load/five.toml");
/// Where metrics are served.
const METRICS: &str = "127.0.0.1:9469";
/// How long it is watched unless `PORTGUARD_IDLE_SECONDS` says otherwise: it counts every ten seconds.
const SECONDS: u64 = 22;
/// What it may keep in memory of its own, beside the text of its binary.
const MEMORY: u64 = 8 << 20;
/// The part of a core that it may take: not optimized, beside whatever else runs.
const CORE: f64 = 0.05;

fn site() -> String {
    let mut site = format!("{FIVE}\n[metrics]\nlisten = \"{METRICS}\"\n\n[groups]\n");
    for (group, second, count) in [("apps", 20, 9_000), ("cluster", 30, 500), ("ops", 40, 500)] {
        let hosts = (0..count).map(|host| format!("\"10.{second}.{}.{}\"", host / 250, host % 250 + 1));
        writeln!(site, "{group} = [{}]", hosts.collect::<Vec<_>>().join(", ")).expect("memory does not fail");
    }
    site
}

/// Of the daemon's process, what the kernel says of it.
fn process(guard: &Guard, file: &str) -> String {
    let path: PathBuf = ["/proc", &guard.pid().to_string(), file].iter().collect();
    fs::read_to_string(path).expect("the daemon runs")
}

/// Bytes that are in memory, by the kernel's word for them.
fn memory(guard: &Guard, word: &str) -> u64 {
    let status = process(guard, "status");
    let line = status.lines().find_map(|line| line.strip_prefix(word)).expect("the kernel counts it");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// The time that it has had on a processor.
fn time(guard: &Guard) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{}/task", guard.pid())).expect("the daemon runs");
    let of_task = |task: io::Result<fs::DirEntry>| {
        let path = task.expect("it can be listed").path().join("schedstat");
        let nanoseconds = fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    };
    tasks.filter_map(of_task).sum()
}

/// What is served to Prometheus.
fn scrape() -> io::Result<String> {
    let mut stream = TcpStream::connect(METRICS)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")?;
    io::read_to_string(stream)
}

#[test]
fn a_daemon_with_nothing_to_do_keeps_little_and_does_little() {
    let seconds = env::var("PORTGUARD_IDLE_SECONDS").ok().and_then(|text| text.parse().ok());
    let lasts = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let lab = Lab::new().unwrap();
    let back = ["link", "add", "eth1", "type", "veth", "peer", "name", "far"];
    assert!(lab.node.output(10, "ip", &back).unwrap().status.success());
    let start = Instant::now();
    let guard = Guard::start(&lab.node, &site()).unwrap();
    let started = start.elapsed();
    // Asked once for all that it can be asked for.
    for verb in ["status", "counters", "drops"] {
        guard.ask(&[verb]).unwrap();
    }
    let page = lab.node.within(scrape).unwrap().unwrap();
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    let (before, since) = (time(&guard), Instant::now());
    thread::sleep(lasts);
    let core = time(&guard).saturating_sub(before).as_secs_f64() / since.elapsed().as_secs_f64();
    let (own, all) = (memory(&guard, "RssAnon"), memory(&guard, "VmRSS"));
    println!(
        "enforcing after {} ms; then, over {} s, {:.2} % of a core; {} KiB in memory, {} KiB of them its own",
        started.as_millis(),
        lasts.as_secs(),
        core * 100.0,
        all >> 10,
        own >> 10,
    );
    assert!(own < MEMORY, "it keeps {own} bytes");
    assert!(core < CORE, "it takes {core} of a core");
    guard.stop().unwrap();
}
