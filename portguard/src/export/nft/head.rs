//! What a reader must know before loading the ruleset.

use super::{mode, posture};
use crate::matrix::{Matrix, Outbound, Posture};

const DIFFERENCES: &str = "\
# Load it with `nft -f FILE`, which replaces what an earlier one loaded; `nft list table inet portguard` shows the counters,
# `nft delete table inet portguard` takes it off. Each counter names the rule, the line of the document and the group.
#
# It gives PortGuard's verdicts on TCP, UDP, SCTP and ICMP by port, zone and source or destination. It is another firewall, and
# differs where that one's work differs:
# - Replies are found by connection tracking and not by the socket table: its table can be filled from outside, and UDP
#   replies pass for unconnected sockets, too.
# - Fragments are put together first and judged whole: none is dropped for being tiny or for whom it comes from.
# - IP options, source routes and IPv6 extension headers are not looked at: the kernel's own settings decide. Of an
#   authentication header nftables sees over IPv4 the header and not what is behind it, over IPv6 the contrary.
# - It sees what the stack delivers to this node: after VLAN tags are taken off and bonds and bridges are gone through, so
#   an interface must be named as the one that has the address. Packets that are not IP are not judged.
# - A dropped packet has cost a walk through the stack, and connection tracking, first.
";

const FORWARDED: &str = "\
# - What this node sends on to others is not judged; what it translates to its own addresses is, which the program meets before that.
";

const FORWARDED_JUDGED: &str = "\
# - Of what this node sends on to others, answers are known by connection tracking, and pass.
";

const LEAVING: &str = "\
# - What leaves is judged as this node sends it, before it is cut into packets of the wire's size. Of a connection that a peer
#   opened, connection tracking knows and not the socket table; resets pass with data, too. Who sends a datagram that must
#   not leave has the error of his own call (EPERM) and not of the next.
";

/// The comment that the ruleset begins with.
pub(super) fn text(matrix: &Matrix) -> String {
    let leaving = if matrix.outbound.is_some() { LEAVING } else { "" };
    let forwarded = match matrix.transit {
        Posture::Pass => FORWARDED,
        Posture::Drop => FORWARDED_JUDGED,
    };
    let outbound = matrix.outbound.map(|Outbound { mode: kept, posture: unnamed, .. }| {
        format!(", outbound {}, posture {}", mode(kept), posture(unnamed))
    });
    format!(
        "#!/usr/sbin/nft -f\n\
         # The documented port matrix of a site, by `portguard export nft`: mode {}, posture {}{}.\n#\n\
         {DIFFERENCES}{forwarded}{leaving}\n",
        mode(matrix.mode),
        posture(matrix.posture),
        outbound.unwrap_or_default(),
    )
}
