//! Which rules name which port: rules in, one row (a list of rules) a port out.

use portguard_common::{
    abi::port_entries,
    wire::{icmp, protocol},
};

use super::{
    error::{CompileError, narrow},
    legend::Target,
};
use crate::matrix::{Direction, IcmpTypes, Matrix, Rule, RuleId, Service, Transport};

/// The row of ports that no rule names: it holds the failsafe groups' rule, if there is one.
pub(super) const NO_ROW: u32 = 0;
/// The entries of one zone.
pub(super) const PER_ZONE: usize = port_entries::PER_ZONE as usize;

/// Rows, and which port has which.
pub(super) struct Rows {
    /// The rules of each row, in the matrix's order, the failsafe groups' last.
    pub(super) lists: Vec<Vec<RuleId>>,
    /// The row of each entry of the port table.
    pub(super) entries: Vec<u32>,
    /// Whether the zones are there twice: inbound, and behind them outbound.
    pub(super) outbound: bool,
}

/// What an entry of a zone's port table stands for; `None` for entries that are not a port's (later fragments).
pub(super) fn target(entry: usize) -> Option<Target> {
    let within = u32::try_from(entry).expect("a zone has fewer");
    let [_, _, high, low] = within.to_be_bytes();
    let port = u16::from_be_bytes([high, low]);
    Some(match within {
        port_entries::TCP..port_entries::UDP => Target::Port { transport: Transport::Tcp, port },
        port_entries::UDP..port_entries::SCTP => Target::Port { transport: Transport::Udp, port },
        port_entries::SCTP..port_entries::ICMPV4 => Target::Port { transport: Transport::Sctp, port },
        port_entries::ICMPV4..port_entries::ICMPV6 => Target::Icmpv4(low),
        port_entries::ICMPV6..port_entries::PROTOCOL => Target::Icmpv6(low),
        port_entries::PROTOCOL..port_entries::FRAGMENTS => Target::Protocol(low),
        _ => return None,
    })
}

impl Rows {
    /// Whether there is a rule of failsafe groups.
    pub(super) fn has_failsafe(&self) -> bool {
        !self.lists[NO_ROW as usize].is_empty()
    }
}

/// Gives every port that a rule names its row, where such rules are kept.
pub(super) fn build(matrix: &Matrix) -> Result<Rows, CompileError> {
    let (zones, outbound) = (matrix.zones.len(), matrix.outbound.is_some());
    let mut builder = Builder {
        rows: vec![Row::EMPTY],
        failsafe: Vec::new(),
        entries: vec![NO_ROW; if outbound { 2 * zones } else { zones } * PER_ZONE],
    };
    let kept = (0..).map(RuleId::new).zip(&matrix.rules).filter(|(_, rule)| matrix.enforces(rule.direction));
    for (id, rule) in kept {
        let first = match rule.direction {
            Direction::In => 0,
            Direction::Out => zones,
        };
        for zone in &rule.zones {
            builder.add(id, rule, (first + zone.index()) * PER_ZONE)?;
        }
    }
    Ok(builder.finish(outbound))
}

/// A row in the making: another row and one rule more. Most rows are only steps on the way to others, so that no list is
/// written down before it is known who needs it.
struct Row {
    /// The other row and the rule; `None` for [`NO_ROW`].
    made_of: Option<(u32, RuleId)>,
    /// How many rules it has.
    len: usize,
    /// The row that it became when a rule joined it last, so that the thousands of ports of a range share one. Rules join in their
    /// order: none comes back after another.
    extended: Option<(RuleId, u32)>,
}

impl Row {
    const EMPTY: Self = Self { made_of: None, len: 0, extended: None };
}

struct Builder {
    /// By their numbers.
    rows: Vec<Row>,
    /// The rules that every row ends with.
    failsafe: Vec<RuleId>,
    entries: Vec<u32>,
}

impl Builder {
    fn add(&mut self, id: RuleId, rule: &Rule, zone: usize) -> Result<(), CompileError> {
        match &rule.service {
            Service::Transport { transport, ports } => {
                let (first, number) = match transport {
                    Transport::Tcp => (port_entries::TCP, protocol::TCP),
                    Transport::Udp => (port_entries::UDP, protocol::UDP),
                    Transport::Sctp => (port_entries::SCTP, protocol::SCTP),
                };
                for port in ports.iter() {
                    self.join(zone, first, port, id)?;
                }
                self.join_fragments(zone, &[number, protocol::FRAGMENT], rule, id)
            }
            Service::Icmp { families, types } => {
                if families.v4() {
                    self.add_types(zone, port_entries::ICMPV4, types, icmp::kind_v4, id)?;
                    self.join_fragments(zone, &[protocol::ICMP], rule, id)?;
                }
                if families.v6() {
                    self.add_types(zone, port_entries::ICMPV6, types, icmp::kind_v6, id)?;
                    self.join_fragments(zone, &[protocol::FRAGMENT], rule, id)?;
                }
                Ok(())
            }
            Service::Protocol(number) => {
                self.join(zone, port_entries::PROTOCOL, u16::from(*number), id)?;
                self.join_fragments(zone, &[*number, protocol::FRAGMENT], rule, id)
            }
            Service::All => {
                if self.failsafe.last() != Some(&id) {
                    self.failsafe.push(id);
                }
                Ok(())
            }
        }
    }

    fn add_types(
        &mut self,
        zone: usize,
        first: u32,
        types: &IcmpTypes,
        kind: fn(u8) -> icmp::Kind,
        id: RuleId,
    ) -> Result<(), CompileError> {
        let opened: Vec<u8> = match types {
            IcmpTypes::All => (0..=u8::MAX).filter(|&number| kind(number) == icmp::Kind::ByRule).collect(),
            IcmpTypes::Listed(types) => types.clone(),
        };
        opened.into_iter().try_for_each(|number| self.join(zone, first, u16::from(number), id))
    }

    /// Later fragments of these protocols may come from whom the rule admits. Those that leave may go anywhere.
    fn join_fragments(
        &mut self,
        zone: usize,
        numbers: &[u8],
        rule: &Rule,
        id: RuleId,
    ) -> Result<(), CompileError> {
        if rule.direction == Direction::Out {
            return Ok(());
        }
        numbers.iter().try_for_each(|&number| self.join(zone, port_entries::FRAGMENTS, u16::from(number), id))
    }

    fn join(&mut self, zone: usize, first: u32, index: u16, id: RuleId) -> Result<(), CompileError> {
        let entry = zone + first as usize + usize::from(index);
        let number = self.entries[entry];
        let row = &self.rows[number as usize];
        if row.made_of.is_some_and(|(_, rule)| rule == id) {
            return Ok(());
        }
        self.entries[entry] = match row.extended {
            Some((rule, extended)) if rule == id => extended,
            _ => self.extend(number, id)?,
        };
        Ok(())
    }

    fn extend(&mut self, row: u32, id: RuleId) -> Result<u32, CompileError> {
        let len = self.rows[row as usize].len + 1;
        // A cell holds the rule's ordinal in 16 bits; one of them may be the failsafe groups'.
        narrow::<u16>(len + 1, "rules for one port")?;
        let extended = narrow(self.rows.len(), "rows")?;
        self.rows.push(Row { made_of: Some((row, id)), len, extended: None });
        self.rows[row as usize].extended = Some((id, extended));
        Ok(extended)
    }

    /// Writes down the rows that some port has, in the order of the ports.
    fn finish(mut self, outbound: bool) -> Rows {
        let mut entries = std::mem::take(&mut self.entries);
        let mut lists = vec![self.failsafe.clone()];
        let mut numbers = vec![None; self.rows.len()];
        numbers[NO_ROW as usize] = Some(NO_ROW);
        for row in &mut entries {
            *row = *numbers[*row as usize].get_or_insert_with(|| {
                lists.push(self.list(*row));
                u32::try_from(lists.len() - 1).expect("no more than there are rows")
            });
        }
        Rows { lists, entries, outbound }
    }

    fn list(&self, row: u32) -> Vec<RuleId> {
        let made_of = |row: u32| self.rows[row as usize].made_of;
        let mut rules: Vec<RuleId> = std::iter::successors(made_of(row), |(before, _)| made_of(*before))
            .map(|(_, rule)| rule)
            .collect();
        rules.reverse();
        rules.extend_from_slice(&self.failsafe);
        rules
    }
}
