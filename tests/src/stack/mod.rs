//! Linux's own stack, with no filter before it, as a witness: what of the frames that it is shown it delivers to a socket, or answers.
//!
//! It is a router, is set to take more than it usually would (source routes, its own addresses as sources, loopback's, pings to everybody),
//! and believes all checksums behind the IP header: an attacker's are right.

mod answers;
mod sockets;
mod tap;

use std::{
    fs,
    io::Write as _,
    net::IpAddr,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use nix::sched::{CloneFlags, unshare};
use portguard::compile::Target;

use crate::sample::{NODE_V4, NODE_V6};
use sockets::Open;
use tap::Tap;

/// The interface that frames come in by.
const INTERFACE: &str = "tap0";
/// Where [`craft`](crate::craft)'s frames go.
const ADDRESS: &str = "02:00:00:00:00:02";

/// Something that the stack took, or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// Whom the stack takes for the sender.
    pub from: IpAddr,
    /// The sender's port, where it is known.
    pub source_port: Option<u16>,
    /// What it came for.
    pub target: Target,
}

/// A network namespace with a node in it: the addresses of the sample packets, and sockets.
#[derive(Debug)]
pub struct Stack {
    tap: Tap,
    open: Open,
}

impl Stack {
    /// A node with sockets at these ports, of TCP and UDP and of either family, and some for other protocols. This thread's network is the
    /// node's from now on.
    pub fn enter(ports: &[u16]) -> anyhow::Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET).context("the tests run as root")?;
        let tap = Tap::new(INTERFACE)?;
        for (setting, value) in [
            // First: it changes others.
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
            ("ipv4/conf/all/accept_local", "1"),
            ("ipv4/conf/all/accept_source_route", "1"),
            ("ipv4/conf/all/route_localnet", "1"),
            ("ipv4/conf/all/accept_redirects", "0"),
            ("ipv4/icmp_echo_ignore_broadcasts", "0"),
            ("ipv4/icmp_ratelimit", "0"),
            ("ipv4/icmp_ratemask", "0"),
            ("ipv6/icmp/ratelimit", "0"),
            ("ipv6/conf/all/accept_source_route", "1"),
            ("ipv6/conf/all/accept_redirects", "0"),
            ("ipv6/conf/all/accept_ra", "0"),
        ] {
            fs::write(format!("/proc/sys/net/{setting}"), value).with_context(|| setting.to_owned())?;
        }
        for setting in
            ["ipv4/conf/tap0/rp_filter", "ipv6/conf/tap0/accept_redirects", "ipv6/conf/tap0/accept_ra"]
        {
            fs::write(format!("/proc/sys/net/{setting}"), "0").with_context(|| setting.to_owned())?;
        }
        let lines = format!(
            "link set lo up\nlink set {INTERFACE} address {ADDRESS} arp off up\naddress add {NODE_V4}/32 dev {INTERFACE}\n\
             address add {NODE_V6}/128 dev {INTERFACE} nodad\nroute add default dev {INTERFACE}\n\
             route add ::/0 dev {INTERFACE}\n"
        );
        let mut ip =
            Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().context("ip is there")?;
        ip.stdin.take().context("it was asked for")?.write_all(lines.as_bytes())?;
        ensure!(ip.wait()?.success(), "ip does not take {lines}");
        Ok(Self { tap, open: Open::at(ports)? })
    }

    /// Shows it a frame of 14 bytes or more, with its IPv4 checksum put right; what became of it, and of fragments that it was the last of.
    pub fn show(&mut self, frame: &[u8]) -> anyhow::Result<Vec<Taken>> {
        self.tap.write(frame)?;
        let mut taken = Vec::new();
        while let Some(answer) = self.tap.read()? {
            taken.extend(answers::answered(&answer));
        }
        self.open.read(&mut taken)?;
        taken.sort_unstable();
        taken.dedup();
        Ok(taken)
    }
}
