//! What a sound site holds, in a few lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    path::Path,
};

use portguard_common::abi::CLASS_FIRST;

use crate::{
    compile::{Image, Target},
    lint::Accepted,
    matrix::{
        Attach, Direction, Fragments, Group, Interface, Matrix, Mode, Origin, Outbound, OutboundAttach,
        Posture, Rule,
    },
};

pub(super) fn describe(path: &Path, matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let Matrix {
        mode,
        posture,
        transit,
        fragments,
        outbound,
        details: _,
        zones: _,
        interfaces,
        groups,
        rules,
        dormant: _,
    } = matrix;
    writeln!(out, "{}: sound", path.display())?;
    let mode = match mode {
        Mode::Observe => "observe: what would be dropped is counted and passes",
        Mode::Enforce => "enforce",
    };
    writeln!(out, "  mode        {mode}")?;
    let posture = match posture {
        Posture::Pass => "pass: ports that no rule names are open",
        Posture::Drop => "drop: ports that no rule names are closed",
    };
    writeln!(out, "  posture     {posture}")?;
    let transit = match transit {
        Posture::Pass => "pass: what this node sends on to others, if it forwards",
        Posture::Drop => "drop: what is for others is judged as what is for this node",
    };
    writeln!(out, "  transit     {transit}")?;
    if *fragments == Fragments::Anybody {
        writeln!(out, "  fragments   anybody: later fragments tell no port, and pass from everybody")?;
    }
    describe_interfaces(matrix, interfaces, out)?;
    describe_products(matrix, out)?;
    let own: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| match &rule.origin {
            Origin::Site { rule, .. } => Some(rule.as_str()),
            Origin::Document { .. } | Origin::Failsafe { .. } => None,
        })
        .collect();
    writeln!(out, "  own rules   {}", own.len())?;
    if let Some(failsafe) = matrix.failsafe() {
        let names: Vec<&str> = failsafe.groups().iter().map(|&id| matrix.group(id).name.as_str()).collect();
        writeln!(out, "  failsafe    {}: admitted to every port", names.join(", "))?;
    }
    describe_groups(groups, out)?;
    describe_outbound(*outbound, rules, out)
}

fn describe_outbound(outbound: Option<Outbound>, rules: &[Rule], out: &mut dyn Write) -> io::Result<()> {
    let count = rules.iter().filter(|rule| rule.direction == Direction::Out).count();
    let noun = if count == 1 { "rule" } else { "rules" };
    match outbound {
        Some(Outbound { mode, posture, attach }) => {
            let at = match attach {
                OutboundAttach::Auto => String::new(),
                said => format!(" at {}", said.name()),
            };
            let rest = match posture {
                Posture::Pass => "what no rule names leaves",
                Posture::Drop => "what no rule names does not leave",
            };
            writeln!(out, "  outbound    {mode}{at}, {count} {noun}, posture {posture}: {rest}")
        }
        None if count == 0 => Ok(()),
        None => {
            let verb = if count == 1 { "is" } else { "are" };
            writeln!(out, "  outbound    {count} {noun} {verb} declared and not enforced")
        }
    }
}

pub(super) fn describe_tables(image: &Image, out: &mut dyn Write) -> io::Result<()> {
    let ports = image.legend().ports().filter(|port| port.target != Target::Other).count();
    let classes = image.classes() - CLASS_FIRST;
    let noun = if classes == 1 { "kind" } else { "kinds" };
    writeln!(
        out,
        "  tables      {ports} ports and types, {classes} {noun} of sources, {} counters",
        image.legend().slots()
    )
}

fn describe_interfaces(matrix: &Matrix, interfaces: &[Interface], out: &mut dyn Write) -> io::Result<()> {
    for (position, interface) in interfaces.iter().enumerate() {
        let label = if position == 0 { "interfaces" } else { "" };
        let attach = match interface.attach {
            Attach::Auto => "native mode where the driver has it",
            Attach::Native => "native mode only",
            Attach::Generic => "generic mode",
            Attach::Tcx => "tcx, beside other programs",
        };
        let dhcp = if interface.dhcp { ", address by DHCP" } else { "" };
        let zone = &matrix.zone(interface.zone).name;
        writeln!(out, "  {label:<11} {}: zone {zone}, {attach}{dhcp}", interface.name)?;
    }
    Ok(())
}

fn describe_products(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let mut products: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for rule in &matrix.rules {
        if let Origin::Document { product, policy, document, .. } = &rule.origin {
            *products.entry((product, policy, document)).or_default() += 1;
        }
    }
    if products.is_empty() {
        writeln!(out, "  products    none")?;
    }
    for (position, ((product, policy, document), rules)) in products.into_iter().enumerate() {
        let label = if position == 0 { "products" } else { "" };
        let noun = if rules == 1 { "rule" } else { "rules" };
        writeln!(out, "  {label:<11} {product}: {policy}, {rules} {noun} from {document}")?;
    }
    Ok(())
}

fn describe_groups(groups: &[Group], out: &mut dyn Write) -> io::Result<()> {
    let prefixes: usize = groups.iter().map(|group| group.prefixes.len()).sum();
    writeln!(out, "  groups      {} in use, {prefixes} prefixes", groups.len())?;
    for group in groups {
        writeln!(out, "              {}: {}", group.name, group.prefixes.len())?;
    }
    Ok(())
}

pub(super) fn describe_accepted(accepted: &[Accepted], out: &mut dyn Write) -> io::Result<()> {
    for (position, Accepted { warning, code, reason }) in accepted.iter().enumerate() {
        let label = if position == 0 { "accepted" } else { "" };
        let about = warning.subjects().first().map(|subject| format!(" (`{subject}`)")).unwrap_or_default();
        writeln!(out, "  {label:<11} {}, {}{about}: {reason}", code.name, code.title)?;
    }
    Ok(())
}
