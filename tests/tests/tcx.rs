//! `attach = "tcx"`: the same verdict by a tc program, beside other programs.

use std::{
    iter,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use aya::programs::{ProgramInfo, SchedClassifier, TcAttachType};
use nix::net::if_::if_nametoindex;
use portguard_tests::{
    demo::SITE,
    floor::Floor,
    lab::{Guard, Host, INTERFACE, Lab, Reach, binary, comes_back, wait_until},
};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// How long the daemon may take to follow what happened.
const SOON: Duration = Duration::from_secs(15);
/// InfluxDB's port for clients, which the stranger is none of.
const CLIENTS: u16 = 8086;
/// A port of the site's own, to which the client may send datagrams.
const OWN: u16 = 7000;
/// A port that no rule names.
const UNNAMED: u16 = 9;

/// The demo's site with a rule of its own, and its interface attached so.
fn site(attach: &str) -> String {
    let site = SITE.replace("[interfaces.eth0]", &format!("[interfaces.eth0]\nattach = \"{attach}\""));
    format!("{site}\n[[rules]]\nname = \"own\"\nports = [\"{OWN}/udp\"]\nfrom = [\"clients\"]\n")
}

/// Puts a program on the interface of `host`.
fn put(host: &Host, attach: impl FnOnce(u32) -> anyhow::Result<OwnedFd> + Send) -> OwnedFd {
    let attached = host.within(|| attach(if_nametoindex(INTERFACE)?));
    attached.expect("the host is there").expect("the kernel has tcx")
}

/// Whether the client is let in to its port and the stranger is not, at both of the node's addresses.
fn is_guarded(lab: &Lab) -> bool {
    let reach = |host: &Host, address: IpAddr| host.connect(address, CLIENTS).expect("the lab stands");
    [lab.node.v4(), lab.node.v6()].into_iter().all(|address| {
        (reach(&lab.client, address), reach(&lab.stranger, address)) == (Reach::Open, Reach::Silent)
    })
}

/// Sends `count` datagrams.
fn send(from: &Host, to: SocketAddr, count: usize) {
    let sent = from.within(|| {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
        (0..count).filter(|_| socket.send_to(b"x", to).is_ok()).count()
    });
    assert_eq!(sent.expect("the host is there"), count);
}

/// A socket of the node.
fn socket(node: &Host, port: u16) -> UdpSocket {
    let socket = node.within(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).expect("a free port"));
    let socket = socket.expect("the host is there");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("an option");
    socket
}

/// How many datagrams have come to a socket.
fn received(socket: &UdpSocket) -> usize {
    iter::from_fn(|| socket.recv(&mut [0; 64]).ok()).count()
}

/// The packets that were counted for a reason.
fn counted(guard: &Guard, reason: &str) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let rows = counters["reasons"].as_array().expect("a list");
    rows.iter()
        .find(|row| row["reason"] == reason)
        .map_or(0, |row| row["counted"]["packets"].as_u64().unwrap_or(0))
}

fn attached(guard: &Guard) -> Value {
    guard.status().expect("the daemon answers")["interfaces"][0]["attached"].clone()
}

fn succeeds(host: &Host, program: &str, arguments: &[&str]) -> String {
    let output = host.output(20, program, arguments).expect("it is installed");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How many programs are on the node's interface, at XDP and at tcx.
fn programs(lab: &Lab) -> [usize; 2] {
    let xdp = succeeds(&lab.node, "ip", &["link", "show", "dev", INTERFACE]).matches("prog/xdp").count();
    [xdp, tcx_programs(lab).len()]
}

/// The programs at tcx, in their order.
fn tcx_programs(lab: &Lab) -> Vec<u32> {
    let query = || SchedClassifier::query_tcx(INTERFACE, TcAttachType::Ingress);
    let (_, programs) = lab.node.within(query).expect("the host is there").expect("the kernel has tcx");
    programs.iter().map(ProgramInfo::id).collect()
}

/// What `portguard drift` says of interfaces and pins that are not as loaded.
fn adrift(lab: &Lab, guard: &Guard) -> Vec<String> {
    let program = binary().expect("the binary is built").display().to_string();
    let (site, pins) = (guard.site(), guard.pins());
    let bpffs = pins.parent().expect("it is in the BPF file system").display().to_string();
    let site = site.display().to_string();
    let arguments = ["drift", "--site", &site, "--bpffs", &bpffs, "--format", "json"];
    let output = lab.node.output(20, &program, &arguments).expect("portguard starts");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let loose = said["loose"].as_array().unwrap_or_else(|| panic!("{said}"));
    loose.iter().map(|loose| loose["says"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn the_documented_sources_are_let_in_and_the_nodes_own_connections_answered() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.stranger.echo(5000).unwrap(), lab.node.echo(CLIENTS).unwrap());
    let guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    assert!(guard.ready().contains("eth0 (tcx)"), "{}", guard.ready());
    assert_eq!(attached(&guard), "tcx");
    assert!(is_guarded(&lab));
    for (from, to, port) in [(&lab.client, &lab.node, CLIENTS), (&lab.node, &lab.stranger, 5000)] {
        for address in [to.v4(), to.v6()] {
            // The sender's large segments, and what is merged on the way, are one packet to the program.
            let to = SocketAddr::new(address, port);
            let same = from.within(|| comes_back(to, 1 << 24)).unwrap();
            assert!(same.unwrap_or_else(|error| panic!("{to}: {error}")), "{to}");
        }
    }
    guard.stop().unwrap();
}

#[test]
fn programs_of_others_stay_and_see_what_was_let_in() {
    let lab = Lab::new().unwrap();
    let _echo = lab.node.echo(CLIENTS).unwrap();
    let _at_xdp = put(&lab.node, |index| Floor::load()?.attach(index));
    let _at_tcx = put(&lab.node, |index| Floor::yielding_at_tc()?.attach_last_at_tcx(index));
    let guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    assert_eq!(programs(&lab), [1, 2]);
    assert!(is_guarded(&lab));
    let before = counted(&guard, "admitted");
    let behind = put(&lab.node, |index| Floor::dropping_at_tc()?.attach_last_at_tcx(index));
    assert_eq!(lab.client.connect(lab.node.v4(), CLIENTS).unwrap(), Reach::Silent, "it sees the packet");
    assert!(wait_until(SOON, || counted(&guard, "admitted") > before), "which the filter let in");
    drop(behind);
    assert!(is_guarded(&lab));
    assert_eq!(adrift(&lab, &guard), [""; 0]);
    let before = put(&lab.node, |index| Floor::passing_at_tc()?.attach_first_at_tcx(index));
    let [said] = &adrift(&lab, &guard)[..] else { panic!("one interface is not as loaded") };
    assert!(said.contains("another program is before it at tcx"), "{said}");
    drop(before);
    guard.stop().unwrap();
    assert_eq!(programs(&lab), [1, 1], "theirs stay");
}

#[test]
fn nothing_forbidden_passes_while_the_daemon_is_killed_and_the_interface_changes_its_hook() {
    let lab = Lab::new().unwrap();
    let _echo = lab.node.echo(CLIENTS).unwrap();
    let forbidden = socket(&lab.node, UNNAMED);
    let guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let to = SocketAddr::new(lab.node.v4(), UNNAMED);
    let guard = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                send(&lab.stranger, to, 50);
                sent.fetch_add(50, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let _end = ends(&over);
        let mut guard = guard;
        for round in 0..3 {
            guard = guard.restart().unwrap();
            assert_eq!(attached(&guard), "tcx", "the link that is pinned is taken over");
            for (attach, shown, on) in
                [("auto", "native", [1, 0]), ("tcx", "tcx", [0, 1]), ("generic", "generic", [1, 0])]
            {
                assert!(guard.reload(&site(attach)).unwrap().status.success(), "{}", guard.log());
                assert_eq!((attached(&guard), programs(&lab)), (shown.into(), on), "round {round}");
                assert!(is_guarded(&lab), "round {round}, {attach}");
            }
            assert!(guard.reload(&site("tcx")).unwrap().status.success());
        }
        guard
    });
    assert!(sent.load(Ordering::Relaxed) > 1000);
    assert_eq!(received(&forbidden), 0);
    let pins = guard.pins();
    guard.stop().unwrap();
    assert_eq!(programs(&lab), [0, 0]);
    assert!(!pins.exists());
    send(&lab.stranger, to, 1);
    assert_eq!(received(&forbidden), 1, "the node is open");
}

/// Sets `over` when it is dropped, also by a panic.
fn ends(over: &AtomicBool) -> impl Drop {
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    End(over)
}

#[test]
fn counters_are_what_was_sent_over_generations_and_daemons() {
    let lab = Lab::new().unwrap();
    let mut guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    let to = SocketAddr::new(lab.node.v4(), UNNAMED);
    send(&lab.stranger, to, 500);
    assert!(guard.reload(&site("tcx").replace("\"10.88.0.3\"", "\"10.88.0.3\", \"10.88.0.200\"")).is_ok());
    send(&lab.stranger, to, 300);
    guard = guard.restart().unwrap();
    send(&lab.stranger, to, 200);
    assert!(wait_until(SOON, || counted(&guard, "no_socket") >= 1000));
    assert_eq!(counted(&guard, "no_socket"), 1000);
    guard.stop().unwrap();
}

#[test]
fn what_is_taken_off_by_force_is_seen_and_put_back() {
    let lab = Lab::new().unwrap();
    let _echo = lab.node.echo(CLIENTS).unwrap();
    let guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    let links = succeeds(&lab.node, "bpftool", &["--json", "link", "show"]);
    let links: Value = serde_json::from_str(&links).expect("bpftool speaks JSON");
    let ours = tcx_programs(&lab)[0];
    let link = links.as_array().and_then(|links| links.iter().find(|link| link["prog_id"] == ours));
    let link = link.unwrap_or_else(|| panic!("{links}"))["id"].to_string();
    succeeds(&lab.node, "bpftool", &["link", "detach", "id", &link]);
    assert!(wait_until(SOON, || guard.log().contains("somebody has taken the filter off eth0 by force")));
    assert!(wait_until(SOON, || programs(&lab) == [0, 1]), "{}", guard.log());
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

#[test]
fn a_tag_that_was_taken_out_of_the_frame_is_one_of_those_that_are_peeled() {
    let lab = Lab::new().unwrap();
    let _echo = lab.node.echo(CLIENTS).unwrap();
    let own = socket(&lab.node, OWN);
    let guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    // The client knows where to send to from here on.
    assert!(is_guarded(&lab));
    let to = SocketAddr::new(lab.node.v4(), OWN);
    for (tags, comes) in [(0, 100), (1, 100), (4, 100), (5, 0)] {
        let before = counted(&guard, "vlan_depth");
        let tagging = put(&lab.client, |index| Floor::tagging_at_tc(tags)?.attach_at_tcx_egress(index));
        send(&lab.client, to, 100);
        assert_eq!(received(&own), comes, "{tags} tags");
        let dropped = counted(&guard, "vlan_depth") - before;
        assert!(dropped >= 100 - comes as u64 && (comes == 0 || dropped == 0), "{tags} tags: {dropped}");
        drop(tagging);
    }
    guard.stop().unwrap();
}

/// What is sent to a group that the node is in itself comes back to it by the interface, before tcx, and without an Ethernet header.
#[test]
fn what_the_node_sends_to_its_own_group_comes_back_to_it() {
    const GROUP4: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
    const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 7);
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &site("tcx")).unwrap();
    let IpAddr::V4(own) = lab.node.v4() else { panic!("it is one of IPv4") };
    let came = lab.node.within(|| -> anyhow::Result<[usize; 2]> {
        let index = if_nametoindex(INTERFACE)?;
        let member4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, UNNAMED))?;
        member4.join_multicast_v4(&GROUP4, &own)?;
        let member6 = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
        member6.set_only_v6(true)?;
        member6.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, UNNAMED)).into())?;
        member6.set_multicast_if_v6(index)?;
        let member6 = UdpSocket::from(member6);
        member6.join_multicast_v6(&GROUP6, index)?;
        UdpSocket::bind((own, 0))?.send_to(b"x", (GROUP4, UNNAMED))?;
        member6.send_to(b"x", (GROUP6, UNNAMED))?;
        let patience = Some(Duration::from_millis(200));
        [&member4, &member6].into_iter().try_for_each(|member| member.set_read_timeout(patience))?;
        Ok([received(&member4), received(&member6)])
    });
    assert_eq!(came.expect("the host is there").expect("groups can be joined"), [1, 1]);
    assert!(counted(&guard, "looped_back") >= 2, "{}", guard.counters().unwrap());
    assert_eq!(["ethertype", "l2_encapsulation"].map(|reason| counted(&guard, reason)), [0, 0]);
    guard.stop().unwrap();
}
