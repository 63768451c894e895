//! IP protocol numbers (IANA "Assigned Internet Protocol Numbers") that the verdict names.

use network_types::ip::IpProto;

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident = $variant:ident;)*) => {
        $($(#[$doc])* pub const $name: u8 = IpProto::$variant as u8;)*
    };
}

numbers! {
    /// IPv6 hop-by-hop options, RFC 8200 section 4.3.
    HOP_BY_HOP = HopOpt;
    /// RFC 792.
    ICMP = Icmp;
    /// RFC 3376.
    IGMP = Igmp;
    /// RFC 9293.
    TCP = Tcp;
    /// RFC 768.
    UDP = Udp;
    /// RFC 8200 section 4.4.
    ROUTING = Ipv6Route;
    /// RFC 8200 section 4.5.
    FRAGMENT = Ipv6Frag;
    /// RFC 4302.
    AH = Ah;
    /// RFC 4443.
    ICMPV6 = Ipv6Icmp;
    /// RFC 8200 section 4.7.
    NO_NEXT_HEADER = Ipv6NoNxt;
    /// RFC 8200 section 4.6.
    DESTINATION_OPTIONS = Ipv6Opts;
    /// RFC 9260.
    SCTP = Sctp;
}

/// Whether a protocol carries other traffic past the filter, or ports that the filter can't read: such a protocol
/// passes by a rule of its own only, whatever the posture.
///
/// Tunnels: IP in IP 4, 6in4 41, GRE 47, minimal encapsulation 55, AX.25 93, IP in IP (IPIP) 94, EtherIP 97,
/// encapsulation header 98, IPComp 108, PIPE 131, L2TP 115, MPLS in IP 137, Ethernet 143, service headers (RFC 8300) 145. IPsec: ESP 50,
/// AH 51.
/// Port name spaces of their own: DCCP 33, SCTP 132 (whose rules are by port), UDP-Lite 136.
#[inline(always)]
#[must_use]
pub fn needs_rule(protocol: u8) -> bool {
    const LISTED: [u8; 19] =
        [4, 33, 41, 47, 50, 51, 55, 93, 94, 97, 98, 108, 115, 131, 132, 136, 137, 143, 145];
    // A bit set of 256 instead of 19 comparisons in the program.
    const BITS: [u64; 4] = {
        let mut bits = [0_u64; 4];
        let mut position = 0;
        while position < LISTED.len() {
            bits[LISTED[position] as usize >> 6] |= 1 << (LISTED[position] & 63);
            position += 1;
        }
        bits
    };
    let word = match protocol >> 6 {
        0 => BITS[0],
        1 => BITS[1],
        2 => BITS[2],
        _ => BITS[3],
    };
    word >> (protocol & 63) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_need_a_rule_and_routing_protocols_do_not() {
        for tunnel in [4, 33, 41, 47, 50, 51, 115, 132, 136, 137, 143, 145] {
            assert!(needs_rule(tunnel), "{tunnel}");
        }
        for other in [0, 1, 6, 17, 58, 88, 89, 103, 112, 255] {
            assert!(!needs_rule(other), "{other}");
        }
    }
}
