//! What the hosts of the demo try, and what the documents say about it.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use crate::lab::{Host, Lab, Reach};

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// The node answered.
    Through,
    /// It did not.
    Nothing,
}

impl Came {
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Through => "answered",
            Self::Nothing => "no answer",
        }
    }

    /// The verdict that explains it.
    pub(super) fn verdict(self) -> &'static str {
        match self {
            Self::Through => "pass",
            Self::Nothing => "drop",
        }
    }
}

/// How it is tried.
enum By {
    /// `influx`: write a point and read it back.
    Influx,
    /// `influxd backup` into a directory.
    Backup(PathBuf),
    /// `redis-cli PING`.
    Redis(u16),
    /// The first packet of a TCP connection.
    Syn(u16),
    /// An ICMP echo request.
    Ping,
}

/// One attempt.
pub(super) struct Attempt<'a> {
    pub(super) from: &'a Host,
    pub(super) name: String,
    /// Whether the document lets it through, and where it says so.
    pub(super) admitted: bool,
    pub(super) document: &'static str,
    to: IpAddr,
    by: By,
}

impl Attempt<'_> {
    /// Where it comes from.
    pub(super) fn source(&self) -> IpAddr {
        self.from.address_like(self.to)
    }

    /// The port as `portguard explain` wants it.
    pub(super) fn port(&self) -> String {
        match self.by {
            By::Influx => "8086/tcp".to_owned(),
            By::Backup(_) => "8088/tcp".to_owned(),
            By::Redis(port) | By::Syn(port) => format!("{port}/tcp"),
            By::Ping => "icmp".to_owned(),
        }
    }

    /// Makes the attempt; whoever gets no answer gives up after two seconds.
    pub(super) fn make(&self) -> anyhow::Result<Came> {
        let to = self.to.to_string();
        let through = match &self.by {
            By::Influx => {
                self.runs("influx", &["-host", &to, "-execute", "CREATE DATABASE demo"])?
                    && self.runs(
                        "influx",
                        &["-host", &to, "-database", "demo", "-execute", "INSERT reading value=1"],
                    )?
                    && self.answers(
                        "influx",
                        &["-host", &to, "-database", "demo", "-execute", "SELECT count(value) FROM reading"],
                        "reading",
                    )?
            }
            By::Backup(directory) => {
                let directory = directory.display().to_string();
                self.runs("influxd", &["backup", "-portable", "-host", &format!("{to}:8088"), &directory])?
            }
            By::Redis(port) => {
                self.answers("redis-cli", &["-h", &to, "-p", &port.to_string(), "PING"], "PONG")?
            }
            By::Syn(port) => self.from.connect(self.to, *port)? != Reach::Silent,
            By::Ping => self.from.pings(self.to)?,
        };
        Ok(if through { Came::Through } else { Came::Nothing })
    }

    fn runs(&self, program: &str, arguments: &[&str]) -> anyhow::Result<bool> {
        Ok(self.from.output(2, program, arguments)?.status.success())
    }

    fn answers(&self, program: &str, arguments: &[&str], answer: &str) -> anyhow::Result<bool> {
        let output = self.from.output(2, program, arguments)?;
        Ok(output.status.success() && String::from_utf8_lossy(&output.stdout).contains(answer))
    }
}

/// Everything that is tried; backups go below `data`.
pub(super) fn attempts<'a>(lab: &'a Lab, data: &Path) -> Vec<Attempt<'a>> {
    let Lab { node, peer, client, stranger, .. } = lab;
    let (v4, v6) = (node.v4(), node.v6());
    let attempt = |from, name: &str, to, by, admitted, document| Attempt {
        from,
        name: format!("{name}{}", if v4 == to { "" } else { ", IPv6" }),
        admitted,
        document,
        to,
        by,
    };
    let backup = |from: &Host| By::Backup(data.join(format!("backup-{}", from.name())));
    let http = "8086, clients (influxdb-enterprise.md:14)";
    let rpc = "8088, not outside the cluster (influxdb-enterprise.md:36)";
    let endpoint = "10000-19999, internal and external (redis-enterprise.md:34)";
    let shard = "20000-29999, internal (redis-enterprise.md:46)";
    let icmp = "ICMP, internal (redis-enterprise.md:43)";
    let none = "no line names the port";
    vec![
        attempt(client, "influx: write, query", v4, By::Influx, true, http),
        attempt(client, "SYN to 8086", v6, By::Syn(8086), true, http),
        attempt(stranger, "influx: write, query", v4, By::Influx, false, http),
        attempt(stranger, "SYN to 8086", v6, By::Syn(8086), false, http),
        attempt(peer, "influxd backup, 8088", v4, backup(peer), true, rpc),
        attempt(peer, "SYN to 8088", v6, By::Syn(8088), true, rpc),
        attempt(client, "SYN to 8088", v4, By::Syn(8088), false, rpc),
        attempt(stranger, "influxd backup, 8088", v4, backup(stranger), false, rpc),
        attempt(stranger, "SYN to 8088", v6, By::Syn(8088), false, rpc),
        attempt(client, "redis-cli PING, 12000", v4, By::Redis(12_000), true, endpoint),
        attempt(client, "redis-cli PING, 12000", v6, By::Redis(12_000), true, endpoint),
        attempt(peer, "redis-cli PING, 12000", v4, By::Redis(12_000), true, endpoint),
        attempt(stranger, "redis-cli PING, 12000", v4, By::Redis(12_000), false, endpoint),
        attempt(peer, "redis-cli PING, 20001", v4, By::Redis(20_001), true, shard),
        attempt(client, "SYN to shard 20001", v4, By::Syn(20_001), false, shard),
        attempt(client, "SYN to shard 20001", v6, By::Syn(20_001), false, shard),
        attempt(stranger, "SYN to shard 20001", v4, By::Syn(20_001), false, shard),
        attempt(peer, "ping", v4, By::Ping, true, icmp),
        attempt(peer, "ping", v6, By::Ping, true, icmp),
        attempt(client, "ping", v4, By::Ping, false, icmp),
        attempt(stranger, "ping", v6, By::Ping, false, icmp),
        attempt(
            peer,
            "SYN to 3342",
            v4,
            By::Syn(3342),
            false,
            "3333-3341, 3343-3344 (redis-enterprise.md:45)",
        ),
        attempt(stranger, "SYN to 22", v4, By::Syn(22), false, none),
    ]
}
