//! Capture files, written byte by byte from the formats' definitions (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng):
//! what reads them is another's code.

/// Which byte comes first in the file's own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As on most machines.
    Little,
    /// As on the wire.
    Big,
}

impl Order {
    fn long(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn short(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

/// The magic number of a pcap file whose clock counts microseconds.
pub(crate) const MICROSECONDS: u32 = 0xa1b2_c3d4;
/// The same of nanoseconds.
pub(crate) const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Ethernet's link type.
pub(crate) const ETHERNET: u32 = 1;

/// A pcap file's header.
pub(crate) fn pcap_header(order: Order, magic: u32, link: u32) -> Vec<u8> {
    let mut file = order.long(magic).to_vec();
    file.extend(order.short(2));
    file.extend(order.short(4));
    for number in [0, 0, 262_144, link] {
        file.extend(order.long(number));
    }
    file
}

/// A record of a pcap file: `captured` of a frame of `wire_len` bytes.
pub(crate) fn pcap_record(order: Order, captured: &[u8], wire_len: usize) -> Vec<u8> {
    let length = |len: usize| u32::try_from(len).expect("a frame is short");
    let mut record = Vec::new();
    for number in [1_700_000_000, 1, length(captured.len()), length(wire_len)] {
        record.extend(order.long(number));
    }
    record.extend(captured);
    record
}

/// A whole pcap file of whole frames.
pub(crate) fn pcap<'a>(frames: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut file = pcap_header(Order::Little, MICROSECONDS, ETHERNET);
    for frame in frames {
        file.extend(pcap_record(Order::Little, frame, frame.len()));
    }
    file
}

/// A pcapng block: type, length, body and length again.
pub(crate) fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut padded = body.to_vec();
    padded.resize(body.len().next_multiple_of(4), 0);
    let len = order.long(u32::try_from(padded.len() + 12).expect("a block is short"));
    [order.long(kind).as_slice(), &len, &padded, &len].concat()
}

/// The block that begins a section.
pub(crate) fn section(order: Order) -> Vec<u8> {
    let mut body = order.long(0x1a2b_3c4d).to_vec();
    body.extend(order.short(1));
    body.extend(order.short(0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

/// An interface of `link`, of which `snap_len` bytes of a packet are captured.
pub(crate) fn interface(order: Order, link: u16, snap_len: u32) -> Vec<u8> {
    let mut body = order.short(link).to_vec();
    body.extend(order.short(0));
    body.extend(order.long(snap_len));
    // if_tsresol: nanoseconds; end of options.
    body.extend([order.short(9), order.short(1)].concat());
    body.extend([9, 0, 0, 0, 0, 0, 0, 0]);
    block(order, 1, &body)
}

/// A packet of the `interface`th interface, with its flags if there are any.
pub(crate) fn packet(
    order: Order,
    interface: u32,
    captured: &[u8],
    wire_len: usize,
    flags: Option<u32>,
) -> Vec<u8> {
    let length = |len: usize| u32::try_from(len).expect("a frame is short");
    let mut body = Vec::new();
    for number in [interface, 0x0006_0000, 7, length(captured.len()), length(wire_len)] {
        body.extend(order.long(number));
    }
    body.extend(captured);
    body.resize(body.len().next_multiple_of(4), 0);
    if let Some(flags) = flags {
        body.extend([order.short(2), order.short(4)].concat());
        body.extend(order.long(flags));
        body.extend([0; 4]);
    }
    block(order, 6, &body)
}

/// A packet in the short form, which says nothing but its length on the wire.
pub(crate) fn simple_packet(order: Order, captured: &[u8], wire_len: u32) -> Vec<u8> {
    block(order, 3, &[order.long(wire_len).as_slice(), captured].concat())
}
