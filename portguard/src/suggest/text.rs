//! Suggestions as lines of a site file, with what speaks for them as comments.

use std::fmt;

use indicatif::HumanCount;
use jiff::Timestamp;
use toml_edit::{Array, Value};

use super::{Join, Members, RuleDraft, Seen, SetAside, Suggestions, Why};
use crate::reading::short_prefix;

/// The lines of evidence for one group, and of what is set aside.
const SHOWN: usize = 10;

impl fmt::Display for Suggestions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        if self.groups().next().is_some() {
            writeln!(f, "\n# Into the [groups] of the site:\n[groups]")?;
        }
        for group in self.groups() {
            write_group(group, f)?;
        }
        let mut last = None;
        for join in &self.joins {
            if last != Some(&join.product) {
                writeln!(f, "\n[products.{}.roles]", join.product)?;
            }
            last = Some(&join.product);
            write_join(join, f)?;
        }
        for rule in &self.rules {
            write_rule(rule, f)?;
        }
        self.tail(f)
    }
}

impl Suggestions {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (since, until) = (time(self.span.since * 1000), time(self.span.until * 1000));
        writeln!(f, "# From what was dropped, or would have been, from {since} to {until} UTC.")?;
        if self.by_loudest > 0 {
            writeln!(f, "# Of {} days only the loudest sources of each are known.", self.by_loudest)?;
        }
        if self.is_empty() {
            return writeln!(f, "# Nothing to suggest.");
        }
        writeln!(
            f,
            "# Nothing of it is in force. Judge each, take it into a copy of the site file (--output writes one), and see"
        )?;
        writeln!(f, "# what it opens: portguard diff site.toml new.toml")
    }

    fn tail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.set_aside.is_empty() {
            writeln!(f, "\n# Not suggested:")?;
        }
        for SetAside { source, why, ports, packets } in self.set_aside.iter().take(SHOWN) {
            let at = if *ports == 1 { "1 port".to_owned() } else { format!("{} ports", HumanCount(*ports)) };
            writeln!(f, "# {source}: {} packets at {at}: {}", HumanCount(*packets), why.says())?;
        }
        more(self.set_aside.len(), "sources", f)?;
        if !self.open.is_empty() {
            writeln!(
                f,
                "\n# Undocumented ports that the posture leaves open. From whom is not recorded; a rule would close them to all others:"
            )?;
        }
        for open in self.open.iter().take(SHOWN) {
            writeln!(f, "# {}: {} packets passed", open.port, HumanCount(open.passed))?;
        }
        more(self.open.len(), "ports", f)
    }
}

impl Why {
    fn says(self) -> &'static str {
        match self {
            Self::Scan => "many ports, few packets at each, as a scan does",
            Self::Sweep => "a port that many sources try, with few packets each",
            Self::Few => "too few to be a use of the port",
            Self::NodeOnly => "the document keeps the port to the node itself",
            Self::Late => "late answers to connections that this node opened, as it seems",
        }
    }
}

fn write_group(group: &Members, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for seen in group.seen.iter().take(SHOWN) {
        write_seen(seen, f)?;
    }
    more(group.seen.len(), "were seen", f)?;
    if group.unseen > 0 {
        let plural = if group.unseen == 1 { "address" } else { "addresses" };
        writeln!(f, "# WIDER than what was seen: by {} {plural}", HumanCount(group.unseen))?;
    }
    let addresses = group.addresses.iter().map(short_prefix);
    writeln!(f, "{} = {}", group.name, list(addresses))
}

fn write_seen(seen: &Seen, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Seen { source, zone, port, rules, packets, first, last } = seen;
    let zone = if zone == crate::site::DEFAULT_ZONE { String::new() } else { format!(" in {zone}") };
    let rules = match rules.as_slice() {
        [] => "no document names it".to_owned(),
        rules => rules.join(", "),
    };
    let packets = HumanCount(*packets);
    writeln!(f, "# {source} at {port}{zone}: {packets} packets, {} to {}; {rules}", time(*first), time(*last))
}

fn write_join(join: &Join, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Join { product: _, role, bound, opens, others, group } = join;
    let ports =
        if *opens == 1 { "1 port".to_owned() } else { format!("{} ports", HumanCount(*opens as u64)) };
    writeln!(f, "# Instead of what binds `{role}` now. It opens {ports} to {}.", group.name)?;
    if !others.is_empty() {
        writeln!(f, "# Some of it other roles would open too: {}.", others.join(", "))?;
    }
    writeln!(f, "{role} = {}", list(bound.iter().cloned().chain([group.name.clone()])))
}

fn write_rule(rule: &RuleDraft, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let RuleDraft { name, ports, zones, group } = rule;
    writeln!(f, "\n[[rules]]\nname = {}", Value::from(name.as_str()))?;
    writeln!(f, "ports = {}", list(ports.iter().cloned()))?;
    writeln!(f, "from = {}", list([group.name.clone()]))?;
    if !zones.is_empty() {
        writeln!(f, "zones = {}", list(zones.iter().cloned()))?;
    }
    Ok(())
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Array>().to_string()
}

fn more(all: usize, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match all.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "# and {more} more {what} (--format json has all)"),
    }
}

/// `2026-11-21 13:05` in UTC.
fn time(milliseconds: u64) -> String {
    let at = i64::try_from(milliseconds).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    at.unwrap_or(Timestamp::MAX).strftime("%F %H:%M").to_string()
}
