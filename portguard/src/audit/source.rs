//! A source's address as the file holds it: its bytes, so that a prefix is a range of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};

/// An address, or none where the frames have none that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Source(pub(super) Option<IpAddr>);

impl ToSql for Source {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Some(IpAddr::V4(address)) => address.octets().to_vec(),
            Some(IpAddr::V6(address)) => address.octets().to_vec(),
            None => Vec::new(),
        }
        .into())
    }
}

impl FromSql for Source {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        // Bytes of another length were put there by somebody else: they are no address that can be read.
        Ok(Self(if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
            Some(Ipv4Addr::from(octets).into())
        } else if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
            Some(Ipv6Addr::from(octets).into())
        } else {
            None
        }))
    }
}

/// The first and the last address of a prefix.
pub(super) fn ends(prefix: IpNet) -> (Source, Source) {
    (Source(Some(prefix.network())), Source(Some(prefix.broadcast())))
}
