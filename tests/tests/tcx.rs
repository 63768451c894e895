//! `attach = "tcx"`: the same verdict by a tc program, beside other programs.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, Lab, Reach},
};

const PATIENCE: Duration = Duration::from_secs(2);
/// InfluxDB's port for clients, which the stranger is none of.
const CLIENTS: u16 = 8086;

/// The demo's site, with its interface at tcx.
fn site() -> String {
    SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\nattach = \"tcx\"")
}

/// Whether the client is let in to its port and the stranger is not, at both of the node's addresses.
fn is_guarded(lab: &Lab) -> bool {
    let reach = |host: &Host, address: IpAddr| host.connect(address, CLIENTS).expect("the lab stands");
    [lab.node.v4(), lab.node.v6()].into_iter().all(|address| {
        (reach(&lab.client, address), reach(&lab.stranger, address)) == (Reach::Open, Reach::Silent)
    })
}

/// Sends `size` bytes over a connection that brings them back. Whether they are the same.
fn comes_back(to: SocketAddr, size: usize) -> io::Result<bool> {
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
    let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (&stream).write_all(&sent)?;
            stream.shutdown(Shutdown::Write)
        });
        let mut received = Vec::new();
        (&stream).read_to_end(&mut received)?;
        writer.join().expect("writing does not panic")?;
        Ok(received == sent)
    })
}

#[test]
fn the_documented_sources_are_let_in_and_the_nodes_own_connections_answered() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.stranger.echo(5000).unwrap(), lab.node.echo(CLIENTS).unwrap());
    let guard = Guard::start(&lab.node, &site()).unwrap();
    assert!(guard.ready().contains("eth0 (tcx)"), "{}", guard.ready());
    assert_eq!(guard.status().unwrap()["interfaces"][0]["attached"], "tcx");
    assert!(is_guarded(&lab));
    for (from, to) in [(&lab.client, &lab.node), (&lab.node, &lab.stranger)] {
        for address in [to.v4(), to.v6()] {
            // The sender's large segments, and what was merged on the way, are one packet to the program.
            let to = SocketAddr::new(
                address,
                if address == lab.stranger.v4() || address == lab.stranger.v6() { 5000 } else { CLIENTS },
            );
            let same = from.within(|| comes_back(to, 1 << 24)).unwrap();
            assert!(same.unwrap_or_else(|error| panic!("{to}: {error}")), "{to}");
        }
    }
    guard.stop().unwrap();
}
