//! Asking the kernel for a list over netlink. Knows no family: that is the message's.

use std::{error::Error, io};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// Everything that the kernel answers to `question`, by the netlink protocol with this number.
pub(crate) fn dump<M>(protocol: isize, question: M) -> io::Result<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable,
    M::Error: Error + Send + Sync + 'static,
{
    let mut socket = Socket::new(protocol)?;
    socket.bind_auto()?;
    // Number 0 is the kernel.
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(question));
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
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
            // The next one begins at a multiple of four.
            left = left.get((message.header.length as usize).next_multiple_of(4)..).unwrap_or_default();
        }
    }
}
