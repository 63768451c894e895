//! What leaves: ThoughtSpot's outbound rows with real servers at the other end, and nothing else, while what is served is served.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6, UdpSocket},
    path::PathBuf,
    process, thread,
    time::{Duration, Instant},
};

use nix::net::if_::if_nametoindex;
use portguard_tests::lab::{Guard, Host, Lab, Process, Reach, https, slapd, smtp, wait_until};
use serde_json::{Value, json};

/// The one address that the document names.
const TRANSFER: &str = "208.83.110.20";
/// How long something may take that happens at once.
const AT_ONCE: Duration = Duration::from_millis(700);
const SOON: Duration = Duration::from_secs(10);

const SITE: &str = r#"mode = "enforce"
posture = "drop"
outbound = "enforce"
outbound_posture = "drop"

[interfaces.eth0]

[groups]
nodes = ["10.88.0.1", "10.88.0.2", "fd88::1", "fd88::2"]
services = ["10.88.0.3", "fd88::3"]

[products.analytics]
policy = "thoughtspot"
[products.analytics.roles]
nodes = ["nodes"]
admins = ["services"]
users = ["services"]
support = []
mail-relay = ["services"]
directory = ["services"]

[[rules]]
name = "pings"
ports = ["icmp"]
from = ["services"]
"#;

/// The servers that the document speaks of, and the same ones at a stranger's.
struct World {
    lab: Lab,
    _servers: Vec<Process>,
}

impl World {
    fn new() -> Self {
        let lab = Lab::new().expect("a lab");
        lab.stranger.ip(&format!("address add {TRANSFER}/32 dev eth0")).expect("ip does it");
        lab.node.ip(&format!("route add {TRANSFER}/32 dev eth0")).expect("ip does it");
        let mut servers = Vec::new();
        for host in [&lab.client, &lab.stranger] {
            servers.push(smtp(host, &[25, 587]).expect("a mail server"));
            servers.push(slapd(host).expect("a directory"));
            servers.push(https(host, 443).expect("a web server"));
        }
        Self { lab, _servers: servers }
    }

    /// Whether the node gets an answer from `url`, and how long that took.
    fn fetches(&self, url: &str) -> (bool, Duration) {
        let start = Instant::now();
        let mut arguments = vec!["--silent", "--insecure", "--max-time", "4", url];
        let is_mail = url.starts_with("smtp");
        // A mail server is asked who it is.
        if is_mail {
            arguments.extend(["--request", "NOOP"]);
        }
        let output = self.lab.node.output(8, "curl", &arguments).expect("curl starts");
        (output.status.success(), start.elapsed())
    }

    fn hosts(host: &Host) -> [String; 2] {
        [host.v4().to_string(), format!("[{}]", host.v6())]
    }
}

/// The documented destinations, by address.
fn documented(world: &World) -> Vec<String> {
    let mut urls = vec![format!("https://{TRANSFER}/")];
    for host in World::hosts(&world.lab.client) {
        for service in ["smtp://{}:25", "smtp://{}:587", "ldap://{}/", "ldaps://{}/"] {
            urls.push(service.replace("{}", &host));
        }
    }
    urls
}

/// The same services where no document says that the node goes there.
fn undocumented(world: &World) -> Vec<String> {
    let mut urls = Vec::new();
    for host in World::hosts(&world.lab.stranger) {
        for service in ["smtp://{}:25", "smtp://{}:587", "ldap://{}/", "ldaps://{}/", "https://{}/"] {
            urls.push(service.replace("{}", &host));
        }
    }
    // Documented for the transfer host alone.
    urls.extend(World::hosts(&world.lab.client).map(|host| format!("https://{host}/")));
    urls
}

/// Of a port that the node reaches, how many packets were dropped, and would have been.
fn refused(guard: &Guard, port: &str) -> (u64, u64) {
    let counters = guard.counters().expect("the daemon answers");
    let rows = counters["ports"].as_array().expect("a list").iter();
    let rows = rows.chain(counters["undocumented"].as_array().expect("a list"));
    let of = |row: &Value, what: &str| row[what]["packets"].as_u64().unwrap_or(0);
    rows.filter(|row| row["direction"] == "out" && row["port"] == port)
        .fold((0, 0), |(dropped, would), row| (dropped + of(row, "dropped"), would + of(row, "would_drop")))
}

#[test]
fn each_documented_destination_is_reached_and_every_other_fails_at_once() {
    let world = World::new();
    let guard = Guard::start(&world.lab.node, SITE).unwrap();
    assert!(guard.ready().contains("eth0 (native, outbound by tcx)"), "{}", guard.ready());
    for url in documented(&world) {
        assert!(world.fetches(&url).0, "{url}; the log: {}", guard.log());
    }
    for url in undocumented(&world) {
        let (fetched, took) = world.fetches(&url);
        assert!(!fetched, "{url} is reached");
        assert!(took < AT_ONCE, "{url} fails after {took:?}");
    }
    assert!(refused(&guard, "out 443/tcp").0 >= 4, "{}", guard.counters().unwrap());
    assert!(refused(&guard, "out 25/tcp").0 >= 2, "{}", guard.counters().unwrap());
    guard.stop().unwrap();
    for url in undocumented(&world) {
        assert!(world.fetches(&url).0, "{url} is not reached without a filter");
    }
}

#[test]
fn a_datagram_that_must_not_leave_is_said_to_be_prohibited() {
    let world = World::new();
    // Where the answers come in, too.
    let site = SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\nattach = \"tcx\"");
    let guard = Guard::start(&world.lab.node, &site).unwrap();
    for (own, peer) in
        [(world.lab.node.v4(), world.lab.stranger.v4()), (world.lab.node.v6(), world.lab.stranger.v6())]
    {
        let error = world.lab.node.within(|| {
            let socket = UdpSocket::bind((own, 0)).expect("a free port");
            socket.connect((peer, 9)).expect("there is a way");
            socket.set_read_timeout(Some(AT_ONCE)).expect("it can be set");
            // The error of the first is told by the next call.
            socket.send(b"x").and_then(|_| socket.recv(&mut [0; 8])).expect_err("nobody answers")
        });
        let error = error.unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::HostUnreachable | ErrorKind::PermissionDenied),
            "{peer}: {error:?}"
        );
    }
    assert_eq!(refused(&guard, "out 9/udp").0, 2);
    // To several hosts: nobody answers for those, or the answer would come from an address that no host has.
    let sent = world.lab.node.within(|| -> io::Result<()> {
        let index = if_nametoindex("eth0")?;
        let [v4, v6] = [UdpSocket::bind((world.lab.node.v4(), 0))?, UdpSocket::bind("[::]:0")?];
        v4.set_broadcast(true)?;
        v4.send_to(b"x", "10.88.0.255:9")?;
        v4.send_to(b"x", (Ipv4Addr::new(224, 0, 0, 251), 9))?;
        let everybody = SocketAddrV6::new(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb), 9, 0, index);
        v6.send_to(b"x", everybody).map(drop)
    });
    sent.unwrap().unwrap();
    assert_eq!(refused(&guard, "out 9/udp").0, 5);
    let counters = guard.counters().unwrap();
    let reasons = counters["reasons"].as_array().unwrap().iter().filter(|row| row["direction"] == "in");
    let told: Vec<&str> = reasons
        .filter(|row| row["counted"]["packets"].as_u64() > Some(0))
        .filter_map(|row| row["reason"].as_str())
        .collect();
    assert!(!told.contains(&"martian"), "{told:?}");
    guard.stop().unwrap();
}

#[test]
fn observe_lets_everything_leave_and_counts_what_it_would_have_dropped() {
    let world = World::new();
    let site = SITE.replace("outbound = \"enforce\"", "outbound = \"observe\"");
    let guard = Guard::start(&world.lab.node, &site).unwrap();
    for url in documented(&world).into_iter().chain(undocumented(&world)) {
        assert!(world.fetches(&url).0, "{url}");
    }
    let (dropped, counted) = refused(&guard, "out 443/tcp");
    assert_eq!(dropped, 0);
    assert!(counted >= 4, "{counted}");
    let output = guard.reload(SITE).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let forbidden = &undocumented(&world)[0];
    assert!(!world.fetches(forbidden).0, "{forbidden} is reached after a reload that enforces");
    guard.stop().unwrap();
}

fn reaches(lab: &Lab, port: u16, expected: Reach) {
    let addresses: [(IpAddr, &Host); 2] = [(lab.node.v4(), &lab.client), (lab.node.v6(), &lab.client)];
    for (to, from) in addresses {
        assert_eq!(from.connect(to, port).expect("the host can send"), expected, "{to} port {port}");
    }
}

#[test]
fn what_is_served_is_served_while_outbound_is_enforced() {
    let lab = Lab::new().unwrap();
    let _server = lab.node.echo(4001).unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    reaches(&lab, 4001, Reach::Open);
    // Documented, and nobody listens: the node says so.
    reaches(&lab, 2201, Reach::Refused);
    for to in [lab.node.v4(), lab.node.v6()] {
        assert!(lab.client.pings(to).unwrap(), "{to} answers pings");
    }
    // The other node serves it, too, and the document says that nodes speak to each other there.
    let _peer = lab.peer.echo(2100).unwrap();
    for to in [lab.peer.v4(), lab.peer.v6()] {
        assert_eq!(lab.node.connect(to, 2100).unwrap(), Reach::Open, "{to}");
    }
    guard.stop().unwrap();
}

#[test]
fn without_outbound_no_program_looks_at_what_leaves_and_after_detaching_none_does() {
    let lab = Lab::new().unwrap();
    let _server = lab.stranger.echo(443).unwrap();
    let off = SITE.replace("outbound = \"enforce\"\noutbound_posture = \"drop\"\n", "");
    let guard = Guard::start(&lab.node, &off).unwrap();
    let links = |guard: &Guard| fs::read_dir(guard.pins().join("egress")).map_or(0, Iterator::count);
    let reach = || lab.node.connect(lab.stranger.v4(), 443).unwrap();
    assert_eq!((links(&guard), reach()), (0, Reach::Open));
    for _ in 0..2 {
        assert!(guard.reload(SITE).unwrap().status.success());
        assert_eq!((links(&guard), reach()), (1, Reach::Refused));
        assert!(guard.reload(&off).unwrap().status.success());
        assert_eq!((links(&guard), reach()), (0, Reach::Open));
    }
    assert!(guard.reload(SITE).unwrap().status.success());
    let guard = guard.restart().unwrap();
    assert_eq!((links(&guard), reach()), (1, Reach::Refused), "it outlives its daemon");
    assert!(wait_until(SOON, || refused(&guard, "out 443/tcp").0 == 3), "{}", guard.counters().unwrap());
    let detached = guard.ask(&["detach"]).unwrap();
    assert!(detached.status.success(), "{}", String::from_utf8_lossy(&detached.stderr));
    assert_eq!(reach(), Reach::Open);
}

/// As after a kill between the moment in which a site without `outbound` took over and that in which the program was taken off.
#[test]
fn a_program_that_a_kill_has_left_where_packets_leave_is_taken_off() {
    let lab = Lab::new().unwrap();
    let _server = lab.stranger.echo(443).unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let links = guard.pins().join("egress");
    let pin = fs::read_dir(&links).unwrap().next().unwrap().unwrap().path();
    let kept = guard.pins().with_file_name("kept");
    let [from, to] = [&pin, &kept].map(|path| path.display().to_string());
    let pinned = lab.node.output(5, "bpftool", &["link", "pin", "pinned", &from, &to]).unwrap();
    assert!(pinned.status.success(), "{}", String::from_utf8_lossy(&pinned.stderr));
    assert!(
        guard
            .reload(&SITE.replace("outbound = \"enforce\"\noutbound_posture = \"drop\"\n", ""))
            .unwrap()
            .status
            .success()
    );
    fs::rename(&kept, &pin).unwrap();
    let reach = || lab.node.connect(lab.stranger.v4(), 443).unwrap();
    assert_eq!(reach(), Reach::Refused, "the older generation's program is there still");
    let guard = guard.restart().unwrap();
    assert!(wait_until(SOON, || reach() == Reach::Open), "the log: {}", guard.log());
    assert_eq!(fs::read_dir(&links).unwrap().count(), 0);
    guard.stop().unwrap();
}

/// A cgroup of the unified hierarchy that is removed in the end.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/mounts").expect("it can be read");
        let mount = mounts.lines().find_map(|mount| match mount.split(' ').collect::<Vec<_>>()[..] {
            [_, directory, "cgroup2", ..] => Some(directory),
            _ => None,
        });
        let path = PathBuf::from(mount.expect("the unified hierarchy is mounted")).join(name);
        fs::create_dir(&path).expect("a cgroup can be made");
        Self(path)
    }

    /// Runs a shell's `command` in it as `user`.
    fn run(&self, host: &Host, user: u32, command: &str) {
        let command = format!(
            "echo $$ > {}/cgroup.procs && exec setpriv --reuid {user} --clear-groups sh -c '{command}'",
            self.0.display()
        );
        host.output(10, "sh", &["-c", &command]).expect("a shell starts");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // What ran in it may be on its way out still.
        let gone = wait_until(SOON, || fs::remove_dir(&self.0).is_ok());
        assert!(gone || thread::panicking(), "{} stays", self.0.display());
    }
}

#[test]
fn whoever_sent_what_must_not_leave_is_named_by_user_and_cgroup() {
    let world = World::new();
    let name = format!("portguard-test-{}", process::id());
    let cgroup = Cgroup::new(&name);
    let guard = Guard::start(&world.lab.node, SITE).unwrap();
    let stranger = world.lab.stranger.v4();
    let fetch = format!("curl --silent --insecure --max-time 4 https://{stranger}/");
    cgroup.run(&world.lab.node, 4242, &fetch);
    world.lab.client.connect(world.lab.node.v4(), 23).unwrap();
    let told = || -> Value {
        let output = guard.ask(&["drops", "--format", "json"]).expect("the daemon answers");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let rows = |direction: &str| -> Vec<Value> {
        let drops = told();
        let rows = drops["rows"].as_array().expect("a list").iter();
        rows.filter(|row| row["direction"] == direction).cloned().collect()
    };
    assert!(wait_until(SOON, || rows("out").iter().any(|row| row["process"].is_object())), "{}", told());
    let process = json!({ "uid": 4242, "cgroup": format!("/{name}") });
    assert_eq!(
        rows("out").iter().map(|row| row["process"].clone()).collect::<Vec<_>>(),
        [process],
        "{}",
        told()
    );
    assert!(rows("in").iter().all(|row| row.get("process").is_none()), "{}", told());
    let text = guard.ask(&["drops"]).unwrap();
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.contains(&format!("uid 4242 in /{name}")), "{text}");
    guard.stop().unwrap();
}

/// Each reading of the kernel's table has moments in which a packet may be counted and not noted, or noted and not told of.
#[test]
fn whoever_asks_all_the_time_learns_of_each_packet_and_who_sent_it() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let drops = || -> Value {
        let output = guard.ask(&["drops", "--format", "json"]).expect("the daemon answers");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    // Fewer than a CPU tells of in a second.
    for port in 20_001..20_051 {
        thread::scope(|scope| {
            scope.spawn(drops);
            // Now before that reading begins, now within it, now after it.
            thread::sleep(Duration::from_millis(u64::from(port % 10)));
            assert_eq!(lab.node.connect(lab.stranger.v4(), port).unwrap(), Reach::Refused, "{port}");
        });
        let told = drops();
        let name = format!("out {port}/tcp");
        let rows = told["rows"].as_array().expect("a list").iter();
        let of: Vec<&Value> = rows.filter(|row| row["port"] == name).collect();
        let [row] = of[..] else { panic!("{name}: {of:?}, of {told}") };
        assert_eq!((&row["packets"], &row["process"]["uid"]), (&1.into(), &0.into()), "{row}");
    }
    guard.stop().unwrap();
}

#[test]
fn a_report_says_what_the_node_reached_and_what_it_was_kept_from() {
    let world = World::new();
    let guard = Guard::start(&world.lab.node, SITE).unwrap();
    let mail = format!("smtp://{}:25", world.lab.client.v4());
    assert!(world.fetches(&mail).0, "the log: {}", guard.log());
    let stranger = world.lab.stranger.v4();
    assert!(!world.fetches(&format!("https://{stranger}/")).0);
    let state = guard.directory().join("state").display().to_string();
    let report = |format: &str| {
        let arguments = ["report", "--since", "2h", "--format", format, "--state-dir", &state];
        let output = world.lab.node.within(|| guard.ask(&arguments)).unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let line = |text: &str, of: &str| {
        let found = text.lines().find(|line| line.contains(of));
        found.map_or_else(|| panic!("nothing about {of}: {text}"), str::to_owned)
    };
    let ticket = report("md");
    assert!(line(&ticket, "| Outbound |").contains("enforce, posture drop"));
    assert!(!line(&ticket, "thoughtspot/mail (").contains("| never |"), "{ticket}");
    assert!(line(&ticket, "thoughtspot/secure-mail (").contains("| never |"), "{ticket}");
    assert!(line(&ticket, &format!("| {stranger} | ")).contains("out 443/tcp"), "{ticket}");
    let json: Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(json["accepts"]["proof"], "same");
    let lost = json["gaps"]["lost"]["reasons"].as_array().unwrap();
    let lost = lost.iter().find(|row| row["reason"] == "destination_not_admitted").unwrap();
    assert_eq!((&lost["direction"], &lost["lost"]), (&"out".into(), &0.into()), "{lost}");
    let rows = report("csv");
    assert_eq!(rows.lines().filter(|row| row.contains("destination_not_admitted")).count(), 1, "{rows}");
    assert!(line(&rows, "destination_not_admitted").contains(",out,0,"), "root sent it: {rows}");
    let asked = guard.ask(&["drops", "--reason", "out destination_not_admitted", "--since", "2h"]).unwrap();
    assert!(String::from_utf8_lossy(&asked.stdout).contains(&stranger.to_string()), "{asked:?}");
    guard.stop().unwrap();
}
