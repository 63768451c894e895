//! `portguard drift` on a host of the lab: what listens there, and nothing of the machine around it.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
};

use nix::sys::signal::Signal;
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, INTERFACE, Lab, binary},
};
use serde_json::Value;

/// What `drift` says on `host`, and its exit code.
fn drift(host: &Host, options: &[&str]) -> (Option<i32>, Value) {
    let site = host.directory().join("drift.toml");
    fs::write(&site, SITE).expect("the directory is there");
    let program = binary().expect("the binary is built").display().to_string();
    let site = site.display().to_string();
    let arguments = [&["drift", "--site", &site, "--format", "json"], options].concat();
    let output = host.output(60, &program, &arguments).expect("portguard starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code(),
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}")),
    )
}

/// `8002/tcp [0.0.0.0]` of each finding of a kind.
fn sockets(said: &Value, kind: &str) -> Vec<String> {
    let found = said[kind].as_array().expect("it is a list");
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    found
        .iter()
        .map(|socket| {
            let addresses: Vec<String> =
                socket["addresses"].as_array().expect("a list").iter().map(text).collect();
            format!("{} {}", text(&socket["port"]), addresses.join(" "))
        })
        .collect()
}

#[test]
fn what_listens_on_the_node_is_held_against_its_documents() {
    let lab = Lab::new().unwrap();
    let (code, said) = drift(&lab.node, &["--allow-silent"]);
    assert_eq!(
        (code, &said["listeners"]),
        (Some(0), &0.into()),
        "the machine around is not looked at: {said}"
    );
    assert_eq!(drift(&lab.node, &[]).0, Some(1), "documented ports where nobody listens are drift");

    let (v4, v6) = (lab.node.v4(), lab.node.v6());
    let held = lab.node.within(|| {
        let tcp = |address: &str, port| TcpListener::bind((address, port)).expect("a free port");
        let udp = |address: &str, port| UdpSocket::bind((address, port)).expect("a free port");
        let listening = [
            // As documented.
            tcp("::", 8086),
            tcp(&v4.to_string(), 8088),
            tcp("0.0.0.0", 20_001),
            // Meant for the node itself, and for others.
            tcp("0.0.0.0", 8002),
            tcp("127.0.0.1", 8091),
            tcp("::1", 8091),
            // Nobody names them.
            tcp(&v6.to_string(), 4444),
            tcp("127.0.0.1", 4445),
        ];
        let waiting = [udp("::", 161), udp("0.0.0.0", 40_000)];
        // Who is connected takes nothing from others.
        let connected = udp("0.0.0.0", 162);
        connected.connect((v4, 9)).expect("the address is there");
        (listening, waiting, connected)
    });
    let (code, said) = drift(&lab.node, &["--allow-silent"]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(sockets(&said, "undocumented"), ["4444/tcp [fd88::1]", "161/udp *"], "{said}");
    assert_eq!(sockets(&said, "exposed"), ["8002/tcp 0.0.0.0"], "{said}");
    assert_eq!(sockets(&said, "loopback_only"), ["8091/tcp 127.0.0.1 [::1]"], "{said}");
    assert_eq!(sockets(&said, "clients"), ["40000/udp 0.0.0.0"], "{said}");
    let own = &said["exposed"][0]["processes"][0]["pid"];
    assert_eq!(own, std::process::id(), "the test itself holds the socket");
    drop(held);
}

#[test]
fn a_socket_of_one_interface_or_one_family_is_shown_as_such() {
    let lab = Lab::new().unwrap();
    let held = lab.node.within(|| {
        let socket = |port: u16, prepare: &dyn Fn(&socket2::Socket) -> std::io::Result<()>| {
            let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None)?;
            prepare(&socket)?;
            socket.bind(&std::net::SocketAddr::from(([0_u16; 8], port)).into())?;
            socket.listen(1)?;
            std::io::Result::Ok(socket)
        };
        let bound = |name: &'static [u8]| move |socket: &socket2::Socket| socket.bind_device(Some(name));
        [
            socket(4440, &|socket| socket.set_only_v6(true)).expect("a free port"),
            socket(4441, &bound(INTERFACE.as_bytes())).expect("a free port"),
            socket(4442, &bound(b"lo")).expect("a free port"),
        ]
    });
    let (_, said) = drift(&lab.node, &["--allow-silent"]);
    assert_eq!(sockets(&said, "undocumented"), ["4440/tcp [::]", "4441/tcp *%eth0"], "{said}");
    drop(held);
}

#[test]
fn links_and_pins_are_held_against_the_site_without_a_daemon() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let bpffs = guard.directory().join("bpf").display().to_string();
    let drift = || drift(&lab.node, &["--allow-silent", "--bpffs", &bpffs]);
    let link = fs::read_dir(guard.pins().join("links")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(drift().0, Some(0), "{}", drift().1);
    assert_eq!(drift().1["loose"], Value::Array(Vec::new()), "beside the daemon, which holds the pins");
    guard.end(Signal::SIGTERM).unwrap();
    assert_eq!(drift().1["loose"], Value::Array(Vec::new()), "without one");
    fs::remove_file(link).unwrap();
    let (code, said) = drift();
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said["loose"][0]["interface"], INTERFACE, "{said}");
    assert_eq!(said["loose"][0]["says"], "no filter is on it", "{said}");
}
