//! `portguard diff`: what changes for whom from one site file to another.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::ValueEnum;
use ipnet::IpNet;
use serde::Serialize;

use super::{ExitStatus, NameArgs, Rejected, tell_odd_answers};
use crate::{
    input::read_site,
    matrix::{Attach, Change, Changed, Diff, InterfaceChange, Mode, Posture},
    reading::short_prefix,
};

const EXAMPLE: &str = "\
Examples:
  portguard diff /etc/portguard/site.toml new.toml
  portguard diff old.toml new.toml --format json

Compares who may reach what, not how the files say it: to rename a group or to split a prefix changes nothing. Exit code \
1 if anything is newly open, 0 if not.";

/// The options of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file as it was
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The site file as it will be
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    names: NameArgs,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people; long lists are shortened
    Text,
    /// For a program; complete
    Json,
}

/// Compares the two sites.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let diff = match (read_site(&args.old), read_site(&args.new)) {
        (Ok(mut old), Ok(mut new)) => {
            // One answer for both, lest a name that DNS answers differently each time be told as a change.
            let names = old.host_names().into_iter().chain(new.host_names()).collect();
            let answers = args.names.answers(&names)?;
            for loaded in [&mut old, &mut new] {
                loaded.answer(&answers);
                tell_odd_answers(loaded);
            }
            Diff::new(&old.matrix, &new.matrix)
        }
        (old, new) => {
            let faults = [old, new].into_iter().filter_map(Result::err).collect();
            return Err(Rejected { asked: 2, faults }.into());
        }
    };
    match args.format {
        Format::Text => write_text(&diff, out)?,
        Format::Json => write_json(&diff, out)?,
    }
    Ok(if diff.opens() { ExitStatus::AnswerIsNo } else { ExitStatus::Success })
}

/// The difference as a program reads it.
#[derive(Serialize)]
struct Document<'a> {
    opens: bool,
    #[serde(flatten)]
    diff: &'a Diff,
}

fn write_json(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document { opens: diff.opens(), diff })?;
    writeln!(out)
}

fn write_text(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    if diff.is_empty() {
        return writeln!(out, "Nothing changes: both let in the same.");
    }
    if let Some(Changed { old: _, new }) = diff.mode {
        writeln!(out, "mode: {}", mode_text(new))?;
    }
    if let Some(Changed { old: _, new }) = diff.posture {
        writeln!(out, "posture: {}", posture_text(new))?;
    }
    for change in &diff.interfaces {
        writeln!(out, "{}", interface_text(change))?;
    }
    if diff.mode.is_some() || diff.posture.is_some() || !diff.interfaces.is_empty() {
        writeln!(out)?;
    }
    write_changes("Newly open:", &diff.opened, out)?;
    write_changes("Not open any more:", &diff.closed, out)?;
    write_changes("Outbound, newly declared (nothing enforces it):", &diff.outbound_added, out)?;
    write_changes("Outbound, not declared any more (nothing enforced it):", &diff.outbound_removed, out)?;
    let last = if diff.opens() { "Something is newly open." } else { "Nothing is newly open." };
    writeln!(out, "{last}")
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
    }
}

fn write_changes(heading: &str, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "{heading}")?;
    for change in changes {
        let Change { addresses: _, all_but: _, ports, interfaces, rules } = change;
        writeln!(out, "\n  {}", addresses_text(change))?;
        for ports in ports {
            writeln!(out, "    {:<7} {}", ports.space.to_string(), ports.text())?;
        }
        writeln!(out, "    on      {}", interfaces.join(", "))?;
        write_rules(rules, out)?;
    }
    writeln!(out)
}

fn write_rules(rules: &[String], out: &mut dyn Write) -> io::Result<()> {
    const SHOWN: usize = 6;
    if rules.is_empty() {
        return writeln!(out, "    by      the posture: no rule names these ports");
    }
    for (position, rule) in rules.iter().take(SHOWN).enumerate() {
        let label = if position == 0 { "by" } else { "" };
        writeln!(out, "    {label:<7} {rule}")?;
    }
    if rules.len() > SHOWN {
        writeln!(out, "            and {} more", rules.len() - SHOWN)?;
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
