//! What leaves: the node's own connections and answers get the same from both firewalls.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

use portguard::matrix::{Direction, ZoneId};
use portguard_tests::lab::{Guard, Host, Knock, Lab, Probe, Reach};
use socket2::SockRef;

use super::{check, expected, lab, load, nft, read};

/// How long something may take that happens at once.
const AT_ONCE: Duration = Duration::from_millis(700);
/// Where others serve: of the first a rule tells.
const DOCUMENTED: u16 = 9000;
const UNDOCUMENTED: u16 = 9001;
/// Where the node serves, where it could, where no rule says that it does, and where nobody serves and no rule says so.
const SERVED: u16 = 8000;
const CLOSED: u16 = 8001;
const UNNAMED: u16 = 8002;
const NOBODY: u16 = 8003;

/// A site where the node may reach the client, and the client it; where the peer is let in and reached whatever it is; and
/// where another interface could do more.
fn site(mode: &str, posture: &str, outbound: &str) -> String {
    format!(
        "mode = \"{mode}\"\nposture = \"drop\"\nfailsafe = [\"peer\"]\n\
         outbound = \"{outbound}\"\noutbound_posture = \"{posture}\"\n\
         [interfaces.eth0]\nzone = \"front\"\n[interfaces.eth1]\nzone = \"back\"\n\
         [groups]\nclient = [\"10.88.0.3\", \"fd88::3\"]\npeer = [\"10.88.0.2\", \"fd88::2\"]\n\
         [[rules]]\nname = \"serve\"\nports = [\"{SERVED}-{CLOSED}/tcp\", \"{SERVED}/udp\", \"ip/114\"]\n\
         from = [\"client\"]\n\
         [[rules]]\nname = \"reach\"\nports = [\"{DOCUMENTED}/tcp\", \"{DOCUMENTED}/udp\", \"icmp\", \"ip/112\", \
         \"36412/sctp\"]\nto = [\"client\"]\nzones = [\"front\"]\n\
         [[rules]]\nname = \"beyond\"\nports = [\"{UNDOCUMENTED}/tcp\"]\nto = [\"any\"]\nzones = [\"back\"]\n"
    )
}

/// What the node can try with another host, TCP apart.
fn knocks() -> [Knock; 9] {
    let sctp = |port: u16| {
        let [high, low] = port.to_be_bytes();
        Knock::Protocol(132, [0x80, 0, high, low])
    };
    let other = |number| Knock::Protocol(number, [0; 4]);
    let udp = [Knock::Udp(DOCUMENTED), Knock::Udp(UNDOCUMENTED)];
    let [one, two] = [sctp(36_412), sctp(36_413)];
    [udp[0], udp[1], Knock::Ping, one, two, other(112), other(113), other(114), other(143)]
}

/// From the node to each of the others: one thing after the other, so that most are tried at once.
fn probes(lab: &Lab, knocks: &[Knock]) -> Vec<Probe> {
    let others = [&lab.client, &lab.stranger, &lab.peer];
    let ends: Vec<IpAddr> = others.into_iter().flat_map(|host| [host.v4(), host.v6()]).collect();
    let tries = knocks.iter().flat_map(|&what| ends.iter().map(move |&to| (to, what)));
    tries.map(|(to, what)| Probe { from: lab.node.address_like(to), to, what }).collect()
}

/// The node's connections are opened, or refused at once; other packets are answered or not.
fn leaves(who: &str, lab: &Lab, expects: impl Fn(&[Probe]) -> Vec<bool>, about: &str) {
    let connections = probes(lab, &[Knock::Tcp(DOCUMENTED), Knock::Tcp(UNDOCUMENTED)]);
    for (probe, open) in connections.iter().zip(expects(&connections)) {
        let Knock::Tcp(port) = probe.what else { unreachable!("they are connections") };
        let begun = Instant::now();
        let reach = lab.node.connect(probe.to, port).expect("the node can send");
        assert_eq!(reach, if open { Reach::Open } else { Reach::Refused }, "{who}: {probe:?}\n{about}");
        assert!(begun.elapsed() < AT_ONCE, "{who}: {probe:?} takes {:?}\n{about}", begun.elapsed());
    }
    let others = probes(lab, &knocks());
    check(who, &lab.node, &others, &expects(&others), about);
}

/// Who sends a datagram to where it must not go is told at once.
fn prohibits(who: &str, lab: &Lab, about: &str) {
    for to in [lab.stranger.v4(), lab.stranger.v6()] {
        let from = lab.node.address_like(to);
        let error = lab.node.within(|| {
            let socket = UdpSocket::bind((from, 0)).expect("a free port");
            socket.connect((to, DOCUMENTED)).expect("there is a way");
            socket.set_read_timeout(Some(AT_ONCE)).expect("it can be set");
            // PortGuard's answer is told by the next call.
            socket.send(b"x").and_then(|_| socket.recv(&mut [0; 8])).expect_err("it must not leave").kind()
        });
        let error = error.expect("the node is there");
        let told = matches!(error, ErrorKind::HostUnreachable | ErrorKind::PermissionDenied);
        assert!(told, "{who}: {to}: {error:?}\n{about}");
    }
}

/// The node serves whom it should. `observed`: others come in, too, and are answered.
fn serves(who: &str, lab: &Lab, observed: bool, about: &str) {
    let connects = |host: &Host, to: IpAddr, port: u16, expected: Reach| {
        let reach = host.connect(to, port).expect("the host can send");
        assert_eq!(reach, expected, "{who}: {} to {to} port {port}\n{about}", host.name());
    };
    for to in [lab.node.v4(), lab.node.v6()] {
        connects(&lab.client, to, SERVED, Reach::Open);
        connects(&lab.client, to, CLOSED, Reach::Refused);
        connects(&lab.peer, to, UNNAMED, Reach::Open);
        if observed {
            connects(&lab.stranger, to, SERVED, Reach::Open);
            connects(&lab.stranger, to, UNNAMED, Reach::Open);
            connects(&lab.stranger, to, NOBODY, Reach::Refused);
        }
    }
    let datagrams = |host: &Host, port: u16| {
        [lab.node.v4(), lab.node.v6()].map(|to| {
            let what = Knock::Udp(port);
            Probe { from: host.address_like(to), to, what }
        })
    };
    check(who, &lab.client, &datagrams(&lab.client, SERVED), &[true; 2], about);
    check(who, &lab.peer, &datagrams(&lab.peer, UNNAMED), &[true; 2], about);
    if observed {
        check(who, &lab.stranger, &datagrams(&lab.stranger, SERVED), &[true; 2], about);
    }
}

#[test]
fn both_firewalls_let_the_same_leave_and_refuse_the_rest_at_once() {
    let lab = lab(&BTreeSet::new());
    let _servers = [&lab.client, &lab.stranger, &lab.peer]
        .map(|host| [DOCUMENTED, UNDOCUMENTED].map(|port| host.echo(port).unwrap()));
    let _served = [SERVED, UNNAMED].map(|port| lab.node.echo(port).unwrap());
    let nothing = |probes: &[Probe]| vec![true; probes.len()];
    leaves("nobody", &lab, nothing, "");
    serves("nobody", &lab, true, "");
    for (mode, posture, outbound) in
        [("enforce", "pass", "enforce"), ("observe", "drop", "enforce"), ("enforce", "drop", "observe")]
    {
        let text = site(mode, posture, outbound);
        let matrix = read(&lab.node, &text);
        let front = matrix.zones.iter().position(|zone| zone.name == "front").map(ZoneId::new).unwrap();
        let judged = |probes: &[Probe]| match outbound {
            "observe" => nothing(probes),
            _ => expected(&matrix, front, Direction::Out, probes),
        };
        let judge = |who: &str| {
            leaves(who, &lab, judged, &text);
            if outbound == "enforce" {
                prohibits(who, &lab, &text);
            }
            serves(who, &lab, mode == "observe", &text);
        };
        let guard = Guard::start(&lab.node, &text).unwrap();
        judge("portguard");
        guard.stop().unwrap();
        load(&lab.node, &matrix);
        judge("nftables");
        let listed = nft(&lab.node, &["list", "table", "inet", "portguard"]);
        let refused = listed
            .lines()
            .find(|line| line.contains("tcp dport 9000") && line.contains("refused: site/reach"));
        let refused = refused.unwrap_or_else(|| panic!("{listed}"));
        // One packet to each of the stranger's addresses, or the whole connection.
        assert_eq!(refused.contains("packets 2 "), outbound == "enforce", "{refused}");
        assert!(!refused.contains("packets 0 "), "{refused}");
        assert_eq!(refused.contains("would drop: "), outbound == "observe", "{refused}");
        nft(&lab.node, &["delete", "table", "inet", "portguard"]);
    }
}

#[test]
fn what_is_served_goes_on_when_the_ruleset_is_loaded_though_the_node_speaks_first() {
    // Connection tracking begins with the ruleset, and takes what the node says for the beginning.
    let lab = lab(&BTreeSet::new());
    let _servers = [SERVED, UNNAMED].map(|port| lab.node.echo(port).unwrap());
    let listener = lab.node.within(|| TcpListener::bind(("::", CLOSED))).unwrap().unwrap();
    let to = SocketAddr::new(lab.node.v4(), CLOSED);
    let mut client = lab.client.within(|| TcpStream::connect_timeout(&to, AT_ONCE)).unwrap().unwrap();
    let (mut served, _) = listener.accept().unwrap();
    load(&lab.node, &read(&lab.node, &site("enforce", "drop", "enforce")));
    served.write_all(b"news").unwrap();
    client.set_read_timeout(Some(AT_ONCE)).unwrap();
    let mut news = [0; 4];
    client.read_exact(&mut news).unwrap();
    assert_eq!(&news, b"news");
    drop(listener);
    serves("nftables", &lab, false, "");
}

#[test]
fn of_a_connection_that_the_node_may_not_go_on_with_only_the_end_is_told() {
    let lab = lab(&BTreeSet::new());
    let listener = lab.client.within(|| TcpListener::bind(("::", DOCUMENTED))).unwrap().unwrap();
    let to = SocketAddr::new(lab.client.v4(), DOCUMENTED);
    let mut own = lab.node.within(|| TcpStream::connect_timeout(&to, AT_ONCE)).unwrap().unwrap();
    let (mut other, _) = listener.accept().unwrap();
    other.set_read_timeout(Some(AT_ONCE)).unwrap();
    let text = site("enforce", "drop", "enforce").replace("to = [\"client\"]", "to = []");
    load(&lab.node, &read(&lab.node, &text));
    own.write_all(b"more").unwrap();
    let silence = other.read(&mut [0; 4]).unwrap_err();
    assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence:?}");
    SockRef::from(&own).set_linger(Some(Duration::ZERO)).unwrap();
    drop(own);
    assert_eq!(other.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::ConnectionReset);
}
