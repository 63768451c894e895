//! Asking: `/etc/hosts` first, as the C library does, then the servers of `/etc/resolv.conf`.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use hickory_resolver::{
    Hosts, Resolver as DnsResolver,
    config::{NameServerConfig, ResolveHosts, ResolverConfig},
    net::NetError,
    proto::rr::RecordType,
};
use tokio::time::{Instant as Deadline, timeout_at};

use super::{connected::Connected, hosts};
use crate::site::HostName;

/// How long all look-ups of one round together may take.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long a server may take before it is asked again, or another one.
const PATIENCE_WITH_SERVER: Duration = Duration::from_millis(1500);
/// Names that are looked up at once, each over two sockets. More of them wait, behind those that nobody answers too.
const AT_ONCE: usize = 128;
/// How long what a hosts file says holds: reading it again costs nothing.
const HOSTS_TTL: Duration = Duration::from_secs(30);

/// What was found out about the addresses that a name has in one of the two families.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FamilyAnswer {
    /// It has these.
    Addresses {
        /// The addresses, in whatever order they came.
        addresses: Vec<IpAddr>,
        /// How long that holds.
        ttl: Duration,
    },
    /// `/etc/hosts` says that it has these, or none beside the node itself.
    Listed {
        /// The addresses, in whatever order they came.
        addresses: Vec<IpAddr>,
        /// How long that holds.
        ttl: Duration,
    },
    /// It has none, for this reason.
    None(String),
    /// Nobody could say, for this reason.
    Failed(String),
}

/// What was found out about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// Its IPv4 addresses.
    pub v4: FamilyAnswer,
    /// Its IPv6 addresses.
    pub v6: FamilyAnswer,
}

impl LookedUp {
    /// Nobody could say anything, for this reason.
    pub fn failed(why: &str) -> Self {
        let failed = || FamilyAnswer::Failed(why.to_owned());
        Self { v4: failed(), v6: failed() }
    }
}

/// Who is asked. It is made anew for each round, so that changes of the system's files count.
pub struct Resolver {
    hosts: Hosts,
    /// Or why there is nobody to ask.
    servers: Result<DnsResolver<Connected>, String>,
}

impl Resolver {
    /// Asks whom this system asks. Where its files say nothing usable, each look-up fails with that reason.
    pub fn from_system() -> Self {
        // Without the file there are no such names; what it has no right form for is left out.
        let hosts = Hosts::from_system().unwrap_or_default();
        let servers = DnsResolver::builder(Connected::default()).and_then(|mut builder| {
            let options = builder.options_mut();
            options.timeout = PATIENCE_WITH_SERVER;
            // Asked separately, with another life time.
            options.use_hosts_file = ResolveHosts::Never;
            builder.build()
        });
        Self {
            hosts,
            servers: servers.map_err(|error| format!("/etc/resolv.conf names no server ({error})")),
        }
    }

    /// Asks these servers over UDP and TCP, and no file.
    pub fn of_servers(servers: &[SocketAddr]) -> io::Result<Self> {
        let server = |address: &SocketAddr| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            for connection in &mut server.connections {
                connection.port = address.port();
            }
            server
        };
        let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
        let mut builder = DnsResolver::builder_with_config(config, Connected::default());
        let options = builder.options_mut();
        options.timeout = PATIENCE_WITH_SERVER;
        options.use_hosts_file = ResolveHosts::Never;
        let servers = builder.build().map_err(io::Error::other)?;
        Ok(Self { hosts: Hosts::default(), servers: Ok(servers) })
    }

    /// Looks up all of `names`, many at once; what is not known within [`PATIENCE`] has failed.
    pub async fn look_up_all(&self, names: &BTreeSet<HostName>) -> Vec<(HostName, LookedUp)> {
        let deadline = Deadline::now() + PATIENCE;
        let look_up = |name: HostName| async move {
            let found = self.look_up(&name, deadline).await;
            (name, found)
        };
        stream::iter(names.iter().cloned()).map(look_up).buffer_unordered(AT_ONCE).collect().await
    }

    async fn look_up(&self, name: &HostName, deadline: Deadline) -> LookedUp {
        if let Some(listed) = hosts::addresses(&self.hosts, name) {
            let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = listed.into_iter().partition(IpAddr::is_ipv4);
            let [v4, v6] = [v4, v6].map(|addresses| FamilyAnswer::Listed { addresses, ttl: HOSTS_TTL });
            return LookedUp { v4, v6 };
        }
        let ask = |kind| self.ask(name, kind, deadline);
        let (v4, v6) = tokio::join!(ask(RecordType::A), ask(RecordType::AAAA));
        LookedUp { v4, v6 }
    }

    async fn ask(&self, name: &HostName, kind: RecordType, deadline: Deadline) -> FamilyAnswer {
        let resolver = match &self.servers {
            Ok(resolver) => resolver,
            Err(why) => return FamilyAnswer::Failed(why.clone()),
        };
        match timeout_at(deadline, resolver.lookup(name.as_str(), kind)).await {
            Err(_) => FamilyAnswer::Failed(no_answer()),
            Ok(Err(error)) => absent(&error),
            Ok(Ok(found)) => {
                let ttl = found.valid_until().saturating_duration_since(Instant::now());
                let addresses: Vec<IpAddr> =
                    found.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
                if addresses.is_empty() {
                    return FamilyAnswer::None(NO_ADDRESS.to_owned());
                }
                FamilyAnswer::Addresses { addresses, ttl }
            }
        }
    }
}

const NO_ADDRESS: &str = "the name has no address";

fn no_answer() -> String {
    format!("no server answered within {} seconds", PATIENCE.as_secs())
}

fn absent(error: &NetError) -> FamilyAnswer {
    if error.is_nx_domain() {
        FamilyAnswer::None("there is no such name".to_owned())
    } else if error.is_no_records_found() {
        FamilyAnswer::None(NO_ADDRESS.to_owned())
    } else if matches!(error, NetError::Timeout) {
        FamilyAnswer::Failed("no server answered".to_owned())
    } else {
        FamilyAnswer::Failed(format!("the servers answered no address ({error})"))
    }
}
