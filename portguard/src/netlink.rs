//! Asking the kernel, and telling it, over netlink. Knows no family: that is the message's.

use std::{error::Error, io};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// The whole list for which `question` asks, by the netlink protocol with this number.
pub(crate) fn dump<M>(protocol: isize, question: M) -> io::Result<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable,
    M::Error: Error + Send + Sync + 'static,
{
    exchange(protocol, question, NLM_F_DUMP)
}

/// What the kernel answers to `request`, which asks for one thing or changes one, with `flags` that say how.
pub(crate) fn request<M>(protocol: isize, request: M, flags: u16) -> io::Result<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable,
    M::Error: Error + Send + Sync + 'static,
{
    exchange(protocol, request, flags | NLM_F_ACK)
}

fn exchange<M>(protocol: isize, request: M, flags: u16) -> io::Result<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable,
    M::Error: Error + Send + Sync + 'static,
{
    let mut socket = Socket::new(protocol)?;
    socket.bind_auto()?;
    // Number 0 is the kernel.
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut answers = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full()?;
        let mut left = datagram.as_slice();
        while !left.is_empty() {
            let message = NetlinkMessage::<M>::deserialize(left).map_err(io::Error::other)?;
            match message.payload {
                NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                NetlinkPayload::Done(_) => return Ok(answers),
                // Without a code it says that all is done.
                NetlinkPayload::Error(error) if error.code.is_none() => return Ok(answers),
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
            // The next one begins at a multiple of four.
            left = left.get((message.header.length as usize).next_multiple_of(4)..).unwrap_or_default();
        }
    }
}
