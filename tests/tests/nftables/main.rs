//! The same site as an nftables ruleset: the kernel's own firewall takes it, and real packets get its verdicts as they get
//! PortGuard's.

mod leaving;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, SocketAddr, TcpListener},
    time::Duration,
};

use portguard::{
    compile::{Node, compile},
    explain::{Destination, Explanation, Question},
    export::nft::ruleset,
    input::read_site,
    matrix::{Direction, Matrix, Mode, Outbound, OutboundAttach, Posture, Transport, ZoneId},
    policy::BUILT_IN,
};
use portguard_tests::{
    cases::{Site, edges},
    demo::SITE,
    lab::{Guard, Host, Knock, Lab, Probe, Reach},
    oracle::seed,
    rows::{self, Case},
};
use rand::{SeedableRng, rngs::StdRng, seq::IteratorRandom as _};

/// How many ports of a product are tried, beside pings.
const PORTS: usize = 20;

/// Runs `nft` on a host.
fn nft(host: &Host, arguments: &[&str]) -> String {
    let output = host.output(20, "nft", arguments).expect("nft starts: `cargo xtask setup` installs it");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "nft {arguments:?}: {told}");
    assert_eq!(told, "", "nft {arguments:?}");
    String::from_utf8(output.stdout).expect("nft writes UTF-8")
}

/// Loads the ruleset of a site on a host.
fn load(host: &Host, matrix: &Matrix) {
    let file = host.directory().join("portguard.nft");
    fs::write(&file, ruleset(matrix).expect("the interfaces have plain names"))
        .expect("the directory is there");
    nft(host, &["-f", &file.display().to_string()]);
}

fn read(host: &Host, text: &str) -> Matrix {
    let file = host.directory().join("read.toml");
    fs::write(&file, text).expect("the directory is there");
    read_site(&file).unwrap_or_else(|error| panic!("{error:?}\n{text}")).matrix
}

/// A lab whose client has these addresses, too, whose node has a second interface, and whose hosts tell about every packet
/// that nobody takes.
fn lab(sources: &BTreeSet<IpAddr>) -> Lab {
    let lab = Lab::new().expect("the lab is made");
    let ip = |host: &Host, line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = host.output(5, "ip", &arguments).expect("ip starts");
        assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for source in sources {
        let length = if source.is_ipv4() { "32" } else { "128 nodad" };
        let family = if source.is_ipv4() { "-4" } else { "-6" };
        ip(
            &lab.client,
            &format!("{family} address add {source}/{length} dev lo").replace("nodad dev lo", "dev lo nodad"),
        );
        let client = lab.client.address_like(*source);
        ip(&lab.node, &format!("{family} route add {source} via {client}"));
    }
    ip(&lab.node, "link add eth1 type veth peer name eth1-end");
    ip(&lab.node, "link set eth1 up");
    let settings = [
        ("ipv4/icmp_ratelimit", "0"),
        ("ipv4/icmp_ratemask", "0"),
        ("ipv6/icmp/ratelimit", "0"),
        ("ipv4/conf/all/rp_filter", "0"),
    ];
    let set = || settings.map(|(name, value)| fs::write(format!("/proc/sys/net/{name}"), value));
    for host in [&lab.node, &lab.peer, &lab.client, &lab.stranger] {
        for written in host.within(set).expect("the host is there") {
            written.expect("root of the namespace");
        }
    }
    for address in [lab.node.v4(), lab.node.v6()] {
        assert!(lab.client.pings(address).expect("a ping can be sent"), "the hosts know each other");
    }
    lab
}

/// What `explain` says of probes that come in or leave by `zone`.
fn expected(matrix: &Matrix, zone: ZoneId, direction: Direction, probes: &[Probe]) -> Vec<bool> {
    let image = compile(matrix, &Node::default()).expect("the matrix is small");
    let passes = |probe: &Probe| {
        let to = match probe.what {
            Knock::Tcp(port) => Destination::Port(Transport::Tcp, port),
            Knock::Udp(port) => Destination::Port(Transport::Udp, port),
            Knock::Protocol(132, [_, _, high, low]) => {
                Destination::Port(Transport::Sctp, u16::from_be_bytes([high, low]))
            }
            Knock::Ping => Destination::Icmp(None),
            Knock::Protocol(number, _) => Destination::Protocol(number),
        };
        let peer = match direction {
            Direction::In => probe.from,
            Direction::Out => probe.to,
        };
        let question = Question { from: peer, to, zone, direction };
        !Explanation::new(&question, matrix, &image).drops()
    };
    probes.iter().map(passes).collect()
}

/// Compares what is answered with what is expected, and names the probes that differ.
fn check(who: &str, host: &Host, probes: &[Probe], expected: &[bool], about: &str) {
    let answered = host.knock(probes).expect("the host can knock");
    let differ: Vec<(&Probe, bool)> = std::iter::zip(probes, std::iter::zip(&answered, expected))
        .filter(|(_, (answered, expected))| answered != expected)
        .map(|(probe, (_, expected))| (probe, *expected))
        .collect();
    assert!(differ.is_empty(), "{who}, seed {}: {differ:#?} should be so\n{about}", seed());
}

/// Nothing is in the way, then PortGuard, then nftables.
fn compare(lab: &Lab, text: &str, zone: &str, probes: &[Probe]) {
    let matrix = read(&lab.node, text);
    let zone =
        matrix.zones.iter().position(|known| known.name == zone).map(ZoneId::new).expect("it is a zone");
    let expected = expected(&matrix, zone, Direction::In, probes);
    assert!(expected.contains(&true) && expected.contains(&false), "the sample holds both\n{text}");
    check("nobody", &lab.client, probes, &vec![true; probes.len()], text);
    let guard = Guard::start(&lab.node, text).expect("portguard starts");
    check("portguard", &lab.client, probes, &expected, text);
    guard.stop().expect("portguard stops");
    load(&lab.node, &matrix);
    check("nftables", &lab.client, probes, &expected, text);
    nft(&lab.node, &["delete", "table", "inet", "portguard"]);
}

/// A site of one product where each role is a group of its own, the interface that is tried in its `nth` zone.
fn site(site: &Site, nth: usize) -> (String, String) {
    let roles: Vec<&str> = site.roles().iter().map(String::as_str).collect();
    let text = site.case.site(&roles);
    match site.case.zones.get(nth) {
        None => (text, "default".to_owned()),
        Some(zone) if nth == 0 => (text, format!("at-{zone}")),
        Some(zone) => {
            let swapped = text.replace("[interfaces.eth0]", "[interfaces.other]");
            let swapped = swapped.replace(&format!("[interfaces.eth{nth}]"), "[interfaces.eth0]");
            (swapped.replace("[interfaces.other]", "[interfaces.eth1]"), format!("at-{zone}"))
        }
    }
}

#[test]
fn both_firewalls_give_a_products_roles_and_a_stranger_the_same_verdicts() {
    let mut random = StdRng::seed_from_u64(seed());
    // Of each product the way to set it up that has the most rows.
    let mut largest: BTreeMap<&str, Case> = BTreeMap::new();
    for case in rows::cases() {
        match largest.get(case.policy) {
            Some(known) if known.rows.len() >= case.rows.len() => {}
            _ => drop(largest.insert(case.policy, case)),
        }
    }
    assert_eq!(largest.len(), BUILT_IN.len());
    for case in largest.into_values() {
        let product = Site::read(case).unwrap();
        let sources = product.sources();
        let lab = lab(&sources.iter().map(|(_, address)| *address).collect());
        for nth in 0..product.case.zones.len().max(1) {
            let (text, zone) = site(&product, nth);
            let ports = edges(&product.case.rows).into_iter().filter(|(protocol, _)| *protocol != "icmp");
            let mut knocks = vec![Knock::Ping];
            knocks.extend(ports.sample(&mut random, PORTS).into_iter().map(
                |(protocol, port)| match protocol {
                    "udp" => Knock::Udp(port),
                    _ => Knock::Tcp(port),
                },
            ));
            let probes: Vec<Probe> = sources
                .iter()
                .flat_map(|&(_, from)| {
                    let to = lab.node.address_like(from);
                    knocks.iter().map(move |&what| Probe { from, to, what })
                })
                .collect();
            compare(&lab, &text, &zone, &probes);
        }
    }
}

#[test]
fn both_firewalls_agree_about_sctp_and_protocols_without_ports() {
    let sources =
        ["10.1.0.9", "10.2.0.9", "2001:db8:1::9", "2001:db8:2::9"].map(|text| text.parse().unwrap());
    let lab = lab(&sources.into_iter().collect());
    for posture in ["drop", "pass"] {
        let text = format!(
            "mode = \"enforce\"\nposture = \"{posture}\"\n[interfaces.eth0]\n[groups]\n\
             one = [\"10.1.0.0/16\", \"2001:db8:1::/48\"]\n[[rules]]\nname = \"odd\"\n\
             ports = [\"36412-36413/sctp\", \"ip/112\", \"9/tcp\", \"icmp\"]\nfrom = [\"one\"]\n"
        );
        let sctp = |port: u16| {
            let [high, low] = port.to_be_bytes();
            Knock::Protocol(132, [0x80, 0, high, low])
        };
        let other = |number| Knock::Protocol(number, [0; 4]);
        let knocks =
            [sctp(36_411), sctp(36_412), sctp(36_413), sctp(36_414), other(112), other(113), other(143)];
        let knocks = [&knocks[..], &[Knock::Tcp(9), Knock::Tcp(10), Knock::Udp(9), Knock::Ping]].concat();
        let of = |what| sources.map(|from| Probe { from, to: lab.node.address_like(from), what });
        let probes: Vec<Probe> = knocks.into_iter().flat_map(of).collect();
        compare(&lab, &text, "default", &probes);
    }
}

#[test]
fn both_firewalls_admit_failsafe_groups_to_everything() {
    let sources =
        ["10.1.0.9", "10.2.0.9", "2001:db8:1::9", "2001:db8:2::9"].map(|text| text.parse().unwrap());
    let lab = lab(&sources.into_iter().collect());
    for posture in ["drop", "pass"] {
        let text = format!(
            "mode = \"enforce\"\nposture = \"{posture}\"\nfailsafe = [\"one\", \"gone\"]\n[interfaces.eth0]\n[groups]\n\
             one = [\"10.1.0.0/16\", \"2001:db8:1::/48\"]\ntwo = [\"10.2.0.0/16\"]\ngone = []\n[[rules]]\nname = \"odd\"\n\
             ports = [\"36412/sctp\", \"ip/112\", \"9/tcp\", \"icmp\"]\nfrom = [\"two\"]\n"
        );
        let other = |number| Knock::Protocol(number, [0x80, 0, 0x8e, 0x3c]);
        let knocks =
            [other(132), other(112), other(143), Knock::Tcp(9), Knock::Tcp(10), Knock::Udp(9), Knock::Ping];
        let of = |what| sources.map(|from| Probe { from, to: lab.node.address_like(from), what });
        let probes: Vec<Probe> = knocks.into_iter().flat_map(of).collect();
        compare(&lab, &text, "default", &probes);
    }
}

#[test]
fn both_firewalls_choose_the_narrowest_pattern_for_an_interface() {
    let lab = lab(&BTreeSet::new());
    let probes: Vec<Probe> = [9, 10]
        .into_iter()
        .map(|port| Probe { from: lab.client.v4(), to: lab.node.v4(), what: Knock::Tcp(port) })
        .collect();
    for (pattern, zone) in [("eth0*", "narrow"), ("eth1*", "wide")] {
        let text = format!(
            "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.\"eth*\"]\nzone = \"wide\"\n\
             [interfaces.\"{pattern}\"]\nzone = \"narrow\"\ndhcp = true\n\
             [[rules]]\nname = \"w\"\nports = [\"9/tcp\"]\nfrom = [\"any\"]\nzones = [\"wide\"]\n\
             [[rules]]\nname = \"n\"\nports = [\"10/tcp\"]\nfrom = [\"any\"]\nzones = [\"narrow\"]\n"
        );
        compare(&lab, &text, zone, &probes);
    }
}

#[test]
fn what_the_node_opens_itself_is_answered_and_a_stranger_is_not() {
    let lab = lab(&BTreeSet::new());
    let _echo = lab.stranger.echo(5000).unwrap();
    let _listener = lab.node.within(|| TcpListener::bind(("::", 50_071)).unwrap()).unwrap();
    load(&lab.node, &read(&lab.node, SITE));
    for to in [lab.stranger.v4(), lab.stranger.v6()] {
        assert_eq!(lab.node.connect(to, 5000).unwrap(), Reach::Open, "{to}");
        let from = lab.node.address_like(to);
        let echoed = lab.node.within(|| {
            let socket = std::net::UdpSocket::bind((from, 0))?;
            socket.set_read_timeout(Some(Duration::from_secs(2)))?;
            socket.send_to(b"echo", SocketAddr::new(to, 5000))?;
            socket.recv(&mut [0; 16])
        });
        assert_eq!(echoed.unwrap().unwrap(), 4, "{to}");
        assert!(lab.node.pings(to).unwrap(), "{to}");
        assert_eq!(lab.stranger.connect(from, 50_071).unwrap(), Reach::Silent, "{to}");
        assert!(!lab.stranger.pings(from).unwrap(), "{to}");
    }
}

#[test]
fn a_peer_that_is_admitted_no_more_loses_its_connection() {
    // With the usual `ct state established accept` it would keep it.
    let lab = lab(&BTreeSet::new());
    let _echo = lab.node.echo(8086).unwrap();
    load(&lab.node, &read(&lab.node, SITE));
    let to = SocketAddr::new(lab.node.v4(), 8086);
    let asked = lab.client.within(|| -> std::io::Result<[bool; 2]> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect_timeout(&to, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut ask =
            || stream.write_all(b"x").is_ok() && stream.read(&mut [0; 8]).is_ok_and(|length| length == 1);
        let before = ask();
        load(&lab.node, &read(&lab.node, &SITE.replace(r#"clients = ["clients"]"#, "clients = []")));
        Ok([before, ask()])
    });
    assert_eq!(asked.unwrap().unwrap(), [true, false]);
}

#[test]
fn observe_counts_what_it_would_drop_and_drops_nothing() {
    let lab = lab(&BTreeSet::new());
    load(&lab.node, &read(&lab.node, &SITE.replace("\"enforce\"", "\"observe\"")));
    assert_eq!(lab.stranger.connect(lab.node.v4(), 8088).unwrap(), Reach::Refused);
    let listed = nft(&lab.node, &["list", "table", "inet", "portguard"]);
    let counted = |what: &str| {
        let line = listed.lines().find(|line| line.contains("8088") && line.contains(what));
        line.unwrap_or_else(|| panic!("no rule {what}\n{listed}")).to_owned()
    };
    let would = counted("would drop: refused: influxdb-enterprise/rpc (influxdb-enterprise.md:25)");
    assert!(would.contains("packets 1 bytes") && would.contains("accept"), "{would}");
    assert!(counted("for cluster").contains("packets 0 bytes"), "{listed}");
    assert!(!listed.contains(" drop "), "{listed}");
}

#[test]
fn a_ruleset_is_loaded_over_an_earlier_one_and_says_what_it_holds() {
    let lab = Lab::new().unwrap();
    let first = read(&lab.node, SITE);
    load(&lab.node, &first);
    let once = nft(&lab.node, &["-s", "list", "ruleset"]);
    load(&lab.node, &first);
    assert_eq!(nft(&lab.node, &["-s", "list", "ruleset"]), once);
}

#[test]
fn nft_takes_the_ruleset_of_every_product_in_every_way_and_of_odd_sites() {
    let lab = Lab::new().unwrap();
    let file = lab.directory().join("checked.nft");
    let check = |matrix: &Matrix| {
        fs::write(&file, ruleset(matrix).unwrap()).unwrap();
        nft(&lab.node, &["-c", "-f", &file.display().to_string()]);
    };
    for case in rows::cases() {
        let outbound =
            Some(Outbound { mode: Mode::Enforce, posture: Posture::Drop, attach: OutboundAttach::Auto });
        check(&Matrix { outbound, ..Site::read(case).unwrap().matrix });
    }
    // Everybody and nobody, groups and zones that are called like words of nft, all kinds of services, an odd interface.
    check(&read(
        &lab.node,
        "mode = \"observe\"\nposture = \"pass\"\noutbound = \"enforce\"\noutbound_posture = \"pass\"\n\
         [interfaces.eth0]\nzone = \"tcp\"\ndhcp = true\n\
         [interfaces.\"bond0.100-a;{#\"]\nzone = \"drop\"\n[interfaces.eth2]\nzone = \"drop\"\ndhcp = true\n\
         [groups]\naccept = [\"0.0.0.0/0\"]\nset = [\"::/0\"]\nelements = []\n\
         halves = [\"0.0.0.0/1\", \"128.0.0.0/1\", \"2001:db8::/33\", \"2001:db8:8000::/33\"]\n\
         [[rules]]\nname = \"counter\"\nports = [\"1-65535/tcp\", \"53/udp\", \"7/sctp\", \"icmp\", \"icmp/5\", \"icmpv6/137\", \"ip/47\"]\n\
         from = [\"any\", \"accept\", \"set\", \"elements\"]\ndescription = \"a \\\"quote\\\"\\nand a line\"\n\
         [[rules]]\nname = \"meter\"\nports = [\"1-65535/tcp\", \"53/udp\", \"7/sctp\", \"icmp\", \"ip/47\"]\n\
         to = [\"any\", \"accept\", \"set\", \"elements\"]\n",
    ));
}
