//! The page's sections.

use maud::{Markup, html};

use super::{
    chart::{Part, chart},
    table::{
        Kind::{Code, Number, Text, Time},
        table,
    },
};
use crate::{
    audit::{Change, Lost, ReasonTotals, Series},
    observe::{Direction, port_text},
    report::{
        Report, Totals, Verified, says,
        words::{self, count, moment, time, visible},
    },
};

const REFUSED: [Part; 2] = [
    ("dropped", "dropped", |point| point.dropped),
    ("would", "would have been dropped", |point| point.would_drop),
];
const PASSED: [Part; 1] = [("passed", "passed", |point| point.passed)];

pub(super) fn dropped(report: &Report) -> Markup {
    html! {
        section id="dropped" {
            h2 { "What was dropped" }
            (chart("Dropped, or would have been:", &report.series, &REFUSED))
            (chart("Passed:", &report.series, &PASSED))
            (figures(&report.series))
            h3 { "By reason" }
            (by_reason(report))
            h3 { "By documented port and rule" }
            (by_port(report))
            h3 { "At ports that no document names" }
            (undocumented(report))
        }
    }
}

fn by_reason(Report { reasons, totals, .. }: &Report) -> Markup {
    let row = |name: String, says: &str, totals: Totals| {
        vec![
            name,
            says.to_owned(),
            count(totals.dropped.packets),
            count(totals.would_drop.packets),
            count(totals.passed.packets),
        ]
    };
    let of_reason = |of: &ReasonTotals| {
        let name = port_text(of.direction, &of.reason);
        row(name, says::reason(of.direction, &of.reason), Totals::of([of]))
    };
    table(
        "Packets. Each has exactly one reason.",
        &[("Reason", Code), ("Means", Text), ("Dropped", Number), ("Would drop", Number), ("Passed", Number)],
        reasons.iter().map(of_reason),
        Some(row("all".to_owned(), "", *totals)),
    )
}

fn by_port(report: &Report) -> Markup {
    let rows = report.ports.iter().map(|row| {
        let (rules, passed): (Vec<&str>, Vec<String>) =
            row.rules.iter().map(|rule| (rule.rule.as_str(), count(rule.passed.packets))).unzip();
        vec![
            words::port(&row.zone, &row.port),
            count(row.dropped.packets),
            count(row.would_drop.packets),
            passed.join("\n"),
            rules.join("\n"),
        ]
    });
    table(
        "Packets, by the kernel's counters. What passed stands beside the rule that admitted it. Ports that this node reaches are named \
         “out 443/tcp”.",
        &[("Port", Code), ("Dropped", Number), ("Would drop", Number), ("Passed", Number), ("By", Code)],
        rows,
        None,
    )
}

fn undocumented(report: &Report) -> Markup {
    let rows = report.undocumented.iter().take(says::PORTS_SHOWN).map(|row| {
        vec![
            words::port(&row.zone, &row.port),
            count(row.dropped),
            count(row.would_drop),
            count(row.sources as u64),
            moment(row.last),
        ]
    });
    html! {
        (table(
            "Packets, as far as they are told by source.",
            &[("Port", Code), ("Dropped", Number), ("Would drop", Number), ("Addresses", Number), ("Last", Time)],
            rows,
            None,
        ))
        @if let Some(more) = says::more(report.undocumented.len(), says::PORTS_SHOWN) { p.sub { (more) } }
    }
}

/// The charts in figures.
fn figures(series: &Series) -> Markup {
    let rows = series.points.iter().map(|point| {
        vec![
            words::place(point.at, series.step),
            count(point.dropped),
            count(point.would_drop),
            count(point.passed),
        ]
    });
    let by_day = if series.whole_days > 0 && series.step < 86_400 {
        " Of some days only the sum is kept: it stands at their first hour."
    } else {
        ""
    };
    html! {
        details {
            summary { "The same in figures" }
            (table(
                &format!("Packets, from that time (UTC) to the next.{by_day}"),
                &[("From", Time), ("Dropped", Number), ("Would drop", Number), ("Passed", Number)],
                rows,
                None,
            ))
        }
    }
}

pub(super) fn sources(report: &Report) -> Markup {
    html! {
        section id="sources" {
            h2 { "From whom" }
            (addresses(
                "The sources of which most was dropped, or would have been. Packets.", "Source", Direction::In, report,
            ))
            @if says::judges_outbound(report) {
                h3 { "Where to" }
                (addresses(
                    "The destinations on the way to which most was dropped, or would have been. Packets.", "Destination",
                    Direction::Out, report,
                ))
            }
            @for says in says::sources(&report.sources) { p.sub { (says) } }
        }
    }
}

fn addresses(caption: &str, name: &'static str, direction: Direction, report: &Report) -> Markup {
    let rows = report.sources.rows.iter().filter(|row| row.direction == direction).map(|row| {
        vec![
            words::source(row.source),
            count(row.dropped.packets),
            count(row.would_drop.packets),
            says::ports(row),
            moment(row.first),
            moment(row.last),
        ]
    });
    table(
        caption,
        &[
            (name, Code),
            ("Dropped", Number),
            ("Would drop", Number),
            ("Ports", Code),
            ("First", Time),
            ("Last", Time),
        ],
        rows,
        None,
    )
}

pub(super) fn changes(report: &Report) -> Markup {
    let shown = says::latest(&report.changes);
    html! {
        section id="changes" {
            h2 { "What changed" }
            @if shown.is_empty() { p.none { "Nothing." } }
            @if let Some(more) = says::more(report.changes.len(), shown.len()) { p.sub { (more) } }
            @for change in shown { (changed(change)) }
        }
    }
}

fn changed(change: &Change) -> Markup {
    let head = html! {
        b { (time(change.at)) " " (change.kind) } " " (visible(&says::of_change(change)))
        span.sub { ", asked by " (visible(&change.by)) }
    };
    html! {
        @match &change.diff {
            Some(diff) => details { summary { (head) } pre { (visible(diff)) } },
            None => p { (head) },
        }
    }
}

pub(super) fn gaps(report: &Report) -> Markup {
    let gaps = &report.gaps;
    let Lost { in_kernel, in_hour, reasons, ports: _ } = &gaps.lost;
    let rows = reasons.iter().map(|row| {
        vec![port_text(row.direction, &row.reason), count(row.refused), count(row.told), count(row.lost)]
    });
    html! {
        section id="gaps" {
            h2 { "Where the record has gaps" }
            @if gaps.absences.is_empty() && gaps.noted.is_empty() { p { "None was noted." } }
            @for absence in &gaps.absences { p { (says::absence(absence)) } }
            @for change in &gaps.noted { p { b { (time(change.at)) } " " (visible(&change.says)) } }
            p { (says::lost(*in_kernel, *in_hour)) }
            (table(
                "Packets that were dropped or would have been, and for how many of them it is told from whom they came.",
                &[("Reason", Code), ("Counted", Number), ("Told by source", Number), ("Not told", Number)],
                rows,
                None,
            ))
        }
    }
}

pub(super) fn verification(report: &Report) -> Markup {
    let faults = report.verification.found.iter().flat_map(|found| &found.faults);
    html! {
        section id="verification" {
            h2 { "Whether the record is as it was sealed" }
            p { (verified(&report.verification)) }
            @for fault in faults { p.wrong { (visible(&fault.to_string())) } }
            p.sub {
                "Each day's records are sealed with a hash that is chained to the day before. Who may write the file may seal it \
                 anew: note the head's hash elsewhere, and ask later with `portguard audit verify --head HASH`."
            }
        }
    }
}

/// Whether the record is what was sealed, in the colour that it deserves.
pub(super) fn verified(known: &Verified) -> Markup {
    let class = known.found.as_ref().map(|found| if found.is_whole() { "right" } else { "wrong" });
    html! { span class=[class] { (visible(&says::verified(known))) } }
}
