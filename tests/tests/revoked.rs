//! Who is taken out of a group loses the connections that it has open, with the next packet.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, Lab},
};

const PATIENCE: Duration = Duration::from_secs(2);
/// InfluxDB's port for clients.
const PORT: u16 = 8086;

/// A connection that `host` opens to the node's `address`, its end and the node's.
fn open(lab: &Lab, host: &Host, address: IpAddr) -> (TcpStream, TcpStream, TcpListener) {
    let bound = lab.node.within(|| TcpListener::bind((address, PORT))).expect("the node is there");
    let listener = bound.expect("the port is free");
    let to = SocketAddr::new(address, PORT);
    let connected = host.within(|| TcpStream::connect_timeout(&to, PATIENCE)).expect("the host is there");
    let theirs = connected.expect("it is admitted");
    let (ours, _) = listener.accept().expect("it was connected");
    for end in [&theirs, &ours] {
        end.set_read_timeout(Some(Duration::from_millis(700))).expect("an option");
    }
    (theirs, ours, listener)
}

fn arrives(mut from: &TcpStream, mut to: &TcpStream) -> bool {
    from.write_all(b"x").expect("the stack takes it");
    to.read_exact(&mut [0]).is_ok()
}

fn revoked(guard: &Guard) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let rows = counters["reasons"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["reason"] == "revoked");
    row.and_then(|row| row["counted"]["packets"].as_u64()).unwrap_or(0)
}

#[test]
fn who_is_taken_out_of_its_group_is_cut_off_with_the_next_packet() {
    let without = SITE.replace("clients = [\"10.88.0.3\", \"fd88::3\"]", "clients = []");
    assert_ne!(without, SITE);
    let lab = Lab::new().unwrap();
    for address in [lab.node.v4(), lab.node.v6()] {
        let guard = Guard::start(&lab.node, SITE).unwrap();
        let (theirs, ours, _listener) = open(&lab, &lab.client, address);
        assert!(arrives(&theirs, &ours), "{address}: the client is admitted");
        guard.stop().unwrap();
        let guard = Guard::start(&lab.node, &without).unwrap();
        assert_eq!(revoked(&guard), 0);
        assert!(!arrives(&theirs, &ours), "{address}: it is not any more, though its connection is open");
        assert!(revoked(&guard) > 0, "the reason says so: {}", guard.counters().unwrap());
        guard.stop().unwrap();
        // Nothing else was wrong with the connection: what was sent meanwhile is sent again.
        ours.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert!((&ours).read_exact(&mut [0]).is_ok(), "{address}: unguarded it goes on");
    }
}
