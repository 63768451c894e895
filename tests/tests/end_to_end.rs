//! A guarded node among real peers: real packets and real sockets.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    time::Duration,
};

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, Lab, Reach, comes_back, wait_until},
};

const PATIENCE: Duration = Duration::from_secs(2);

/// Listens on the node's `ports`, both families, as long as the sockets are held.
fn listen(host: &Host, ports: &[u16]) -> Vec<TcpListener> {
    let listen = |port: &u16| TcpListener::bind(("::", *port)).expect("the port is free in the lab");
    host.within(|| ports.iter().map(listen).collect()).expect("the host is there")
}

/// Asks by one datagram, of a connected socket, and compares the answer.
fn is_echoed(to: SocketAddr) -> io::Result<bool> {
    let any = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(to)?;
    socket.send(b"echo")?;
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer)?;
    Ok(buffer[..length] == *b"echo")
}

#[test]
fn what_the_node_opens_itself_is_answered() {
    let lab = Lab::new().unwrap();
    // The client is in a group of the site, the stranger in none.
    let _echoes = (lab.client.echo(5000).unwrap(), lab.stranger.echo(5000).unwrap());
    let guard = Guard::start(&lab.node, SITE).unwrap();
    for host in [&lab.client, &lab.stranger] {
        for address in [host.v4(), host.v6()] {
            let to = SocketAddr::new(address, 5000);
            let tcp = lab.node.within(|| comes_back(to, 1 << 22)).unwrap();
            assert!(tcp.unwrap_or_else(|error| panic!("TCP to {to}: {error}")), "TCP to {to}");
            let udp = lab.node.within(|| is_echoed(to)).unwrap();
            assert!(udp.unwrap_or_else(|error| panic!("UDP to {to}: {error}")), "UDP to {to}");
        }
    }
    guard.stop().unwrap();
}

#[test]
fn much_data_come_through_an_admitted_port_unharmed() {
    // Large segments that the stack would have left whole are taken apart for XDP.
    let lab = Lab::new().unwrap();
    let _echo = lab.node.echo(8086).unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    for address in [lab.node.v4(), lab.node.v6()] {
        let to = SocketAddr::new(address, 8086);
        let same = lab.client.within(|| comes_back(to, 1 << 24)).unwrap();
        assert!(same.unwrap_or_else(|error| panic!("{to}: {error}")), "{to}");
    }
    guard.stop().unwrap();
}

#[test]
fn a_client_at_a_listeners_port_is_told_from_a_listener() {
    // The node's own connection from local port 50070 is answered; a stranger's packet to a listener there is not.
    let lab = Lab::new().unwrap();
    let _far = listen(&lab.stranger, &[6000]);
    let _near = listen(&lab.node, &[50_071]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let to = SocketAddr::new(lab.stranger.v4(), 6000);
    let from = SocketAddr::new(lab.node.v4(), 50_070);
    let connected = lab.node.within(|| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.connect_timeout(&to.into(), PATIENCE)
    });
    assert!(connected.unwrap().is_ok(), "our own connection from port 50070 is answered");
    assert_eq!(lab.stranger.connect(lab.node.v4(), 50_071).unwrap(), Reach::Silent);
    guard.stop().unwrap();
}

#[test]
fn counters_are_what_was_sent() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let address = lab.node.v4();
    let sent = lab.stranger.within(|| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).expect("a free port");
        (0..1000).filter(|_| socket.send_to(b"x", (address, 53)).is_ok()).count()
    });
    let sent = sent.unwrap();
    let dropped = || {
        let counters = guard.counters().unwrap();
        let ports = counters["ports"].as_array().unwrap();
        let dns = ports.iter().find(|row| row["port"] == "53/udp");
        dns.unwrap_or_else(|| panic!("53/udp is in {counters}"))["dropped"].clone()
    };
    wait_until(PATIENCE, || dropped()["packets"].as_u64() >= u64::try_from(sent).ok());
    assert_eq!(dropped()["packets"], sent);
    // Ethernet, IPv4 and UDP headers and one byte.
    assert_eq!(dropped()["bytes"], sent * 43);
    guard.stop().unwrap();
}

#[test]
fn generic_mode_filters_as_well_and_is_called_so() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[8086]);
    let site = SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\nattach = \"generic\"");
    let guard = Guard::start(&lab.node, &site).unwrap();
    assert!(guard.ready().contains("eth0 (generic)"), "{}", guard.ready());
    assert_eq!(lab.client.connect(lab.node.v4(), 8086).unwrap(), Reach::Open);
    assert_eq!(lab.stranger.connect(lab.node.v4(), 8086).unwrap(), Reach::Silent);
    guard.stop().unwrap();
}

#[test]
fn observe_lets_everything_through_and_counts() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[8088]);
    let guard = Guard::start(&lab.node, &SITE.replace("\"enforce\"", "\"observe\"")).unwrap();
    assert_eq!(lab.stranger.connect(lab.node.v4(), 8088).unwrap(), Reach::Open);
    let counters = guard.counters().unwrap();
    let rpc = counters["ports"].as_array().unwrap().iter().find(|row| row["port"] == "8088/tcp").unwrap();
    assert_eq!(rpc["dropped"]["packets"], 0);
    assert!(rpc["would_drop"]["packets"].as_u64().unwrap() > 0, "{counters}");
    guard.stop().unwrap();
}
