//! A network and a BPF file system of the bench's own, for test runs: the kernel looks a frame's socket up in the
//! namespace of who runs the program. It has two interfaces, `eth0` and `eth1`. Both vanish with the thread, whatever ends it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    os::fd::OwnedFd,
    panic,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::sched::{CloneFlags, unshare};
use socket2::{Domain, Socket, Type};

use crate::{
    lab::wait_until,
    sample::{NODE_V4, NODE_V6},
};

/// How long the network may take to be there.
const PATIENCE: Duration = Duration::from_secs(5);
/// Whom the node has opened connections to.
pub(super) const PEER_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// Whom the node has opened connections to.
pub(super) const PEER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xfffe, 0, 0, 0, 0, 1);
/// The peer's port of those connections.
pub(super) const PEER_PORT: u16 = 40_000;
/// The node's port of the TCP connections.
pub(super) const TCP_PORT: u16 = 50_000;
/// The node's port of the UDP connections.
pub(super) const UDP_PORT: u16 = 50_001;

/// Runs `work` where the node has its addresses and its connections to the peer.
pub(super) fn within<T: Send>(work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    ensure!(nix::unistd::geteuid().is_root(), "the bench loads XDP programs: run it as root");
    thread::scope(|scope| {
        let arena = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).context("cannot make a namespace")?;
            prepare()?;
            let _connections = connect()?;
            work()
        });
        arena.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
    })
}

fn prepare() -> anyhow::Result<()> {
    run("mount", &["--make-rprivate", "/"])?;
    run("mount", &["-t", "bpf", "bpf", "/sys/fs/bpf"])?;
    run("ip", &["link", "set", "lo", "up"])?;
    run("ip", &["link", "add", "eth0", "up", "type", "veth", "peer", "name", "eth1"])?;
    run("ip", &["link", "set", "eth1", "up"])?;
    for address in [NODE_V4, PEER_V4] {
        run("ip", &["address", "add", &format!("{address}/32"), "dev", "lo"])?;
    }
    for address in [NODE_V6, PEER_V6] {
        run("ip", &["address", "add", &format!("{address}/128"), "dev", "lo", "nodad"])?;
    }
    Ok(())
}

pub(super) fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {program} (`cargo xtask setup` installs it)"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{program} {}` failed: {}", arguments.join(" "), said.trim());
    Ok(())
}

/// A connection of each kind from the node to its peer: sockets to be held.
fn connect() -> anyhow::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    for (node, peer) in
        [(IpAddr::V4(NODE_V4), IpAddr::V4(PEER_V4)), (IpAddr::V6(NODE_V6), IpAddr::V6(PEER_V6))]
    {
        let peer = SocketAddr::new(peer, PEER_PORT);
        let listener = TcpListener::bind(peer)?;
        let tcp = Socket::new(Domain::for_address(peer), Type::STREAM, None)?;
        tcp.bind(&SocketAddr::new(node, TCP_PORT).into())?;
        // The kernel makes the way to an IPv6 address a little after the address.
        let mut connected = Ok(());
        wait_until(PATIENCE, || {
            connected = tcp.connect(&peer.into());
            connected.is_ok()
        });
        connected.context("connecting the node with its peer")?;
        let udp = UdpSocket::bind(SocketAddr::new(node, UDP_PORT))?;
        udp.connect(peer)?;
        sockets.extend([listener.into(), tcp.into(), udp.into()]);
    }
    Ok(sockets)
}
