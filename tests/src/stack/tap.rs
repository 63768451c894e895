//! The line to the node: an interface whose other end is a file.

#![expect(unsafe_code, reason = "ioctl takes a pointer")]

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
};

use anyhow::{Context as _, ensure};
use etherparse::{IpNumber, LaxIpSlice};

/// What stands before each frame (`struct virtio_net_hdr`), and its flag that a checksum is still to be made, from one offset on, at another.
/// Whoever gets such a frame from within the machine believes it.
const PREFIX: usize = 10;
const NEEDS_CHECKSUM: u8 = 1;
/// The longest frame.
const LONGEST: usize = 1 << 16;

/// A tap device.
#[derive(Debug)]
pub(super) struct Tap(File);

impl Tap {
    /// Makes the interface `name` in this thread's network.
    pub(super) fn new(name: &str) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/net/tun")
            .context("the tests need tap devices (/dev/net/tun)")?;
        // SAFETY: all of its fields may be zero.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        ensure!(name.len() < request.ifr_name.len(), "{name} is too long");
        for (to, &from) in request.ifr_name.iter_mut().zip(name.as_bytes()) {
            *to = from.cast_signed();
        }
        let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
        request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags).expect("they fit");
        // SAFETY: the descriptor is open, and the request lives through the call, which reads and writes no more than it.
        let made = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        ensure!(made == 0, "TUNSETIFF: {}", io::Error::last_os_error());
        Ok(Self(file))
    }

    /// The frame comes in, and has been dealt with when this returns.
    pub(super) fn write(&mut self, frame: &[u8]) -> anyhow::Result<()> {
        let mut bytes = [&[0; PREFIX][..], frame].concat();
        put_right(&mut bytes[PREFIX..]);
        if let Some((from, protocol)) = transport(frame) {
            bytes[0] = NEEDS_CHECKSUM;
            bytes[6..8].copy_from_slice(&u16::try_from(from).context("a frame is short")?.to_ne_bytes());
            // IPv6 knows no datagram without a checksum (RFC 8200 section 8.1).
            let checksum = bytes.get_mut(PREFIX + from + 6..PREFIX + from + 8);
            if let Some(none) = checksum.filter(|checksum| protocol == IpNumber::UDP && **checksum == [0, 0])
            {
                none.fill(0xff);
            }
        }
        // In one piece, or not at all.
        self.0.write_all(&bytes).with_context(|| format!("showing {frame:02x?}"))
    }

    /// A frame that the node has sent.
    pub(super) fn read(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; PREFIX + LONGEST];
        match self.0.read(&mut bytes) {
            Ok(len) => Ok(Some(bytes[PREFIX..len].to_vec())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where the EtherType behind all tags stands.
fn ether_type(frame: &[u8]) -> usize {
    let mut offset = 12;
    while matches!(frame.get(offset..offset + 2), Some([0x81, 0] | [0x88, 0xa8])) {
        offset += 4;
    }
    offset
}

/// Where the transport header stands, and its protocol, as far as they can be told.
fn transport(frame: &[u8]) -> Option<(usize, IpNumber)> {
    let ip = ether_type(frame) + 2;
    let packet = frame.get(ip..)?;
    let (net, _) = LaxIpSlice::from_slice(packet).ok()?;
    let rest = rest_of(packet, net.payload().payload)?;
    (rest >= 2).then(|| (frame.len() - rest, net.payload().ip_number))
}

/// How many bytes of `packet` stand from the beginning of `part`, a piece of it, on.
fn rest_of(packet: &[u8], part: &[u8]) -> Option<usize> {
    let [from, to] = [packet, part].map(|bytes| bytes.as_ptr().addr());
    packet.len().checked_sub(to.checked_sub(from)?)
}

/// Makes the checksum of the frame's IPv4 header, if it has one (RFC 1071).
fn put_right(frame: &mut [u8]) {
    let offset = ether_type(frame);
    if frame.get(offset..offset + 2) != Some(&[8, 0]) {
        return;
    }
    let packet = &mut frame[offset + 2..];
    let len = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
    let Some(header) = packet.get_mut(..len).filter(|header| header.len() >= 20) else { return };
    header[10..12].fill(0);
    let sum: u32 = header.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    let [_, _, high, low] = (!folded).to_be_bytes();
    header[10..12].copy_from_slice(&[high, low]);
}
