//! Counters by range of ports, as the documents name them: as many rows as there are lines, however many ports these name and
//! whichever of them see packets.

use std::{collections::BTreeSet, fmt};

use super::{Chart, Count, Totals, chart::ChartRun, totals::PortTotal};
use crate::{compile::Target, matrix::Direction};

/// What neighbouring ports that the same rules name saw together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRow {
    /// Whether they are the node's ports, or ports that the node reaches.
    pub direction: Direction,
    /// The zone's name.
    pub zone: String,
    /// `8086/tcp`, `20000-29999/tcp`, `icmpv4/8`, `ip/47`; `out 443/tcp`.
    pub ports: String,
    /// The products whose rules name them, each once.
    pub products: Vec<String>,
    /// The rules in force, in the order in which they are asked.
    pub rules: Vec<RangeRule>,
    /// What no rule admitted, and what was dropped therefore.
    pub dropped: Count,
    /// What no rule admitted, and what passed all the same, since the mode was `observe`.
    pub would_drop: Count,
}

/// What one rule admitted to a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeRule {
    /// The product whose rule it is, by its name on the site; `site` for the site file's own.
    pub product: String,
    /// The rule: `redis-enterprise/shards`.
    pub rule: String,
    /// Its place: `redis-enterprise.md:46`.
    pub place: String,
    /// What it admitted.
    pub passed: Count,
}

impl RangeRow {
    /// A row for each range that `chart` has in force. What was counted under rules and at ports that are not in force any more
    /// is in no row.
    pub fn all(totals: &Totals, chart: &Chart) -> Vec<Self> {
        chart.runs().map(|run| Self::new(&run, totals, chart)).collect()
    }

    fn new(run: &ChartRun<'_>, totals: &Totals, chart: &Chart) -> Self {
        let ports: Vec<&PortTotal> = totals.ports_of(run).collect();
        let sum = |of: &dyn Fn(&PortTotal) -> Count| {
            ports.iter().fold(Count::default(), |sum, port| sum.plus(of(port)))
        };
        let mut told = BTreeSet::new();
        let rules = chart.rules_of(run.list).zip(chart.products_of(run.list));
        let rules: Vec<RangeRule> = rules
            // What a line of a document says for several roles has one count.
            .filter(|&named| told.insert(named))
            .map(|(cited, product)| {
                let (rule, place) = name_and_place(cited);
                RangeRule {
                    product: product.to_owned(),
                    rule: rule.to_owned(),
                    place: place.to_owned(),
                    passed: sum(&|port| port.rules.get(cited).copied().unwrap_or_default()),
                }
            })
            .collect();
        let mut products: Vec<String> = rules.iter().map(|rule| rule.product.clone()).collect();
        products.sort_unstable();
        products.dedup();
        Self {
            direction: run.direction,
            zone: run.zone.to_owned(),
            ports: port_text(run.direction, range_text(run.first, run.length)),
            products,
            rules,
            dropped: sum(&|port| port.dropped),
            would_drop: sum(&|port| port.would_drop),
        }
    }
}

/// The two parts of what [`Matrix::cite`](crate::matrix::Matrix::cite) says.
fn name_and_place(cited: &str) -> (&str, &str) {
    let parts = cited.strip_suffix(')').and_then(|cited| cited.rsplit_once(" ("));
    parts.unwrap_or((cited, ""))
}

/// A port, as tables, the record and events name it: one that the node reaches is `out 443/tcp`.
pub fn port_text(direction: Direction, port: impl fmt::Display) -> String {
    match direction {
        Direction::In => port.to_string(),
        Direction::Out => format!("out {port}"),
    }
}

/// What [`port_text`] has written, taken apart.
pub fn split_direction(text: &str) -> (Direction, &str) {
    text.strip_prefix("out ").map_or((Direction::In, text), |port| (Direction::Out, port))
}

/// Which way packets go to a port that is named so.
pub fn direction_of(port: &str) -> Direction {
    split_direction(port).0
}

/// So many ports from `first` on: `20000-29999/tcp`.
pub(super) fn range_text(first: Target, length: u32) -> String {
    let last = first.after(length - 1).unwrap_or(first);
    match (first, last) {
        _ if first == last => first.to_string(),
        (Target::Port { port: first, transport }, Target::Port { port: last, .. }) => {
            format!("{first}-{last}/{transport}")
        }
        (Target::Icmpv4(first), Target::Icmpv4(last)) => format!("icmpv4/{first}-{last}"),
        (Target::Icmpv6(first), Target::Icmpv6(last)) => format!("icmpv6/{first}-{last}"),
        (Target::Protocol(first), Target::Protocol(last)) => format!("ip/{first}-{last}"),
        (first, last) => format!("{first}-{last}"),
    }
}
