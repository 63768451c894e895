//! A lab of network namespaces: one guarded node and its peers on one switch, with real interfaces between them.
//!
//! Each host is a namespace with one interface, [`INTERFACE`], an end of a veth pair whose other end is a port of a
//! bridge in a further namespace. So all others reach the node by one interface, and XDP runs on it in native mode.
//! Addresses are the same in every lab: the `n`th host is `10.88.0.n` and `fd88::n`.
//!
//! All that a lab makes carries its [name](Id): its namespaces, the processes within, its directory. Dropping the lab
//! removes that, also when a test panics. What a killed process has left is removed by the next one ([`Lab::sweep`]).

mod command;
mod echo;
mod executable;
mod guard;
mod host;
mod id;
mod knock;
mod namespace;
mod older_kernel;
mod ping;
mod process;
mod remove;
mod server;
mod stop;
mod wait;

use std::{
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use nix::ifaddrs::getifaddrs;

pub use echo::{Echo, comes_back};
pub use executable::{copied_binary, script};
pub use guard::{Guard, ask, binary};
pub use host::{Host, Reach};
pub use id::Id;
pub use knock::{Knock, Probe};
pub use process::{Process, Ran};
pub use server::{https, influxd, redis, slapd, smtp};
pub use stop::{Stop, Stopped};
pub use wait::wait_until;

use namespace::Namespace;

/// The interface of each host.
pub const INTERFACE: &str = "eth0";

/// How long an interface may take until its addresses are all there.
const SETTLING: Duration = Duration::from_secs(10);

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
    remains: Remains,
}

/// What must be removed at the end. It exists before the first namespace does.
#[derive(Debug)]
struct Remains {
    id: Id,
    directory: PathBuf,
}

impl Lab {
    /// Makes the namespaces and connects them.
    pub fn new() -> anyhow::Result<Self> {
        Self::interruptible(&Stop::default())
    }

    /// A lab whose waits end when `stop` says so.
    pub fn interruptible(stop: &Stop) -> anyhow::Result<Self> {
        ensure!(nix::unistd::geteuid().is_root(), "the lab makes network namespaces: run this as root");
        Self::sweep()?;
        let id = Id::next();
        let remains = Remains { id, directory: id.directory() };
        fs::create_dir(&remains.directory)
            .with_context(|| format!("cannot make {}", remains.directory.display()))?;
        let switch = Namespace::add(id, "switch")?;
        switch
            .ip("link add br0 type bridge stp_state 0 mcast_snooping 0\nlink set br0 up\n")
            .context("the lab needs bridges (the kernel's CONFIG_BRIDGE)")?;
        let host = |name, number| {
            stop.check()?;
            connect(id, &switch, name, number)?;
            let v4 = Ipv4Addr::new(10, 88, 0, number);
            let v6 = Ipv6Addr::new(0xfd88, 0, 0, 0, 0, 0, 0, u16::from(number));
            let namespace = Namespace::of(id, name);
            anyhow::Ok(Host::new(name, namespace, (v4, v6), remains.directory.clone(), stop.clone()))
        };
        let (node, peer) = (host("node", 1)?, host("peer", 2)?);
        let (client, stranger) = (host("client", 3)?, host("stranger", 4)?);
        Ok(Self { node, peer, client, stranger, remains })
    }

    /// A second network, between node and peer alone: `eth1` of each, with the addresses 10.89.0.1 and fd89::1, 10.89.0.2 and fd89::2.
    pub fn add_second_network(&self) -> anyhow::Result<()> {
        let peer = self.peer.namespace();
        self.node.ip(&format!("link add eth1 type veth peer name eth1 netns {peer}"))?;
        for (host, number) in [(&self.node, 1), (&self.peer, 2)] {
            host.ip("link set eth1 up")?;
            host.ip(&format!("address add 10.89.0.{number}/24 dev eth1"))?;
            host.ip(&format!("address add fd89::{number}/64 dev eth1 nodad"))?;
        }
        Ok(())
    }

    /// Makes the interface of `host` anew, which has been deleted, with its addresses.
    pub fn reconnect(&self, host: &Host) -> anyhow::Result<()> {
        self.plug(host)?;
        self.configure(host)
    }

    /// The first half of it: the interface is there, down and without addresses.
    pub fn plug(&self, host: &Host) -> anyhow::Result<()> {
        let switch = Namespace::of(self.remains.id, "switch");
        plug(&switch, &Namespace::named(host.namespace().to_owned()), host.name())
    }

    /// The second half: it is up, with its addresses.
    pub fn configure(&self, host: &Host) -> anyhow::Result<()> {
        configure(&Namespace::named(host.namespace().to_owned()), host.number())
    }

    /// The name that the names of all it makes begin with.
    pub fn id(&self) -> Id {
        self.remains.id
    }

    /// A directory for whatever runs in the lab; it goes with it.
    pub fn directory(&self) -> &Path {
        &self.remains.directory
    }

    /// Removes the labs of processes that are gone.
    pub fn sweep() -> anyhow::Result<()> {
        for id in remove::present()?.into_iter().filter(|id| !id.owner_lives()) {
            remove::lab(id).with_context(|| format!("cannot remove what {id} has left"))?;
        }
        Ok(())
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        if let Err(error) = remove::lab(self.id) {
            // There is nobody left to hand an error to.
            let _: io::Result<()> =
                writeln!(io::stderr(), "the lab {} is not wholly removed: {error:#}", self.id);
        }
    }
}

/// A host with the `number`th address of the lab's networks, on a port of the switch.
fn connect(id: Id, switch: &Namespace, name: &str, number: u8) -> anyhow::Result<()> {
    let namespace = Namespace::add(id, name)?;
    plug(switch, &namespace, name)?;
    configure(&namespace, number)
}

/// Gives a host an interface on a port of the switch.
fn plug(switch: &Namespace, namespace: &Namespace, name: &str) -> anyhow::Result<()> {
    switch
        .ip(&format!(
            "link add to-{name} type veth peer name {INTERFACE} netns {}\nlink set to-{name} master br0 up\n",
            namespace.name()
        ))
        .context("the lab needs veth interfaces (the kernel's CONFIG_VETH)")
}

/// Takes the interface up, with the addresses of the host with this number.
fn configure(namespace: &Namespace, number: u8) -> anyhow::Result<()> {
    namespace.ip(&format!(
        "link set lo up\n\
         link set {INTERFACE} address 02:00:00:00:00:{number:02x}\n\
         link set {INTERFACE} up\n\
         address add 10.88.0.{number}/24 dev {INTERFACE}\n\
         address add fd88::{number}/64 dev {INTERFACE} nodad\n"
    ))?;
    // The kernel gives the interface an address of its own when it has noticed the carrier. Whatever begins before sees its
    // addresses change.
    let settled = namespace.within(|| wait_until(SETTLING, has_link_local))?;
    ensure!(settled, "{INTERFACE} has no link-local address after {} s", SETTLING.as_secs());
    Ok(())
}

fn has_link_local() -> bool {
    getifaddrs().is_ok_and(|mut interfaces| {
        interfaces.any(|interface| {
            let address = interface.address.as_ref().and_then(|address| address.as_sockaddr_in6());
            interface.interface_name == INTERFACE && address.is_some_and(|v6| v6.ip().is_unicast_link_local())
        })
    })
}
