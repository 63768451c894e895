//! The node's own connections, as far as the capture shows their beginning: in place of the kernel's socket table.

use std::{collections::HashMap, hash::Hash, net::SocketAddr};

use portguard_common::tables::SocketState;

use super::ends::{Kind, Segment};
use crate::compile::Kernel;

const ESTABLISHED: SocketState = SocketState(1);
const LISTEN: SocketState = SocketState(10);

/// Both ends of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Flow {
    peer: SocketAddr,
    local: SocketAddr,
}

/// Who sent the first packet of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opener {
    Node,
    Peer,
}

/// What the packets so far tell of the node's sockets.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// TCP connections that the node opened.
    opened: Recent<Flow, ()>,
    /// Where it accepted one.
    listeners: Recent<SocketAddr, ()>,
    /// Those that it accepted.
    accepted: Recent<Flow, ()>,
    udp: Recent<Flow, Opener>,
}

impl Connections {
    /// A packet that the node sent.
    pub(super) fn sent(&mut self, segment: &Segment) {
        let flow = Flow { peer: segment.destination, local: segment.source };
        match segment.kind {
            Kind::TcpOpens => self.opened.insert(flow, ()),
            Kind::TcpAccepts => {
                self.listeners.insert(flow.local, ());
                self.accepted.insert(flow, ());
            }
            Kind::TcpOther => {
                self.opened.refresh(&flow);
                self.accepted.refresh(&flow);
            }
            Kind::Udp => self.first(flow, Opener::Node),
        }
    }

    /// A packet that the node got.
    pub(super) fn received(&mut self, segment: &Segment) {
        if segment.kind == Kind::Udp {
            self.first(Flow { peer: segment.source, local: segment.destination }, Opener::Peer);
        }
    }

    fn first(&mut self, flow: Flow, opener: Opener) {
        if self.udp.get(&flow).is_none() {
            self.udp.insert(flow, opener);
        } else {
            self.udp.refresh(&flow);
        }
    }
}

/// Whether a UDP socket takes anybody's packets, and what the node sends on, nothing in a capture tells.
impl Kernel for &Connections {
    fn tcp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        let opened = self.opened.get(&Flow { peer, local }).map(|()| ESTABLISHED);
        opened.or_else(|| self.tcp_listener(local).then_some(LISTEN))
    }

    fn tcp_listener(&self, local: SocketAddr) -> bool {
        self.listeners.get(&local).is_some()
    }

    fn udp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        (self.udp.get(&Flow { peer, local }) == Some(Opener::Node)).then_some(ESTABLISHED)
    }
}

/// The same for packets that the node sends, which may belong to a connection that it accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending<'c>(pub(super) &'c Connections);

impl Kernel for Sending<'_> {
    fn tcp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        let accepted = self.0.accepted.get(&Flow { peer, local }).map(|()| ESTABLISHED);
        accepted.or_else(|| self.0.tcp(peer, local))
    }

    fn tcp_listener(&self, local: SocketAddr) -> bool {
        self.0.tcp_listener(local)
    }

    fn udp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        self.0.udp(peer, local)
    }

    fn udp_listener(&self, local: SocketAddr) -> bool {
        self.0.udp_listener(local)
    }
}

/// A map of bounded size that forgets what was not touched for longest: two halves, of which the older is dropped when
/// the younger is full.
#[derive(Debug)]
struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

/// The entries of a half.
const HALF: usize = 1 << 17;

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash + Copy, V: Copy> Recent<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn insert(&mut self, key: K, value: V) {
        if self.young.len() == HALF && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn refresh(&mut self, key: &K) {
        if !self.young.contains_key(key)
            && let Some(&value) = self.old.get(key)
        {
            self.insert(*key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_is_kept_and_a_flood_does_not_make_it_grow() {
        let mut recent = Recent::default();
        let kept = usize::MAX;
        recent.insert(kept, ());
        for key in 0..5 * HALF {
            recent.insert(key, ());
            if key % (HALF / 2) == 0 {
                recent.refresh(&kept);
            }
            assert!(recent.young.len() + recent.old.len() <= 2 * HALF);
        }
        assert_eq!(recent.get(&kept), Some(()));
        assert_eq!(recent.get(&0), None);
    }
}
