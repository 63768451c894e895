//! Whether nftables translates addresses: the kernel is asked for its chains, and one of type `nat` is enough. The rules of
//! `iptables-nft` are such chains, too.

use std::io;

use netlink_packet_core::{
    DecodeError, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable, NlasIterator,
};
use netlink_sys::protocols::NETLINK_NETFILTER;

use crate::netlink::dump;

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Translation {
    /// There is a chain for it.
    Found,
    /// There is none.
    NotFound,
    /// This process may not ask.
    Untold,
}

/// What nftables of this network namespace does.
pub(super) fn by_nftables() -> Translation {
    match kinds() {
        Ok(kinds) if kinds.iter().any(|kind| kind == "nat") => Translation::Found,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Translation::Untold,
        // A kernel without nftables answers with an error, and has no such chain.
        _ => Translation::NotFound,
    }
}

// `include/uapi/linux/netfilter/nfnetlink.h` and `nf_tables.h`.
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFT_MSG_GETCHAIN: u16 = 4;
const NFTA_CHAIN_TYPE: u16 = 7;
/// The length of `struct nfgenmsg`: family, version, resource.
const GENERIC_HEADER: usize = 4;

/// A question for all chains, or an answer about one of them.
#[derive(Clone, Debug)]
enum Chains {
    Get,
    Chain { kind: Option<String> },
}

impl NetlinkSerializable for Chains {
    fn message_type(&self) -> u16 {
        NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN
    }

    fn buffer_len(&self) -> usize {
        GENERIC_HEADER
    }

    fn serialize(&self, buffer: &mut [u8]) {
        // Every family.
        buffer.fill(0);
    }
}

impl NetlinkDeserializable for Chains {
    type Error = DecodeError;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let mut kind = None;
        for attribute in NlasIterator::new(payload.get(GENERIC_HEADER..).unwrap_or_default()) {
            let attribute = attribute?;
            if attribute.kind() == NFTA_CHAIN_TYPE {
                let text = String::from_utf8_lossy(attribute.value());
                kind = Some(text.trim_end_matches('\0').to_owned());
            }
        }
        Ok(Self::Chain { kind })
    }
}

/// The types of all chains that have one.
fn kinds() -> io::Result<Vec<String>> {
    let answers = dump(NETLINK_NETFILTER, Chains::Get)?;
    let kinds = answers.into_iter().filter_map(|answer| match answer {
        Chains::Chain { kind } => kind,
        Chains::Get => None,
    });
    Ok(kinds.collect())
}
