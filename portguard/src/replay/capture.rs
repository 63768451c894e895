//! A capture file, packet by packet: pcap and pcapng, both byte orders, whatever the clock's resolution.
//!
//! It holds one record at a time, so a file may be of any length. The longest record that it takes is [`LARGEST`].

use std::{
    cell::RefCell,
    io::{self, Read},
    rc::Rc,
};

use pcap_parser::{
    Block, LegacyPcapReader, Linktype, PcapBlockOwned, PcapError, PcapNGReader,
    pcapng::{EnhancedPacketBlock, InterfaceDescriptionBlock, OptionCode, SimplePacketBlock},
    traits::{PcapNGPacketBlock as _, PcapReaderIterator},
};

use super::{CaptureError, link};

/// What is read at a time.
const BUFFER: usize = 1 << 20;
/// The longest record: longer ones hold no frame, so their length is a lie.
const LARGEST: usize = 4 << 20;
/// The most interfaces of a section.
const MOST_INTERFACES: usize = 1 << 12;
/// "Packet Block", which the enhanced and the simple one have replaced.
const OBSOLETE_PACKET: u32 = 2;

/// Which way a packet went, where the capture says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the node.
    Inbound,
    /// From the node.
    Outbound,
}

/// A packet of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its number in the capture, from 1, as Wireshark counts.
    pub index: u64,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// How long it was on the wire; at least the length of `bytes`.
    pub wire_len: usize,
    /// Which way it went, where the capture says so.
    pub direction: Option<Direction>,
}

/// An interface as the capture describes it.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Linktype,
    /// How much of a packet is captured; 0 for all.
    snap_len: u32,
}

/// What a section of the file says of the packets in it; a pcap file is one.
#[derive(Debug, Default)]
struct Section {
    interfaces: Vec<Interface>,
    big_endian: bool,
}

/// A record that holds a packet.
#[derive(Clone, Copy)]
struct Record {
    interface: u32,
    wire_len: u32,
    direction: Option<Direction>,
}

/// What a step through the file came to.
enum Step {
    Packet(Record),
    Other,
    MoreNeeded,
    LongerNeeded,
    End,
}

/// An open capture.
pub struct Capture<'a> {
    reader: Box<dyn PcapReaderIterator + 'a>,
    /// What the system said when reading failed; the parser does not keep it.
    fault: Fault,
    capacity: usize,
    section: Section,
    index: u64,
    frame: Vec<u8>,
}

impl<'a> Capture<'a> {
    /// Reads the file's header.
    pub fn open(file: impl Read + 'a) -> Result<Self, CaptureError> {
        let fault = Fault::default();
        let mut file = Whole { file, fault: Rc::clone(&fault) };
        let mut magic = Vec::new();
        file.by_ref().take(4).read_to_end(&mut magic).map_err(|_| unreadable(&fault, 0))?;
        if magic.is_empty() {
            return Err(CaptureError::Empty);
        }
        if let Some(tool) = unpacker(&magic) {
            return Err(CaptureError::Compressed { tool });
        }
        let is_ng = magic == [0x0a, 0x0d, 0x0d, 0x0a];
        let file = Whole { file: io::Cursor::new(magic).chain(file), fault: Rc::clone(&fault) };
        let reader: Result<Box<dyn PcapReaderIterator + 'a>, _> = if is_ng {
            PcapNGReader::new(BUFFER, file).map(|reader| Box::new(reader) as _)
        } else {
            LegacyPcapReader::new(BUFFER, file).map(|reader| Box::new(reader) as _)
        };
        let reader = reader.map_err(|error| match error {
            PcapError::Incomplete(_) => CaptureError::CutOff { after: 0 },
            PcapError::ReadError => unreadable(&fault, 0),
            _ => CaptureError::NotACapture,
        })?;
        Ok(Self { reader, fault, capacity: BUFFER, section: Section::default(), index: 0, frame: Vec::new() })
    }

    /// The next packet; `None` after the last.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        loop {
            match self.step()? {
                Step::Packet(record) => return self.packet(record).map(Some),
                Step::Other => {}
                Step::End => return Ok(None),
                Step::MoreNeeded => self.refill()?,
                Step::LongerNeeded if self.capacity >= LARGEST => {
                    return Err(CaptureError::TooLong { after: self.index, largest: LARGEST });
                }
                Step::LongerNeeded => {
                    self.capacity *= 2;
                    self.reader.grow(self.capacity);
                    self.refill()?;
                }
            }
        }
    }

    fn refill(&mut self) -> Result<(), CaptureError> {
        let (after, held) = (self.index, self.reader.data().len());
        if self.reader.refill().is_err() {
            return Err(unreadable(&self.fault, after));
        }
        // A record that wants more and has no place for it would be asked for again for ever.
        let stuck = self.reader.data().len() == held && !self.reader.reader_exhausted();
        if stuck { Err(CaptureError::Damaged { after }) } else { Ok(()) }
    }

    /// Takes one record; a packet's bytes are in `frame` then.
    fn step(&mut self) -> Result<Step, CaptureError> {
        let after = self.index;
        let (consumed, step) = match self.reader.next() {
            Ok((consumed, block)) => (consumed, take(block, &mut self.section, &mut self.frame, after)?),
            Err(PcapError::Eof) => return Ok(Step::End),
            Err(PcapError::Incomplete(_)) => return Ok(Step::MoreNeeded),
            Err(PcapError::BufferTooSmall) => return Ok(Step::LongerNeeded),
            Err(PcapError::UnexpectedEof) => return Err(CaptureError::CutOff { after }),
            Err(_) => return Err(CaptureError::Damaged { after }),
        };
        self.reader.consume(consumed);
        Ok(step)
    }

    fn packet(&mut self, record: Record) -> Result<Packet<'_>, CaptureError> {
        self.index += 1;
        let (index, Record { interface, wire_len, direction }) = (self.index, record);
        let Some(of) = self.section.interfaces.get(interface as usize) else {
            return Err(CaptureError::UnknownInterface { index, interface });
        };
        if let Some((link, remedy)) = link::obstacle(of.link) {
            return Err(CaptureError::NotEthernet { index, link, remedy });
        }
        let wire_len = (wire_len as usize).max(self.frame.len());
        Ok(Packet { index, bytes: &self.frame, wire_len, direction })
    }
}

/// What unpacks a file that begins so, if it is one that is mostly met packed.
fn unpacker(magic: &[u8]) -> Option<&'static str> {
    Some(match magic {
        [0x1f, 0x8b, ..] => "zcat",
        [0x28, 0xb5, 0x2f, 0xfd] => "zstdcat",
        [0xfd, b'7', b'z', b'X'] => "xzcat",
        [b'B', b'Z', b'h', _] => "bzcat",
        [0x04, 0x22, 0x4d, 0x18] => "lz4cat",
        _ => return None,
    })
}

/// What a record says. `after` is the last packet before it.
fn take(
    block: PcapBlockOwned<'_>,
    section: &mut Section,
    frame: &mut Vec<u8>,
    after: u64,
) -> Result<Step, CaptureError> {
    let mut hold = |bytes: &[u8]| {
        frame.clear();
        frame.extend_from_slice(bytes);
    };
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            // The upper half tells the length of checksums, which stand behind the frame and mean nothing here.
            let link = Linktype(header.network.0 & 0xffff);
            section.interfaces.push(Interface { link, snap_len: header.snaplen });
        }
        PcapBlockOwned::Legacy(packet) => {
            hold(packet.data);
            return Ok(Step::Packet(Record { interface: 0, wire_len: packet.origlen, direction: None }));
        }
        PcapBlockOwned::NG(Block::SectionHeader(header)) => {
            *section = Section { interfaces: Vec::new(), big_endian: header.big_endian() };
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(described)) => {
            if section.interfaces.len() == MOST_INTERFACES {
                return Err(CaptureError::TooManyInterfaces(MOST_INTERFACES));
            }
            let InterfaceDescriptionBlock { linktype: link, snaplen: snap_len, .. } = described;
            section.interfaces.push(Interface { link, snap_len });
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            hold(packet.packet_data());
            let direction = direction(&packet);
            let EnhancedPacketBlock { if_id: interface, origlen: wire_len, .. } = packet;
            return Ok(Step::Packet(Record { interface, wire_len, direction }));
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            hold(simple(&packet, &section.interfaces));
            return Ok(Step::Packet(Record { interface: 0, wire_len: packet.origlen, direction: None }));
        }
        PcapBlockOwned::NG(Block::Unknown(block)) => {
            // The library reads the type of a block that it does not know as little-endian in any section.
            let kind = if section.big_endian { block.block_type.swap_bytes() } else { block.block_type };
            if kind == OBSOLETE_PACKET {
                return Err(CaptureError::ObsoleteBlock { index: after + 1 });
            }
        }
        // Names, statistics, secrets, comments.
        PcapBlockOwned::NG(_) => {}
    }
    Ok(Step::Other)
}

/// The frame of a block that does not say how much of it was captured: the interface does.
fn simple<'a>(packet: &SimplePacketBlock<'a>, interfaces: &[Interface]) -> &'a [u8] {
    let snap_len = interfaces.first().map_or(0, |interface| interface.snap_len);
    let captured = if snap_len == 0 { packet.origlen } else { packet.origlen.min(snap_len) };
    packet.data.get(..captured as usize).unwrap_or(packet.data)
}

/// The two lowest bits of a packet's flags.
fn direction(packet: &EnhancedPacketBlock<'_>) -> Option<Direction> {
    const FLAGS: OptionCode = OptionCode(2);
    let flags = packet.options.iter().find(|option| option.code == FLAGS)?;
    let bytes: [u8; 4] = flags.value.get(..4)?.try_into().ok()?;
    let flags = if packet.big_endian() { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    match flags & 3 {
        1 => Some(Direction::Inbound),
        2 => Some(Direction::Outbound),
        _ => None,
    }
}

/// Where a reader leaves its error.
type Fault = Rc<RefCell<Option<io::Error>>>;

fn unreadable(fault: &Fault, after: u64) -> CaptureError {
    let source = fault.take().unwrap_or_else(|| io::ErrorKind::Other.into());
    CaptureError::Unreadable { after, source }
}

/// A reader that gives less than it is asked for only at its end, since the parser takes a short first read for a
/// short file.
struct Whole<R> {
    file: R,
    fault: Fault,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < to.len() {
            match self.file.read(&mut to[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    // Of the two readers around a file, the inner one has the system's own words.
                    self.fault.borrow_mut().get_or_insert(error);
                    return Err(kind.into());
                }
            }
        }
        Ok(filled)
    }
}
