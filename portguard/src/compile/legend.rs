//! The counters: which slot counts what.

use std::fmt;

use portguard_common::{
    Reason,
    abi::{PortEntry, port_slots, undocumented},
};
use serde::{Deserialize, Serialize};

use super::{
    error::{CompileError, fits, narrow},
    rows::{self, NO_ROW, Rows},
};
use crate::matrix::{Direction, RuleId, Transport, ZoneId};

/// What a documented entry of the port table stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A destination port.
    Port {
        /// Of this protocol.
        transport: Transport,
        /// Its number.
        port: u16,
    },
    /// An ICMP type for IPv4.
    Icmpv4(u8),
    /// An ICMP type for IPv6.
    Icmpv6(u8),
    /// A whole IP protocol.
    Protocol(u8),
    /// Everything that no rule names, of whatever protocol: what only failsafe groups are admitted to.
    Other,
}

impl Target {
    /// The port, or type or protocol, that is `steps` numbers above; `None` where there is none.
    pub fn after(self, steps: u32) -> Option<Self> {
        let above = |number: u8| number.checked_add(u8::try_from(steps).ok()?);
        Some(match self {
            Self::Port { transport, port } => {
                Self::Port { transport, port: port.checked_add(u16::try_from(steps).ok()?)? }
            }
            Self::Icmpv4(number) => Self::Icmpv4(above(number)?),
            Self::Icmpv6(number) => Self::Icmpv6(above(number)?),
            Self::Protocol(number) => Self::Protocol(above(number)?),
            // It has no number.
            Self::Other => return (steps == 0).then_some(self),
        })
    }

    /// The one whose counter has this place in [`undocumented`], and which way the packets went.
    pub fn of_undocumented(place: u32) -> Option<(Direction, Self)> {
        match place.checked_sub(undocumented::OUT) {
            Some(place) => Some((Direction::Out, Self::of_place(place)?)),
            None => Some((Direction::In, Self::of_place(place)?)),
        }
    }

    fn of_place(place: u32) -> Option<Self> {
        let port =
            |transport, first: u32| Some(Self::Port { transport, port: u16::try_from(place - first).ok()? });
        let kind = |first: u32| u8::try_from(place - first).ok();
        match place {
            undocumented::TCP..undocumented::UDP => port(Transport::Tcp, undocumented::TCP),
            undocumented::UDP..undocumented::ICMPV4 => port(Transport::Udp, undocumented::UDP),
            undocumented::ICMPV4..undocumented::ICMPV6 => kind(undocumented::ICMPV4).map(Self::Icmpv4),
            undocumented::ICMPV6..undocumented::COUNT => kind(undocumented::ICMPV6).map(Self::Icmpv6),
            undocumented::COUNT.. => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port { transport, port } => write!(f, "{port}/{transport}"),
            Self::Icmpv4(number) => write!(f, "icmpv4/{number}"),
            Self::Icmpv6(number) => write!(f, "icmpv6/{number}"),
            Self::Protocol(number) => write!(f, "ip/{number}"),
            Self::Other => f.write_str("other"),
        }
    }
}

/// One documented port of one zone and where its counters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegendPort<'a> {
    /// The zone.
    pub zone: ZoneId,
    /// Whether it is the node's port, or one that the node reaches.
    pub direction: Direction,
    /// The port, type or protocol.
    pub target: Target,
    /// Its first counter; the others follow as `portguard_common::abi::port_slots` says.
    pub slot: u32,
    /// The rules that name it, in the order of their counters.
    pub rules: &'a [RuleId],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Port {
    zone: ZoneId,
    direction: Direction,
    target: Target,
    slot: u32,
    row: u32,
}

/// What every counter of an image counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legend {
    /// Ascending by slot.
    ports: Vec<Port>,
    rows: Vec<Vec<RuleId>>,
    slots: u32,
}

impl Legend {
    /// How many counters there are.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// The documented ports, ascending by slot: by direction, then by zone, then by protocol, then by number. Where there are
    /// failsafe groups, [`Target::Other`] is the first of each zone.
    pub fn ports(&self) -> impl Iterator<Item = LegendPort<'_>> {
        self.ports.iter().map(|port| self.expand(port))
    }

    /// Those of one direction.
    pub fn ports_of(&self, direction: Direction) -> impl Iterator<Item = LegendPort<'_>> {
        self.ports().filter(move |port| port.direction == direction)
    }

    /// The documented port that `slot` is one of the counters of; `None` for the counters of reasons.
    pub fn port_of(&self, slot: u32) -> Option<LegendPort<'_>> {
        let after = self.ports.partition_point(|port| port.slot <= slot);
        let port = self.ports.get(after.checked_sub(1)?)?;
        (slot < self.slots).then(|| self.expand(port))
    }

    /// The rule whose admissions `slot` counts; `None` for every other counter.
    pub fn rule_of(&self, slot: u32) -> Option<RuleId> {
        let port = self.port_of(slot)?;
        let position = (slot - port.slot).checked_sub(port_slots::ADMITTED)?;
        port.rules.get(position as usize).copied()
    }

    fn expand(&self, port: &Port) -> LegendPort<'_> {
        let Port { zone, direction, target, slot, row } = *port;
        LegendPort { zone, direction, target, slot, rules: &self.rows[row as usize] }
    }
}

/// Gives every documented port its counters; the port table comes out beside the legend. A row has `classes` cells.
pub(super) fn assign(rows: Rows, classes: u32) -> Result<(Vec<PortEntry>, Legend), CompileError> {
    let failsafe = rows.has_failsafe();
    let Rows { lists, entries, outbound } = rows;
    fits::<PortEntry>(entries.len(), "zones")?;
    let directions = if outbound { &[Direction::In, Direction::Out][..] } else { &[Direction::In] };
    let mut next = directions.len() * Reason::ALL.len();
    let mut ports = Vec::new();
    let mut count = |(direction, zone), target, row: u32| -> Result<u32, CompileError> {
        let slot = narrow(next, "counters")?;
        next += port_slots::ADMITTED as usize + lists[row as usize].len();
        ports.push(Port { zone, direction, target, slot, row });
        Ok(slot)
    };
    let mut table = vec![PortEntry::default(); entries.len()];
    let zones = entries.len() / rows::PER_ZONE / directions.len();
    let places =
        directions.iter().flat_map(|&direction| (0..zones).map(move |zone| (direction, ZoneId::new(zone))));
    let tables = entries.chunks(rows::PER_ZONE).zip(table.chunks_mut(rows::PER_ZONE));
    for (zone, (row_of, entries)) in places.zip(tables) {
        let other = if failsafe { count(zone, Target::Other, NO_ROW)? } else { 0 };
        for (index, (&row, entry)) in row_of.iter().zip(entries).enumerate() {
            if row == NO_ROW && !failsafe {
                continue;
            }
            let slot = match rows::target(index) {
                _ if row == NO_ROW => other,
                Some(target) => count(zone, target, row)?,
                None => 0,
            };
            *entry = PortEntry { slot, cells: row * classes };
        }
    }
    let slots = narrow(next, "counters")?;
    Ok((table, Legend { ports, rows: lists, slots }))
}
