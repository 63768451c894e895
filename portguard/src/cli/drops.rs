//! `portguard drops`: who was dropped where, and by which line of which document the port belongs to somebody else.

use std::{
    io::{self, Write},
    ops::ControlFlow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::bail;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use ipnet::IpNet;
use jiff::{Timestamp, tz::TimeZone};

use super::{ExitStatus, control::ControlArgs, format::Format, time::time, wanted};
use crate::{
    audit::{DropFilter, DropRow, Drops, Order, Process, Span},
    daemon::{Reply, Request, ask, follow},
    events::Event,
    observe::{port_text, split_direction},
};

const EXAMPLE: &str = "\
Examples:
  portguard drops
  portguard drops --since 30d --source 10.1.0.0/16 --port 8086/tcp
  portguard drops --product redis --latest --limit 20
  portguard drops --follow --format json

Drops are kept by hours, so that an answer is about whole hours. Times are of the node's clock, in UTC. With --follow the first \
packet of each source and port is shown as it is dropped, and what follows it in sums every ten seconds.";

/// The options of `drops`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// How far back (`90m`, `1h`, `30d`)
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = time)]
    since: Duration,
    /// Of this address or prefix only
    #[arg(long, value_name = "ADDRESS", value_parser = wanted::prefix)]
    source: Option<IpNet>,
    /// At this port only: `8086`, `8086/tcp`, `icmpv4/8`, `ip/47`; `out 443/tcp`: of what was to leave
    #[arg(long, value_name = "PORT", value_parser = wanted::port)]
    port: Option<String>,
    /// At ports of which a rule, its product or its place in a document contains this
    #[arg(long, visible_alias = "rule", value_name = "TEXT")]
    product: Option<String>,
    /// For this reason only, as `counters` names it
    #[arg(long, value_name = "REASON", value_parser = wanted::reason)]
    reason: Option<String>,
    /// The latest first, not the loudest
    #[arg(long)]
    latest: bool,
    /// The most rows
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    /// Show drops as they happen, until interrupted
    #[arg(long, conflicts_with_all = ["since", "limit", "latest"])]
    follow: bool,
    #[command(flatten)]
    control: ControlArgs,
    /// How to show them; with --follow JSON is a line each
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Asks the daemon and shows the answer.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    if args.follow {
        return run_following(args, out);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let filter = DropFilter {
        span: Span { since: now.saturating_sub(args.since.as_secs()), until: now + 1 },
        source: args.source,
        port: args.port.clone(),
        rule: args.product.clone(),
        reason: args.reason.clone(),
        order: if args.latest { Order::Latest } else { Order::Loudest },
        limit: args.limit,
    };
    let wanted = wanted::words(&filter);
    let Reply::Drops(drops) = ask(args.control.directory(), Request::Drops { filter })? else {
        bail!("portguard answered another question than the one that was asked");
    };
    args.format.show(&drops, |drops| text(drops, &wanted), out)?;
    Ok(ExitStatus::Success)
}

fn run_following(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let end = follow(args.control.directory(), |reply| match show(args, &reply, out) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    })?;
    match end {
        // Whoever read the lines has enough.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitStatus::Success),
        Some(error) => Err(error.into()),
        None => bail!("portguard has ended"),
    }
}

fn show(args: &Args, reply: &Reply, out: &mut dyn Write) -> io::Result<()> {
    match reply {
        Reply::Event(event) if !is_asked_for(args, event) => return Ok(()),
        Reply::Event(event) => match args.format {
            Format::Text => writeln!(out, "{event}")?,
            Format::Json => {
                serde_json::to_writer(&mut *out, event)?;
                writeln!(out)?;
            }
        },
        Reply::Missed(missed) => {
            tracing::warn!("{missed} events came faster than they were shown, and are not shown");
        }
        _ => {}
    }
    out.flush()
}

fn is_asked_for(args: &Args, event: &Event) -> bool {
    let source = args.source.is_none_or(|prefix| event.source.is_some_and(|source| prefix.contains(&source)));
    let port =
        args.port.as_deref().is_none_or(|port| event.port.as_deref().is_some_and(|of| is_at(of, port)));
    let rule = args.product.as_deref().is_none_or(|text| event.rules.iter().any(|rule| rule.contains(text)));
    let reason = args.reason.as_deref().is_none_or(|wanted| {
        event.reason.as_deref().is_some_and(|reason| {
            let directed = port_text(event.direction.unwrap_or_default(), reason);
            reason == wanted || directed == wanted
        })
    });
    source && port && rule && reason
}

/// Whether `port` is the one that is wanted, or has it before its `/`; of either direction, unless that is wanted, too.
fn is_at(port: &str, wanted: &str) -> bool {
    let is = |port: &str| port == wanted || port.split('/').next() == Some(wanted);
    is(port) || is(split_direction(port).1)
}

fn text(Drops { span, by_loudest, rows, more }: &Drops, wanted: &str) -> String {
    let mut lines = vec![if rows.is_empty() {
        format!("No drops{wanted} between {} and {}.", second(span.since), second(span.until))
    } else {
        table(rows).to_string()
    }];
    if *more > 0 {
        lines.push(format!(
            "\n{more} more rows: --limit shows more of them, --source, --port and --product fewer."
        ));
    }
    if *by_loudest > 0 {
        lines.push(format!("\nOf {by_loudest} days only the loudest sources are kept."));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn table(rows: &[DropRow]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header([
        "SOURCE",
        "PORT",
        "REASON",
        "PACKETS",
        "BYTES",
        "FIRST",
        "LAST",
        "DOCUMENTED BY",
        "SENT BY",
    ]);
    // Only of what was to leave there is something to say.
    let are_senders_known = rows.iter().any(|row| row.process.is_some());
    if let Some(senders) = table.column_mut(8).filter(|_| !are_senders_known) {
        senders.set_constraint(ColumnConstraint::Hidden);
    }
    for column in [3, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows {
        let reason = if row.would { format!("{} (would)", row.reason) } else { row.reason.clone() };
        table.add_row([
            row.source.map_or_else(|| "-".to_owned(), |source| source.to_string()),
            if row.zone == crate::site::DEFAULT_ZONE {
                row.port.clone()
            } else {
                format!("{} in {}", row.port, row.zone)
            },
            reason,
            row.counted.packets.to_string(),
            row.counted.bytes.to_string(),
            second(row.first / 1000),
            second(row.last / 1000),
            match row.rules.as_slice() {
                [] => "-".to_owned(),
                [rule] => rule.clone(),
                [rule, more @ ..] => format!("{rule} and {} more", more.len()),
            },
            row.process.as_ref().map_or_else(|| "-".to_owned(), Process::to_string),
        ]);
    }
    table
}

fn second(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
