//! One echo request and its reply (RFC 792, RFC 4443), by a raw socket: the machine may have no `ping`.

use std::{
    io::{self, Read as _},
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};

const REQUEST_V4: u8 = 8;
const REPLY_V4: u8 = 0;
const REQUEST_V6: u8 = 128;
const REPLY_V6: u8 = 129;

/// Sends an echo request to `to` and waits for its reply.
///
/// A raw socket hears all ICMP of the host: the neighbour discovery that goes before, and other pings. So each request
/// has a number of its own, and only its own reply counts.
pub(super) fn ping(to: IpAddr, patience: Duration) -> io::Result<()> {
    static PINGS: AtomicU16 = AtomicU16::new(1);
    let (domain, protocol, request, reply) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, REQUEST_V4, REPLY_V4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, REQUEST_V6, REPLY_V6),
    };
    let end = Instant::now() + patience;
    let mut socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    socket.connect(&SocketAddr::new(to, 0).into())?;
    let [high, low] = PINGS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let mut message = [request, 0, 0, 0, high, low, 0, 1];
    // The kernel writes ICMPv6's checksum, which covers addresses that only it knows.
    if to.is_ipv4() {
        [message[2], message[3]] = checksum(message).to_be_bytes();
    }
    socket.send(&message)?;
    let mut packet = [0; 256];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.read(&mut packet)?;
        // IPv4's raw sockets give the IP header, too.
        let start = if to.is_ipv4() { usize::from(packet[0] & 0xf) * 4 } else { 0 };
        if let Some(&[kind, code, _, _, first, second, ..]) = packet[..length].get(start..)
            && [kind, code, first, second] == [reply, 0, high, low]
        {
            return Ok(());
        }
    }
}

/// RFC 1071, of a message whose checksum is zero.
fn checksum(message: [u8; 8]) -> u16 {
    let (words, _) = message.as_chunks::<2>();
    words.iter().fold(0, |sum, word| {
        let (sum, carry) = u16::from_be_bytes(*word).overflowing_add(sum);
        sum + u16::from(carry)
    }) ^ 0xffff
}
