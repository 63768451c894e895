//! A difference for people. Long lists are shortened.

use std::fmt;

use ipnet::IpNet;

use super::{Change, Changed, Diff, InterfaceChange};
use crate::{
    matrix::{Attach, Fragments, Mode, Outbound, OutboundAttach, Posture},
    reading::short_prefix,
};

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "Nothing changes: both let in the same.");
        }
        if let Some(Changed { old: _, new }) = self.mode {
            writeln!(f, "mode: {}", mode_text(new))?;
        }
        if let Some(Changed { old: _, new }) = self.posture {
            writeln!(f, "posture: {}", posture_text(new))?;
        }
        if let Some(Changed { old: _, new }) = self.transit {
            writeln!(f, "transit: {}", transit_text(new))?;
        }
        if let Some(Changed { old: _, new }) = self.fragments {
            writeln!(f, "fragments: {}", fragments_text(new))?;
        }
        if let Some(Changed { old, new }) = self.outbound {
            writeln!(f, "outbound: {} -> {}", outbound_text(old), outbound_text(new))?;
        }
        for change in &self.interfaces {
            writeln!(f, "{}", interface_text(change))?;
        }
        let settings = self.mode.is_some() || self.posture.is_some() || self.outbound.is_some();
        let others = self.transit.is_some() || self.fragments.is_some();
        if settings || others || !self.interfaces.is_empty() {
            writeln!(f)?;
        }
        write_changes("Newly open:", &self.opened, BY_POSTURE, f)?;
        write_changes("Not open any more:", &self.closed, BY_POSTURE, f)?;
        write_changes("Outbound, newly open to this node:", &self.outbound_opened, BY_NO_RULE, f)?;
        write_changes("Outbound, not open to this node any more:", &self.outbound_closed, BY_NO_RULE, f)?;
        let declared = [
            ("Outbound, newly declared (nothing enforces it):", &self.outbound_added),
            ("Outbound, not declared any more (nothing enforced it):", &self.outbound_removed),
        ];
        for (heading, changes) in declared {
            write_changes(heading, changes, BY_NO_RULE, f)?;
        }
        let last = if self.opens() { "Something is newly open." } else { "Nothing is newly open." };
        writeln!(f, "{last}")
    }
}

fn mode_text(new: Mode) -> &'static str {
    match new {
        Mode::Observe => "enforce -> observe: what would be dropped is only counted, so everything passes",
        Mode::Enforce => "observe -> enforce: what was only counted is dropped",
    }
}

fn posture_text(new: Posture) -> &'static str {
    match new {
        Posture::Pass => "drop -> pass: ports that no rule names are open",
        Posture::Drop => "pass -> drop: ports that no rule names are closed",
    }
}

fn transit_text(new: Posture) -> &'static str {
    match new {
        Posture::Pass => "drop -> pass: what the node sends on to others passes, whatever the rules say",
        Posture::Drop => "pass -> drop: what the node sends on to others is judged as what is for the node",
    }
}

fn fragments_text(new: Fragments) -> &'static str {
    match new {
        Fragments::Admitted => {
            "anybody -> admitted: later fragments pass from whom a rule admits to their protocol"
        }
        Fragments::Anybody => "admitted -> anybody: later fragments pass from everybody",
    }
}

fn interface_text(change: &InterfaceChange) -> String {
    match change {
        InterfaceChange::Guarded { interface, zone } => {
            format!(
                "{interface}: guarded from now on, in zone {zone}; until now everything passed that came in by it"
            )
        }
        InterfaceChange::Unguarded { interface } => {
            format!("{interface}: not guarded any more; everything passes that comes in by it")
        }
        InterfaceChange::Zone { interface, old, new } => format!("{interface}: zone {old} -> {new}"),
        InterfaceChange::Dhcp { interface, passes: true } => format!("{interface}: DHCP answers pass"),
        InterfaceChange::Dhcp { interface, passes: false } => {
            format!("{interface}: DHCP answers do not pass any more")
        }
        InterfaceChange::Attach { interface, old, new } => {
            format!("{interface}: attached {} -> {}", attach_text(*old), attach_text(*new))
        }
    }
}

fn attach_text(attach: Attach) -> &'static str {
    match attach {
        Attach::Auto => "auto",
        Attach::Native => "native",
        Attach::Generic => "generic",
        Attach::Tcx => "tcx",
    }
}

/// What opens, or opened, where no rule does.
const BY_POSTURE: &str = "the posture: no rule names these ports";
const BY_NO_RULE: &str = "the outbound posture, or nothing that judges what leaves";

fn outbound_text(outbound: Option<Outbound>) -> String {
    match outbound {
        None => "off, everything leaves".to_owned(),
        Some(Outbound { mode, posture, attach: OutboundAttach::Auto }) => {
            format!("{mode}, posture {posture}")
        }
        Some(Outbound { mode, posture, attach }) => {
            format!("{mode}, posture {posture}, at {}", attach.name())
        }
    }
}

fn write_changes(
    heading: &str,
    changes: &[Change],
    unnamed: &str,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(f, "{heading}")?;
    for change in changes {
        let Change { addresses: _, all_but: _, ports, interfaces, rules } = change;
        writeln!(f, "\n  {}", addresses_text(change))?;
        for ports in ports {
            writeln!(f, "    {:<7} {}", ports.space.to_string(), ports.text())?;
        }
        writeln!(f, "    on      {}", interfaces.join(", "))?;
        write_rules(rules, unnamed, f)?;
    }
    writeln!(f)
}

fn write_rules(rules: &[String], unnamed: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const SHOWN: usize = 6;
    if rules.is_empty() {
        return writeln!(f, "    by      {unnamed}");
    }
    for (position, rule) in rules.iter().take(SHOWN).enumerate() {
        let label = if position == 0 { "by" } else { "" };
        writeln!(f, "    {label:<7} {rule}")?;
    }
    if rules.len() > SHOWN {
        writeln!(f, "            and {} more", rules.len() - SHOWN)?;
    }
    Ok(())
}

fn addresses_text(change: &Change) -> String {
    let Some(missing) = &change.all_but else { return shortened(&change.addresses) };
    let family = |v4: bool| change.addresses.iter().any(|prefix| prefix.addr().is_ipv4() == v4);
    let everyone = match (family(true), family(false)) {
        (true, false) => "any IPv4 address",
        (false, true) => "any IPv6 address",
        _ => "any address",
    };
    if missing.is_empty() { everyone.to_owned() } else { format!("{everyone} but {}", shortened(missing)) }
}

fn shortened(prefixes: &[IpNet]) -> String {
    const SHOWN: usize = 8;
    let mut shown: Vec<String> = prefixes.iter().take(SHOWN).map(short_prefix).collect();
    if prefixes.len() > SHOWN {
        shown.push(format!("{} more", prefixes.len() - SHOWN));
    }
    shown.join(", ")
}
