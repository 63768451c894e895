//! The kernel's news of interfaces and addresses.

use futures_util::{StreamExt as _, TryStreamExt as _, stream::Stream};
use rtnetlink::{
    Handle, MulticastGroup, new_multicast_connection,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::{RouteNetlinkMessage, address::AddressMessage, link::LinkMessage},
    sys::SocketAddr,
};
use tokio::task::JoinHandle;

use super::{DatapathError, Present, interfaces};

/// Something that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkChange {
    /// An interface came, went, or is otherwise than it was.
    Interfaces,
    /// The node has an address more or less.
    Addresses,
}

type Messages = Box<dyn Stream<Item = (NetlinkMessage<RouteNetlinkMessage>, SocketAddr)> + Send + Unpin>;

/// A line to the kernel on which it tells of changes, and on which it can be asked.
pub struct Network {
    handle: Handle,
    messages: Messages,
    talking: JoinHandle<()>,
}

impl Network {
    /// Opens the line. From now on no change goes untold.
    pub fn open() -> Result<Self, DatapathError> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (connection, handle, messages) = new_multicast_connection(&groups)
            .map_err(|source| DatapathError::System { call: "opening a netlink socket", source })?;
        Ok(Self { handle, messages: Box::new(messages), talking: tokio::spawn(connection) })
    }

    /// The interfaces of this node.
    pub async fn present(&self) -> Result<Vec<Present>, DatapathError> {
        let links: Result<Vec<LinkMessage>, _> = self.handle.link().get().execute().try_collect().await;
        let links = links.map_err(|error| DatapathError::Netlink(Box::new(error)))?;
        Ok(links.iter().filter_map(interfaces::read).collect())
    }

    /// The names of the interfaces that have an IPv4 address for a time only, as DHCP gives them.
    pub async fn leased(&self) -> Result<Vec<String>, DatapathError> {
        let addresses: Result<Vec<AddressMessage>, _> =
            self.handle.address().get().execute().try_collect().await;
        let addresses = addresses.map_err(|error| DatapathError::Netlink(Box::new(error)))?;
        let is_leased = |index| {
            addresses.iter().any(|address| address.header.index == index && interfaces::is_leased(address))
        };
        let present = self.present().await?;
        Ok(present.into_iter().filter(|it| is_leased(it.index)).map(|it| it.name).collect())
    }

    /// The next change. `None`: the line is broken.
    pub async fn next(&mut self) -> Option<NetworkChange> {
        loop {
            let (message, _) = self.messages.next().await?;
            let NetlinkPayload::InnerMessage(message) = message.payload else { continue };
            match message {
                RouteNetlinkMessage::NewLink(_) | RouteNetlinkMessage::DelLink(_) => {
                    return Some(NetworkChange::Interfaces);
                }
                RouteNetlinkMessage::NewAddress(_) | RouteNetlinkMessage::DelAddress(_) => {
                    return Some(NetworkChange::Addresses);
                }
                _ => {}
            }
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.talking.abort();
    }
}
