//! Which rules name which port: rules in, one row (a list of rules) a port out.

use std::collections::HashMap;

use portguard_common::{
    abi::{PORTS_PER_PAGE, port_pages},
    wire::{icmp, protocol},
};

use super::{
    error::{CompileError, narrow},
    legend::Target,
};
use crate::matrix::{Direction, IcmpTypes, Matrix, Rule, RuleId, Service, Transport};

/// The row of ports that no rule names.
pub(super) const NO_ROW: u32 = 0;
/// The entries of one zone's pages.
const ENTRIES_PER_ZONE: usize = (port_pages::PER_ZONE * PORTS_PER_PAGE) as usize;

/// Rows, and which port has which.
pub(super) struct Rows {
    /// The rules of each row, in the matrix's order; row 0 is empty.
    pub(super) lists: Vec<Vec<RuleId>>,
    /// The row of each entry: zone by zone, page by page.
    pub(super) entries: Vec<u32>,
}

/// What a zone's entry stands for; `None` for entries that are not a port's (later fragments).
pub(super) fn target(entry: usize) -> Option<Target> {
    let [high, low] = u16::try_from(entry % 0x1_0000).expect("a remainder of 2^16").to_be_bytes();
    let port = u16::from_be_bytes([high, low]);
    match u32::try_from(entry / PORTS_PER_PAGE as usize).expect("a zone has 772 pages") {
        port_pages::TCP..port_pages::UDP => Some(Target::Port { transport: Transport::Tcp, port }),
        port_pages::UDP..port_pages::SCTP => Some(Target::Port { transport: Transport::Udp, port }),
        port_pages::SCTP..port_pages::ICMPV4 => Some(Target::Port { transport: Transport::Sctp, port }),
        port_pages::ICMPV4 => Some(Target::Icmpv4(low)),
        port_pages::ICMPV6 => Some(Target::Icmpv6(low)),
        port_pages::PROTOCOL => Some(Target::Protocol(low)),
        _ => None,
    }
}

/// The entries of each zone, beginning with that of entry 0.
pub(super) fn zones(entries: &[u32]) -> impl Iterator<Item = &[u32]> {
    entries.chunks_exact(ENTRIES_PER_ZONE)
}

/// Gives every port that an inbound rule names its row.
pub(super) fn build(matrix: &Matrix) -> Result<Rows, CompileError> {
    let mut builder = Builder {
        lists: vec![Vec::new()],
        extended: HashMap::new(),
        entries: vec![NO_ROW; matrix.zones.len() * ENTRIES_PER_ZONE],
    };
    for (index, rule) in matrix.rules.iter().enumerate() {
        if rule.direction == Direction::Out {
            continue;
        }
        for zone in &rule.zones {
            builder.add(RuleId::new(index), rule, zone.index() * ENTRIES_PER_ZONE)?;
        }
    }
    Ok(Rows { lists: builder.lists, entries: builder.entries })
}

struct Builder {
    lists: Vec<Vec<RuleId>>,
    /// The row that a row becomes when a rule joins it, so that the thousands of ports of a range share one.
    extended: HashMap<(u32, RuleId), u32>,
    entries: Vec<u32>,
}

impl Builder {
    fn add(&mut self, id: RuleId, rule: &Rule, zone: usize) -> Result<(), CompileError> {
        match &rule.service {
            Service::Transport { transport, ports } => {
                let (page, number) = match transport {
                    Transport::Tcp => (port_pages::TCP, protocol::TCP),
                    Transport::Udp => (port_pages::UDP, protocol::UDP),
                    Transport::Sctp => (port_pages::SCTP, protocol::SCTP),
                };
                for port in ports.iter() {
                    self.join(zone, page, port, id)?;
                }
                self.join_fragments(zone, &[number, protocol::FRAGMENT], id)
            }
            Service::Icmp { families, types } => {
                if families.v4() {
                    self.add_types(zone, port_pages::ICMPV4, types, icmp::kind_v4, id)?;
                    self.join_fragments(zone, &[protocol::ICMP], id)?;
                }
                if families.v6() {
                    self.add_types(zone, port_pages::ICMPV6, types, icmp::kind_v6, id)?;
                    self.join_fragments(zone, &[protocol::FRAGMENT], id)?;
                }
                Ok(())
            }
            Service::Protocol(number) => {
                self.join(zone, port_pages::PROTOCOL, u16::from(*number), id)?;
                self.join_fragments(zone, &[*number, protocol::FRAGMENT], id)
            }
        }
    }

    fn add_types(
        &mut self,
        zone: usize,
        page: u32,
        types: &IcmpTypes,
        kind: fn(u8) -> icmp::Kind,
        id: RuleId,
    ) -> Result<(), CompileError> {
        let opened: Vec<u8> = match types {
            IcmpTypes::All => (0..=u8::MAX).filter(|&number| kind(number) == icmp::Kind::ByRule).collect(),
            IcmpTypes::Listed(types) => types.clone(),
        };
        opened.into_iter().try_for_each(|number| self.join(zone, page, u16::from(number), id))
    }

    /// Later fragments of these protocols may come from whom the rule admits.
    fn join_fragments(&mut self, zone: usize, numbers: &[u8], id: RuleId) -> Result<(), CompileError> {
        numbers.iter().try_for_each(|&number| self.join(zone, port_pages::FRAGMENTS, u16::from(number), id))
    }

    fn join(&mut self, zone: usize, page: u32, index: u16, id: RuleId) -> Result<(), CompileError> {
        let entry = zone + (page * PORTS_PER_PAGE) as usize + usize::from(index);
        let row = self.entries[entry];
        if self.lists[row as usize].last() == Some(&id) {
            return Ok(());
        }
        self.entries[entry] = match self.extended.get(&(row, id)) {
            Some(&extended) => extended,
            None => self.extend(row, id)?,
        };
        Ok(())
    }

    fn extend(&mut self, row: u32, id: RuleId) -> Result<u32, CompileError> {
        let extended = narrow(self.lists.len(), "rows")?;
        let mut list = self.lists[row as usize].clone();
        list.push(id);
        // A cell holds the rule's ordinal in 16 bits.
        narrow::<u16>(list.len(), "rules for one port")?;
        self.lists.push(list);
        self.extended.insert((row, id), extended);
        Ok(extended)
    }
}
