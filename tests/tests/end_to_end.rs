//! A guarded node among real peers: real packets and real sockets.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, Lab, Reach},
};

const PATIENCE: Duration = Duration::from_secs(2);

/// Listens on the node's `ports`, both families, as long as the sockets are held.
fn listen(host: &Host, ports: &[u16]) -> Vec<TcpListener> {
    let listen = |port: &u16| TcpListener::bind(("::", *port)).expect("the port is free in the lab");
    host.within(|| ports.iter().map(listen).collect()).expect("the host is there")
}

#[test]
fn what_the_node_opens_itself_is_answered() {
    let lab = Lab::new().unwrap();
    let servers = lab.client.within(|| {
        let udp = UdpSocket::bind(("::", 5000)).expect("the port is free in the lab");
        (TcpListener::bind(("::", 5000)).expect("the port is free in the lab"), udp)
    });
    let (tcp, udp) = servers.unwrap();
    udp.set_read_timeout(Some(PATIENCE)).unwrap();
    thread::spawn(move || {
        for stream in tcp.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(b"hello");
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((len, from)) = udp.recv_from(&mut buffer) {
            let _ = udp.send_to(&buffer[..len], from);
        }
    });
    let guard = Guard::start(&lab.node, SITE).unwrap();
    for address in [lab.client.v4(), lab.client.v6()] {
        let to = SocketAddr::new(address, 5000);
        let text = lab.node.within(|| {
            let mut stream =
                TcpStream::connect_timeout(&to, PATIENCE).expect("an answer to our SYN comes in");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("data come in");
            text
        });
        assert_eq!(text.unwrap(), "hello", "{address}");
        let echoed = lab.node.within(|| {
            let socket =
                UdpSocket::bind((if to.is_ipv4() { "0.0.0.0" } else { "::" }, 0)).expect("a free port");
            socket.set_read_timeout(Some(PATIENCE)).expect("two seconds are not zero");
            socket.connect(to).expect("UDP connects at once");
            socket.send(b"echo").expect("nothing keeps packets in");
            let mut buffer = [0; 64];
            socket.recv(&mut buffer).expect("the answer to a connected socket comes in")
        });
        assert_eq!(echoed.unwrap(), 4, "{address}");
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
    thread::sleep(Duration::from_millis(200));
    let counters = guard.counters().unwrap();
    let ports = counters["ports"].as_array().unwrap();
    let dns =
        ports.iter().find(|row| row["port"] == "53/udp").unwrap_or_else(|| panic!("53/udp is in {counters}"));
    assert_eq!(dns["dropped"]["packets"], sent);
    // Ethernet, IPv4 and UDP headers and one byte.
    assert_eq!(dns["dropped"]["bytes"], sent * 43);
    guard.stop().unwrap();
}

#[test]
fn the_end_leaves_nothing_behind() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[8088]);
    let link = || {
        let output = lab.node.output(5, "ip", &["-details", "link", "show"]).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let before = link();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let guard = Guard::start(&lab.node, SITE).unwrap();
        let directory = guard.directory().to_owned();
        assert!(guard.ready().contains("eth0 (native)"), "{}", guard.ready());
        assert!(link().contains("prog/xdp"), "it shows where it is: {}", link());
        assert_eq!(lab.stranger.connect(lab.node.v4(), 8088).unwrap(), Reach::Silent);
        let said = guard.end(signal).unwrap();
        assert!(said.contains("not guarded any more"), "{said}");
        assert_eq!(link(), before, "the interfaces are as they were");
        let left: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["site.toml"]);
        assert_eq!(lab.stranger.connect(lab.node.v4(), 8088).unwrap(), Reach::Open);
    }
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
