//! A lab of network namespaces: one guarded node and its peers on one switch, with real interfaces between them.
//!
//! Everything that it makes lies in namespaces of its own, whose names carry the process's number; dropping the lab
//! removes them with all that runs in them, also when a test panics. What a killed process left behind is removed by
//! the next one ([`sweep_dead`]).

mod guard;
mod host;
mod netns;
mod server;

use std::net::{Ipv4Addr, Ipv6Addr};

pub use guard::{Guard, binary};
pub use host::{Host, Reach};
pub use netns::{sweep_dead, sweep_own};
pub use server::{Server, influxd, redis};

use netns::Namespace;

/// The interface of each host.
pub const INTERFACE: &str = "eth0";

/// One node, another node of its cluster, a client of the databases, and a stranger.
#[derive(Debug)]
pub struct Lab {
    /// The node that is guarded.
    pub node: Host,
    /// A second node of the same cluster.
    pub peer: Host,
    /// A client of the databases.
    pub client: Host,
    /// Somebody else.
    pub stranger: Host,
    _switch: Namespace,
}

impl Lab {
    /// Makes the namespaces and connects them.
    pub fn new() -> anyhow::Result<Self> {
        sweep_dead()?;
        let switch = Namespace::new("switch")?;
        switch.ip(&["link", "add", "br0", "type", "bridge", "stp_state", "0", "mcast_snooping", "0"])?;
        switch.ip(&["link", "set", "br0", "up"])?;
        Ok(Self {
            node: connect(&switch, "node", 1)?,
            peer: connect(&switch, "peer", 2)?,
            client: connect(&switch, "client", 3)?,
            stranger: connect(&switch, "stranger", 4)?,
            _switch: switch,
        })
    }
}

/// A host with the `number`th address of the lab's networks, on a port of the switch.
fn connect(switch: &Namespace, name: &'static str, number: u8) -> anyhow::Result<Host> {
    let namespace = Namespace::new(name)?;
    let port = format!("to-{name}");
    switch.ip(&[
        "link",
        "add",
        &port,
        "type",
        "veth",
        "peer",
        "name",
        INTERFACE,
        "netns",
        namespace.name(),
    ])?;
    switch.ip(&["link", "set", &port, "master", "br0", "up"])?;
    let v4 = Ipv4Addr::new(10, 88, 0, number);
    let v6 = Ipv6Addr::new(0xfd88, 0, 0, 0, 0, 0, 0, u16::from(number));
    namespace.ip(&["link", "set", "lo", "up"])?;
    namespace.ip(&["link", "set", INTERFACE, "up"])?;
    namespace.ip(&["address", "add", &format!("{v4}/24"), "dev", INTERFACE])?;
    namespace.ip(&["address", "add", &format!("{v6}/64"), "dev", INTERFACE, "nodad"])?;
    Ok(Host::new(name, namespace, v4, v6))
}
