//! Frames made byte by byte, for packets that no library would write.

use crate::sample::{NODE_V4, NODE_V6};

/// Ethernet with `ether_type`, and `payload` behind it.
pub fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `frame` with these tags, outermost first: TPID and VLAN.
pub fn tagged(tags: &[(u16, u16)], frame: &[u8]) -> Vec<u8> {
    let mut tagged = frame[..12].to_vec();
    for (tpid, vlan) in tags {
        tagged.extend(tpid.to_be_bytes());
        tagged.extend(vlan.to_be_bytes());
    }
    tagged.extend(&frame[12..]);
    tagged
}

/// An IPv4 packet in the making. Lengths are right unless they are set.
#[derive(Clone, Debug)]
pub struct V4 {
    /// First byte of the header; `None` for version 4 and the real header length.
    pub version_and_len: Option<u8>,
    /// Total length; `None` for the real one.
    pub total_len: Option<u16>,
    /// Flags and fragment offset.
    pub fragment: u16,
    /// Time to live.
    pub ttl: u8,
    /// Protocol.
    pub protocol: u8,
    /// Source.
    pub source: [u8; 4],
    /// Destination.
    pub destination: [u8; 4],
    /// Options; a multiple of four bytes.
    pub options: Vec<u8>,
}

impl V4 {
    /// A whole packet of `protocol` from `source` to the node.
    pub fn new(source: [u8; 4], protocol: u8) -> Self {
        Self {
            version_and_len: None,
            total_len: None,
            fragment: 0,
            ttl: 64,
            protocol,
            source,
            destination: NODE_V4.octets(),
            options: Vec::new(),
        }
    }

    /// The whole frame.
    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let header_len = 20 + self.options.len();
        let words = u8::try_from(header_len / 4).expect("a header of at most fifteen words");
        let total = u16::try_from(header_len + payload.len()).expect("a packet");
        let mut packet = vec![self.version_and_len.unwrap_or(0x40 | words), 0];
        packet.extend(self.total_len.unwrap_or(total).to_be_bytes());
        packet.extend([0, 1]);
        packet.extend(self.fragment.to_be_bytes());
        packet.extend([self.ttl, self.protocol, 0, 0]);
        packet.extend(self.source);
        packet.extend(self.destination);
        packet.extend(&self.options);
        packet.extend(payload);
        ethernet(0x0800, &packet)
    }
}

/// An IPv6 packet in the making. The length is right unless it is set.
#[derive(Clone, Debug)]
pub struct V6 {
    /// Payload length; `None` for the real one.
    pub payload_len: Option<u16>,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source.
    pub source: [u8; 16],
    /// Destination.
    pub destination: [u8; 16],
    /// Extension headers: each with its number, and its bytes, the first of which is overwritten by what follows it.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// The transport protocol.
    pub protocol: u8,
}

impl V6 {
    /// A packet of `protocol` from `source` to the node.
    pub fn new(source: [u8; 16], protocol: u8) -> Self {
        Self {
            payload_len: None,
            hop_limit: 64,
            source,
            destination: NODE_V6.octets(),
            extensions: Vec::new(),
            protocol,
        }
    }

    /// The whole frame.
    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let numbers: Vec<u8> =
            self.extensions.iter().map(|(number, _)| *number).chain([self.protocol]).collect();
        let mut behind = Vec::new();
        for ((_, bytes), next) in self.extensions.iter().zip(&numbers[1..]) {
            behind.push(*next);
            behind.extend(&bytes[1..]);
        }
        behind.extend(payload);
        let len = self.payload_len.unwrap_or(u16::try_from(behind.len()).expect("a packet"));
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(len.to_be_bytes());
        packet.extend([numbers[0], self.hop_limit]);
        packet.extend(self.source);
        packet.extend(self.destination);
        packet.extend(&behind);
        ethernet(0x86dd, &packet)
    }
}

/// An extension header of options: `units` of eight bytes, padding inside.
pub fn options(units: u8) -> Vec<u8> {
    let mut bytes = vec![0; usize::from(units) * 8];
    bytes[1] = units - 1;
    // PadN over what is left of the first unit; further units are Pad1.
    bytes[2] = 1;
    bytes[3] = 4;
    bytes
}

/// A fragment header (RFC 8200 section 4.5): offset in units of eight bytes, and whether more follow.
pub fn fragment(offset: u16, more: bool) -> Vec<u8> {
    let [high, low] = (offset << 3 | u16::from(more)).to_be_bytes();
    vec![0, 0, high, low, 0, 0, 0, 1]
}

/// An authentication header (RFC 4302) with a check value of `words` 32-bit words.
pub fn authentication(words: u8) -> Vec<u8> {
    let mut bytes = vec![0; 12 + usize::from(words) * 4];
    bytes[1] = words + 1;
    bytes
}

/// A TCP header without options, from port 40000.
pub fn tcp(port: u16, flags: u8) -> Vec<u8> {
    tcp_from(40_000, port, flags)
}

/// A TCP header without options, from `source` to `port`.
pub fn tcp_from(source: u16, port: u16, flags: u8) -> Vec<u8> {
    let mut header = source.to_be_bytes().to_vec();
    header.extend(port.to_be_bytes());
    header.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    header
}

/// A UDP header and four bytes, from `source` to `port`.
pub fn udp(source: u16, port: u16) -> Vec<u8> {
    let mut packet = source.to_be_bytes().to_vec();
    packet.extend(port.to_be_bytes());
    packet.extend([0, 12, 0, 0, 1, 2, 3, 4]);
    packet
}

/// An ICMP message of `kind`, eight bytes.
pub fn icmp(kind: u8) -> Vec<u8> {
    vec![kind, 0, 0, 0, 0, 0, 0, 0]
}
