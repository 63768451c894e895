//! Why a packet passes or drops: every packet ends in exactly one of these.

/// What a reason does with the packet. In mode `observe` a drop is counted as one that would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The packet goes on to the stack.
    Pass,
    /// The packet goes no further.
    Drop,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $action:ident, $says:literal $(, outbound $out:literal)?;)*) => {
        /// Why a packet passes or drops. The discriminant is the index of the reason's counters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in the order of the discriminants.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The reason whose discriminant is `index`.
            #[inline(always)]
            #[must_use]
            pub const fn from_index(index: u8) -> Option<Self> {
                $(if index == Self::$name as u8 {
                    return Some(Self::$name);
                })*
                None
            }

            /// The reason's name in counters, events and JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the reason means, as the end of a sentence for an administrator.
            #[must_use]
            pub fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }

            /// The same of a packet that leaves: who matters is where it goes, not where it comes from.
            #[must_use]
            pub fn says_outbound(self) -> &'static str {
                match self { $(Self::$name => reasons!(@last $says $(, $out)?),)* }
            }

            /// What becomes of the packet.
            #[inline(always)]
            #[must_use]
            pub fn action(self) -> Action {
                match self { $(Self::$name => Action::$action,)* }
            }
        }
    };
    (@last $says:literal) => { $says };
    (@last $says:literal, $out:literal) => { $out };
}

reasons! {
    /// A rule admits the source to the port; outbound, the destination.
    Admitted = "admitted", Pass, "a rule admits the source",
        outbound "a rule admits the destination";
    /// The site's posture lets undocumented ports pass.
    UndocumentedPassed = "undocumented_passed", Pass, "no document names the port, and the posture is pass";
    /// The posture lets other IP protocols pass.
    ProtocolPassed = "protocol_passed", Pass, "no rule names the IP protocol, and the posture is pass";
    /// The posture lets other EtherTypes pass.
    EtherTypePassed = "ethertype_passed", Pass, "the frame is not IP, and the posture is pass";
    /// ARP.
    Arp = "arp", Pass, "ARP always passes";
    /// LLDP, LACP, EAPOL, PTP, spanning tree.
    LinkControl = "link_control", Pass, "link control protocols always pass";
    /// An ICMP error.
    IcmpError = "icmp_error", Pass, "ICMP errors always pass: connections hang without them";
    /// An ICMP echo reply.
    EchoReply = "echo_reply", Pass, "answers to pings always pass";
    /// Neighbour discovery.
    NeighbourDiscovery = "neighbour_discovery", Pass, "IPv6 neighbour discovery always passes";
    /// Multicast listener discovery.
    MulticastListener = "multicast_listener", Pass, "multicast listener discovery always passes";
    /// IGMP.
    Igmp = "igmp", Pass, "IGMP always passes";
    /// A DHCP server's answer on an interface that uses DHCP; outbound, a client's request.
    Dhcp = "dhcp", Pass, "DHCP answers pass on interfaces that use DHCP",
        outbound "DHCP requests pass on interfaces that use DHCP";
    /// An answer to a connection that the node opened; outbound, to one that a peer did.
    Reply = "reply", Pass, "it answers a connection that this node opened",
        outbound "inbound rules admit the peer to the port that it goes out from, or the peer opened the connection";
    /// A TCP reset, outbound: it ends a connection, or says that there is none.
    Reset = "reset", Pass, "resets always pass: they only end connections";
    /// A later fragment from a source that may send its protocol.
    LaterFragment = "later_fragment", Pass, "a later fragment is nothing without its first, which is judged by port";
    /// What the node itself sent to a group that it is in, or to everybody: the kernel hands it back.
    LoopedBack = "looped_back", Pass, "this node sent it to a group that it is in itself";
    /// What no rule admits, for somebody else to whom the node sends it on, where the site lets that pass.
    Transit = "transit", Pass, "it is not for this node, which sends it on to others";

    /// Shorter than its headers say.
    Short = "short", Drop, "the packet ends inside a header";
    /// Too many VLAN tags.
    VlanDepth = "vlan_depth", Drop, "it has more VLAN tags than the filter peels";
    /// An encapsulation that hides IP.
    Encapsulated = "l2_encapsulation", Drop, "an encapsulation hides what it carries";
    /// An EtherType that is not IP.
    EtherType = "ethertype", Drop, "the frame is not IP, and the posture is drop";
    /// Fields that contradict each other.
    Malformed = "malformed", Drop, "its header is malformed";
    /// An IPv4 source route.
    SourceRoute = "source_route", Drop, "it carries a source route";
    /// A source that cannot be.
    Martian = "martian", Drop, "no packet from outside may have this source address";
    /// Too many IPv6 extension headers.
    ExtensionDepth = "exthdr_depth", Drop, "it has more extension headers than the filter walks";
    /// Extension headers out of order, or twice.
    ExtensionOrder = "exthdr_order", Drop, "its extension headers are out of order";
    /// An extension header that is not for this node.
    ExtensionUnknown = "exthdr_unknown", Drop, "it has an extension header of a kind that no node here needs";
    /// An IPv6 routing header.
    RoutingHeader = "routing_header", Drop, "it has a routing header";
    /// IPv6 "no next header".
    NoNextHeader = "no_next_header", Drop, "nothing follows its IPv6 header";
    /// A first fragment without its whole transport header.
    FragmentTiny = "fragment_tiny", Drop, "a first fragment must hold the whole transport header";
    /// A fragment that would overwrite the flags of a TCP header.
    FragmentOffset1 = "fragment_offset1", Drop, "a fragment at offset 1 would overwrite the transport header";
    /// A first fragment without its whole header chain.
    FragmentChain = "fragment_chain", Drop, "a first fragment must hold all extension headers";
    /// A later fragment from a source that no rule admits.
    FragmentSource = "fragment_source", Drop, "a later fragment from a source that no rule admits";
    /// An ICMP type that attacks routing or tells about the host.
    IcmpType = "icmp_type", Drop, "an ICMP type that only a rule naming it opens";
    /// Neighbour discovery from beyond the link.
    NeighbourHopLimit = "nd_hop_limit", Drop, "neighbour discovery from beyond the link";
    /// Neighbour discovery in fragments.
    NeighbourFragment = "nd_fragment", Drop, "neighbour discovery must not be fragmented";
    /// A tunnel or another protocol that needs a rule, without one that admits the source.
    Protocol = "protocol", Drop, "no rule admits the source to this IP protocol",
        outbound "no rule lets this IP protocol go to this destination";
    /// A documented port, closed to this source.
    SourceNotAdmitted = "source_not_admitted", Drop, "the port is documented, and no rule admits this source";
    /// The same outbound: a documented port, which this destination is not for.
    DestinationNotAdmitted = "destination_not_admitted", Drop, "the port is documented, and no rule admits this destination";
    /// An undocumented port under posture drop.
    Undocumented = "undocumented", Drop, "no document names the port, and the posture is drop";
    /// TCP to a listener that is no new connection.
    NoReplyState = "no_reply_state", Drop, "it answers nothing that this node sent";
    /// A connection that a peer opened while it was admitted; outbound, that the node opened.
    Revoked = "revoked", Drop, "the source is not admitted to this connection any more",
        outbound "the destination is not admitted to this connection any more";
    /// No connection of the node's own that it would answer; outbound, none of a peer's.
    NoSocket = "no_socket", Drop, "the port is not open to this source, and no connection of this node's waits for it",
        outbound "the port is not open at this destination, and no connection that a peer opened waits for it";
    /// A late acknowledgement or reset for a connection that is gone.
    Stale = "stale", Drop, "it belongs to a connection that is gone";
    /// The tables contradict themselves.
    Internal = "internal", Drop, "the filter's tables are damaged: please report this";
}

impl Reason {
    /// Whether inbound packets are counted by the documented port alone, of which there always is one: the sum of these
    /// counters is the reason's.
    #[inline(always)]
    #[must_use]
    pub const fn is_counted_by_port(self) -> bool {
        matches!(self, Self::Admitted | Self::SourceNotAdmitted)
    }

    /// The same of outbound packets.
    #[inline(always)]
    #[must_use]
    pub const fn is_counted_by_port_outbound(self) -> bool {
        matches!(self, Self::Admitted | Self::DestinationNotAdmitted)
    }

    /// Whether packets to undocumented ports have this reason, which are counted by port too.
    #[must_use]
    pub const fn may_be_undocumented(self) -> bool {
        matches!(
            self,
            Self::UndocumentedPassed
                | Self::Undocumented
                | Self::NoReplyState
                | Self::Revoked
                | Self::NoSocket
                | Self::Stale
        )
    }

    /// Whether a packet drops for this reason only because of the port, type or protocol that it is for, or of who may reach that: the
    /// rules are about this node, and what it sends on to others may pass all the same ([`Self::Transit`]).
    #[inline(always)]
    #[must_use]
    pub const fn may_be_transit(self) -> bool {
        matches!(
            self,
            Self::SourceNotAdmitted
                | Self::Undocumented
                | Self::NoReplyState
                | Self::Revoked
                | Self::NoSocket
                | Self::Stale
                | Self::Protocol
                | Self::IcmpType
                | Self::FragmentSource
        )
    }

    /// Whether the reason may be that the bytes of a header could not be read, where a frame is in several pieces: a
    /// header that ends too early, or a source address that only what follows would excuse.
    #[inline(always)]
    #[must_use]
    pub fn is_unreadable(self) -> bool {
        matches!(self, Self::Short | Self::Martian)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_reason_has_an_index_and_a_name_of_its_own() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, index);
        }
        let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
