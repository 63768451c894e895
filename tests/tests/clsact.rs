//! What leaves, judged by a filter of the older tc: where the kernel has no tcx, or the site wants it so.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::{
    net::if_::if_nametoindex,
    sys::{
        signal::Signal,
        socket::{setsockopt, sockopt::RcvBufForce},
    },
};
use portguard_tests::{
    floor::Floor,
    lab::{Guard, Host, INTERFACE, Lab, Reach, binary, wait_until},
};
use serde_json::Value;

/// How long the daemon may take to follow what happened.
const SOON: Duration = Duration::from_secs(15);
/// How long something may take that happens at once.
const AT_ONCE: Duration = Duration::from_millis(700);
const FOR_A_WHILE: Duration = Duration::from_millis(300);
/// A port to which the node may connect at the client.
const OPEN: u16 = 7000;
/// Another, where nobody sends anything back.
const SINK: u16 = 7001;
/// Another, which the same rule does not name.
const FORBIDDEN: u16 = 9;

/// A site whose node reaches the client at one port, with its program put so where packets leave.
fn site(outbound_attach: &str) -> String {
    format!(
        r#"mode = "enforce"
posture = "pass"
outbound = "enforce"
outbound_posture = "drop"
outbound_attach = "{outbound_attach}"

[interfaces.eth0]

[groups]
client = ["10.88.0.3", "fd88::3"]

[[rules]]
name = "way-out"
ports = ["{OPEN}/tcp", "{SINK}/udp"]
to = ["client"]
"#
    )
}

/// The same without `outbound`, and without what only that has a use for.
fn off() -> String {
    let site = site("auto");
    let (before, _) = site.split_once("[[rules]]").expect("it has a rule");
    let lines: Vec<&str> = before.lines().filter(|line| !line.starts_with("outbound")).collect();
    lines.join("\n")
}

/// A site that differs, so that it is another generation.
fn another(site: &str, number: u32) -> String {
    site.replace("\"10.88.0.3\",", &format!("\"10.88.0.3\", \"10.88.1.{}\",", number % 250 + 1))
}

fn reach(lab: &Lab, host: &Host, port: u16) -> [Reach; 2] {
    [host.v4(), host.v6()].map(|address| lab.node.connect(address, port).expect("the lab stands"))
}

/// Whether the node reaches what it may, and nothing else.
fn is_kept(lab: &Lab) -> bool {
    reach(lab, &lab.client, OPEN) == [Reach::Open; 2]
        && reach(lab, &lab.stranger, OPEN) == [Reach::Refused; 2]
}

fn succeeds(host: &Host, program: &str, arguments: &str) -> String {
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let output = host.output(20, program, &words).expect("it is installed");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The filters on what leaves the node by its interface, in their order.
fn filters(lab: &Lab) -> Vec<Value> {
    let shown = succeeds(&lab.node, "tc", &format!("-json filter show dev {INTERFACE} egress"));
    let shown: Vec<Value> = serde_json::from_str(&shown).expect("tc speaks JSON");
    shown.into_iter().map(|filter| filter["options"].clone()).filter(|options| !options.is_null()).collect()
}

/// The names of their programs.
fn names(lab: &Lab) -> Vec<String> {
    filters(lab).iter().map(|filter| filter["bpf_name"].as_str().expect("a name").to_owned()).collect()
}

/// The kernel's number for the program of the only one.
fn program(lab: &Lab) -> u64 {
    let [filter] = &filters(lab)[..] else { panic!("one filter is there: {:?}", filters(lab)) };
    filter["prog"]["id"].as_u64().expect("a number")
}

fn has_clsact(lab: &Lab) -> bool {
    succeeds(&lab.node, "tc", &format!("qdisc show dev {INTERFACE}")).contains("clsact")
}

/// How many links and filters are pinned where packets leave: at tcx and in clsact.
fn pinned(guard: &Guard) -> [usize; 2] {
    ["egress", "clsact"].map(|part| fs::read_dir(guard.pins().join(part)).map_or(0, Iterator::count))
}

/// How what leaves is guarded, as `status` says it.
fn outbound(guard: &Guard) -> Value {
    guard.status().expect("the daemon answers")["interfaces"][0]["outbound"].clone()
}

/// The packets to a port that the node reaches which were dropped.
fn dropped(guard: &Guard, port: &str) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let rows = ["ports", "undocumented"].map(|table| counters[table].as_array().expect("a list").clone());
    let of_port = |row: &&Value| row["direction"] == "out" && row["port"] == port;
    rows.iter().flatten().filter(of_port).filter_map(|row| row["dropped"]["packets"].as_u64()).sum()
}

/// What `portguard drift` says of interfaces and pins that are not as loaded.
fn adrift(lab: &Lab, guard: &Guard) -> Vec<String> {
    let program = binary().expect("the binary is built").display().to_string();
    let (site, pins) = (guard.site(), guard.pins());
    let (site, bpffs) = (site.display(), pins.parent().expect("it is in the BPF file system").display());
    let arguments = format!("drift --site {site} --bpffs {bpffs} --format json");
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let output = lab.node.output(20, &program, &words).expect("portguard starts");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let loose = said["loose"].as_array().unwrap_or_else(|| panic!("{said}"));
    loose.iter().map(|loose| loose["says"].as_str().expect("a text").to_owned()).collect()
}

fn reloads(guard: &Guard, site: &str) {
    let output = guard.reload(site).expect("portguard starts");
    assert!(output.status.success(), "{}; {}", String::from_utf8_lossy(&output.stderr), guard.log());
}

/// A socket of `host`.
fn socket(host: &Host, address: IpAddr, port: u16) -> UdpSocket {
    let socket = host.within(|| UdpSocket::bind((address, port)).expect("a free port"));
    let socket = socket.expect("the host is there");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("an option");
    socket
}

/// Puts a filter with a program of somebody else's on what leaves the node.
fn put_behind(lab: &Lab, directory: &Path, floor: &Floor, options: &str) {
    let pin = directory.join("neighbour").display().to_string();
    succeeds(&lab.node, "bpftool", &format!("prog pin id {} {pin}", floor.id().expect("it has a number")));
    succeeds(
        &lab.node,
        "tc",
        &format!("filter add dev {INTERFACE} egress {options} bpf direct-action object-pinned {pin}"),
    );
    fs::remove_file(pin).expect("it was pinned");
}

/// What leaves the node while something is done to it: datagrams that may and datagrams that must not.
struct Traffic {
    sent: AtomicU64,
    over: AtomicBool,
}

/// Does `work` under traffic, of which what must not leave never does; of the rest, how much did not come.
fn under_traffic<T>(lab: &Lab, work: impl FnOnce() -> T) -> (T, u64) {
    let (open, closed) =
        (socket(&lab.client, lab.client.v4(), SINK), socket(&lab.stranger, lab.stranger.v4(), FORBIDDEN));
    // Room for whatever comes while the reader waits for a processor.
    setsockopt(&open, RcvBufForce, &(1 << 24)).expect("the tests run as root");
    let from = socket(&lab.node, Ipv4Addr::UNSPECIFIED.into(), 0);
    let traffic = Traffic { sent: AtomicU64::new(0), over: AtomicBool::new(false) };
    let (allowed, forbidden) =
        (SocketAddr::new(lab.client.v4(), SINK), SocketAddr::new(lab.stranger.v4(), FORBIDDEN));
    let done = thread::scope(|scope| {
        scope.spawn(|| {
            while !traffic.over.load(Ordering::Relaxed) {
                for _ in 0..10 {
                    // The error of an earlier one that must not leave may be told by any call.
                    while from.send_to(b"x", allowed).is_err() {}
                    traffic.sent.fetch_add(1, Ordering::Relaxed);
                    let _: std::io::Result<usize> = from.send_to(b"x", forbidden);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        let came = scope.spawn(|| {
            let mut came = 0;
            loop {
                match open.recv(&mut [0; 8]) {
                    Ok(_) => came += 1,
                    Err(_) if traffic.over.load(Ordering::Relaxed) => return came,
                    Err(_) => {}
                }
            }
        });
        let end = End(&traffic.over);
        let done = work();
        drop(end);
        let came: u64 = came.join().expect("it only counts");
        let sent = traffic.sent.load(Ordering::Relaxed);
        assert!(sent > 1000, "{sent} datagrams are few");
        (done, sent - came)
    });
    assert!(closed.recv(&mut [0; 8]).is_err(), "what must not leave does not come");
    done
}

/// Says that it is over when it is dropped, also by a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_documented_destination_is_reached_and_another_fails_at_once() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.client.echo(OPEN).unwrap(), lab.stranger.echo(OPEN).unwrap());
    let guard = Guard::start(&lab.node, &site("clsact")).unwrap();
    assert!(guard.ready().contains("eth0 (native, outbound by clsact)"), "{}", guard.ready());
    assert_eq!(
        (outbound(&guard), pinned(&guard), names(&lab)),
        ("clsact".into(), [0, 1], vec!["portguard_out".to_owned()])
    );
    assert_eq!(reach(&lab, &lab.client, OPEN), [Reach::Open; 2]);
    let start = Instant::now();
    assert_eq!(reach(&lab, &lab.stranger, OPEN), [Reach::Refused; 2]);
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    assert_eq!(dropped(&guard, &format!("out {OPEN}/tcp")), 2, "{}", guard.counters().unwrap());
    assert_eq!(adrift(&lab, &guard), [""; 0]);
    // The daemon knows of the filter, whatever becomes of its pin.
    let index = lab.node.within(|| if_nametoindex(INTERFACE).unwrap()).unwrap();
    fs::remove_dir_all(guard.pins().join("clsact").join(index.to_string())).unwrap();
    guard.stop().unwrap();
    assert_eq!(reach(&lab, &lab.stranger, OPEN), [Reach::Open; 2]);
    assert!(!has_clsact(&lab));
}

#[test]
fn auto_takes_tcx_where_the_kernel_has_it_and_clsact_where_not() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.client.echo(OPEN).unwrap(), lab.stranger.echo(OPEN).unwrap());
    let guard = Guard::start(&lab.node, &site("auto")).unwrap();
    assert_eq!((outbound(&guard), pinned(&guard), has_clsact(&lab)), ("tcx".into(), [1, 0], false));
    guard.stop().unwrap();

    let refused = format!("{:#}", Guard::start_without_tcx(&lab.node, &site("tcx")).unwrap_err());
    assert!(refused.contains("the kernel has no tcx for interface `eth0`"), "{refused}");
    assert_eq!(filters(&lab).len(), 0);

    let guard = Guard::start_without_tcx(&lab.node, &site("auto")).unwrap();
    assert_eq!((outbound(&guard), pinned(&guard)), ("clsact".into(), [0, 1]));
    assert!(is_kept(&lab));
    reloads(&guard, &another(&site("auto"), 1));
    assert_eq!((outbound(&guard), pinned(&guard), filters(&lab).len()), ("clsact".into(), [0, 1], 1));
    assert_eq!(adrift(&lab, &guard), [""; 0]);
    // The node is booted with another kernel, as it were: the next generation goes to the better place.
    let (guard, _) = under_traffic(&lab, || {
        let guard = guard.restart().unwrap();
        assert_eq!(outbound(&guard), "clsact");
        reloads(&guard, &another(&site("auto"), 2));
        thread::sleep(FOR_A_WHILE);
        guard
    });
    assert_eq!((outbound(&guard), pinned(&guard), has_clsact(&lab)), ("tcx".into(), [1, 0], false));
    guard.stop().unwrap();
}

#[test]
fn reloads_lose_nothing_and_let_nothing_out_and_one_filter_stays_at_its_place() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site("clsact")).unwrap();
    let ((), lost) = under_traffic(&lab, || {
        for number in 0..20 {
            let before = program(&lab);
            reloads(&guard, &another(&site("clsact"), number));
            assert_ne!(program(&lab), before, "the generation's own program is there");
        }
    });
    assert_eq!(lost, 0);
    guard.stop().unwrap();
}

#[test]
fn from_tcx_to_clsact_and_back_there_is_never_no_program() {
    let lab = Lab::new().unwrap();
    // The kernel stops what leaves for a moment when it makes the qdisc, or takes it off.
    succeeds(&lab.node, "tc", "qdisc add dev eth0 clsact");
    let guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    let ((), lost) = under_traffic(&lab, || {
        for _ in 0..5 {
            reloads(&guard, &site("clsact"));
            assert_eq!((outbound(&guard), pinned(&guard), filters(&lab).len()), ("clsact".into(), [0, 1], 1));
            reloads(&guard, &site("tcx"));
            assert_eq!((outbound(&guard), pinned(&guard), filters(&lab).len()), ("tcx".into(), [1, 0], 0));
        }
    });
    assert_eq!(lost, 0);
    guard.stop().unwrap();
}

#[test]
fn a_kill_leaves_the_filter_and_the_next_daemon_takes_it_over_and_counts_on() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.client.echo(OPEN).unwrap(), lab.stranger.echo(OPEN).unwrap());
    let guard = Guard::start(&lab.node, &site("clsact")).unwrap();
    let (before, port) = (program(&lab), format!("out {OPEN}/tcp"));
    assert!(is_kept(&lab));
    let (guard, lost) = under_traffic(&lab, || {
        let guard = guard.restart().unwrap();
        thread::sleep(FOR_A_WHILE);
        guard
    });
    assert_eq!(lost, 0);
    assert_eq!(program(&lab), before, "it is the same");
    assert!(!guard.log().contains("by force"), "{}", guard.log());
    assert!(is_kept(&lab));
    assert!(wait_until(SOON, || dropped(&guard, &port) == 4), "{}", guard.counters().unwrap());
    guard.stop().unwrap();
}

#[test]
fn what_is_deleted_is_seen_and_put_back() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.client.echo(OPEN).unwrap(), lab.stranger.echo(OPEN).unwrap());
    let guard = Guard::start(&lab.node, &site("clsact")).unwrap();
    let off = "somebody has taken the filter off eth0 by force";
    for (times, delete) in (1..).zip(["filter del dev eth0 egress", "qdisc del dev eth0 clsact"]) {
        succeeds(&lab.node, "tc", delete);
        assert!(wait_until(SOON, || guard.log().matches(off).count() == times), "{}", guard.log());
        assert!(wait_until(SOON, || filters(&lab).len() == 1), "{delete}: {}", guard.log());
        assert!(wait_until(SOON, || is_kept(&lab)), "{delete}");
        assert!(guard.log().contains("eth0 is guarded (outbound at clsact)"), "{}", guard.log());
    }
    // Without a daemon nobody puts it back, and drift says so.
    let directory = guard.directory().to_owned();
    guard.end(Signal::SIGTERM).unwrap();
    assert!(is_kept(&lab), "it outlives the daemon");
    succeeds(&lab.node, "tc", "filter del dev eth0 egress");
    let guard = Guard::again(&lab.node, &directory).unwrap();
    assert!(is_kept(&lab), "the next daemon puts it back");
    guard.stop().unwrap();
}

#[test]
fn drift_tells_of_a_filter_that_is_deleted_and_of_one_that_is_before_it() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site("clsact")).unwrap();
    // Of those with one priority the latest is the first.
    put_behind(&lab, guard.pins().parent().unwrap(), &Floor::passing_at_tc().unwrap(), "pref 1");
    let [said] = &adrift(&lab, &guard)[..] else { panic!("one interface is not as loaded") };
    assert!(said.contains("another program is before it at clsact egress"), "{said}");
    let (site, pins) = (guard.site(), guard.pins());
    let arguments = format!(
        "drift --allow-silent --site {} --bpffs {}",
        site.display(),
        pins.parent().unwrap().display()
    );
    drop(guard);
    succeeds(&lab.node, "tc", "filter del dev eth0 egress");
    let words: Vec<&str> = arguments.split_whitespace().collect();
    let output = lab.node.output(20, &binary().unwrap().display().to_string(), &words).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the filter was taken off it: somebody has deleted it from clsact"), "{said}");
}

#[test]
fn filters_of_others_see_what_was_let_out_and_stay() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.client.echo(OPEN).unwrap(), lab.stranger.echo(OPEN).unwrap());
    // The qdisc is somebody's, too.
    succeeds(&lab.node, "tc", "qdisc add dev eth0 clsact");
    let guard = Guard::start(&lab.node, &site("clsact")).unwrap();
    assert!(is_kept(&lab));
    put_behind(&lab, guard.pins().parent().unwrap(), &Floor::dropping_at_tc().unwrap(), "pref 2");
    assert_eq!(lab.node.connect(lab.client.v4(), OPEN).unwrap(), Reach::Silent, "it sees what was let out");
    assert_eq!(lab.node.connect(lab.stranger.v4(), OPEN).unwrap(), Reach::Refused, "and not what was not");
    assert_eq!(adrift(&lab, &guard), [""; 0]);
    guard.stop().unwrap();
    assert_eq!(names(&lab).len(), 1);
    assert!(!names(&lab).contains(&"portguard_out".to_owned()));
    succeeds(&lab.node, "tc", "filter del dev eth0 egress pref 2");
    assert!(has_clsact(&lab), "theirs stays");
    assert_eq!(reach(&lab, &lab.stranger, OPEN), [Reach::Open; 2]);
}

#[test]
fn detach_and_off_leave_nothing_but_what_others_have_put_there() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.client.echo(OPEN).unwrap(), lab.stranger.echo(OPEN).unwrap());
    let guard = Guard::start(&lab.node, &site("clsact")).unwrap();
    let pins = guard.pins();
    for _ in 0..2 {
        assert!(is_kept(&lab));
        reloads(&guard, &off());
        assert_eq!((pinned(&guard), has_clsact(&lab)), ([0, 0], false), "the qdisc was made for the filter");
        assert_eq!(reach(&lab, &lab.stranger, OPEN), [Reach::Open; 2]);
        reloads(&guard, &site("clsact"));
    }
    // A filter of somebody else's in the qdisc that was made.
    put_behind(&lab, pins.parent().unwrap(), &Floor::yielding_at_tc().unwrap(), "pref 9");
    let directory = guard.directory().to_owned();
    guard.end(Signal::SIGTERM).unwrap();
    assert!(is_kept(&lab));
    let program = binary().unwrap().display().to_string();
    let (runtime, bpffs) = (directory.display(), pins.parent().unwrap().display());
    succeeds(&lab.node, &program, &format!("detach --runtime-dir {runtime} --bpffs {bpffs}"));
    assert_eq!(reach(&lab, &lab.stranger, OPEN), [Reach::Open; 2]);
    assert!(!pins.exists());
    assert_eq!((names(&lab).len(), has_clsact(&lab)), (1, true), "theirs stays, and the qdisc that it is in");
}

/// As after a kill between the moment in which a site without `outbound` took over and that in which the filter was taken off:
/// the filter is one that another daemon has left, and is pinned as this one's.
#[test]
fn a_filter_that_a_kill_has_left_is_taken_off() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.client.echo(OPEN).unwrap(), lab.stranger.echo(OPEN).unwrap());
    let beside = |site: String| site.replace("[interfaces.eth0]", "[interfaces.eth0]\nattach = \"tcx\"");
    let guard = Guard::start(&lab.node, &beside(off())).unwrap();
    let other = Guard::start(&lab.node, &beside(site("clsact"))).unwrap();
    let (links, pin) = (other.pins().join("tcx"), guard.pins().join("clsact"));
    drop(other);
    for link in fs::read_dir(links).unwrap() {
        fs::remove_file(link.unwrap().path()).unwrap();
    }
    assert!(is_kept(&lab));
    let index = lab.node.within(|| if_nametoindex(INTERFACE).unwrap()).unwrap();
    fs::create_dir_all(pin.join(index.to_string()).join("qdisc")).unwrap();
    let guard = guard.restart().unwrap();
    let stranger = || reach(&lab, &lab.stranger, OPEN);
    assert!(wait_until(SOON, || stranger() == [Reach::Open; 2]), "the log: {}", guard.log());
    assert_eq!((pinned(&guard), has_clsact(&lab)), ([0, 0], false));
    guard.stop().unwrap();
}

#[test]
fn what_stands_in_the_filters_place_is_told_and_stays() {
    let lab = Lab::new().unwrap();
    // A list of filters for both ways: one for what leaves would judge what comes in.
    succeeds(&lab.node, "tc", "qdisc add dev eth0 ingress");
    let error = format!("{:#}", Guard::start(&lab.node, &site("clsact")).unwrap_err());
    assert!(error.contains("interface `eth0` has the qdisc `ingress` where clsact goes"), "{error}");
    succeeds(&lab.node, "tc", "qdisc del dev eth0 ingress");
    succeeds(&lab.node, "tc", "qdisc add dev eth0 clsact");
    let mine = lab.directory().join("mine");
    fs::create_dir(&mine).unwrap();
    put_behind(&lab, &mine, &Floor::yielding_at_tc().unwrap(), "pref 1 handle 0x5047");
    let error = format!("{:#}", Guard::start(&lab.node, &site("clsact")).unwrap_err());
    assert!(error.contains("another tc filter is on interface `eth0` where portguard's goes"), "{error}");
    assert_eq!(filters(&lab).len(), 1);
    assert!(has_clsact(&lab));
}
