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
    matrix::{Posture, Row},
    report::{
        Accepts, Report, Verified, says,
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
    let row = |row: &ReasonTotals, says: &str| {
        vec![
            row.reason.clone(),
            says.to_owned(),
            count(row.dropped.packets),
            count(row.would_drop.packets),
            count(row.passed.packets),
        ]
    };
    table(
        "Packets. Each has exactly one reason.",
        &[("Reason", Code), ("Means", Text), ("Dropped", Number), ("Would drop", Number), ("Passed", Number)],
        reasons.iter().map(|of_reason| row(of_reason, says::reason(&of_reason.reason))),
        Some(row(totals, "")),
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
        "Packets, by the kernel's counters. What passed stands beside the rule that admitted it.",
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
            &[("Port", Code), ("Dropped", Number), ("Would drop", Number), ("Sources", Number), ("Last", Time)],
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
    let rows = report.sources.rows.iter().map(|row| {
        vec![
            words::source(row.source),
            count(row.dropped.packets),
            count(row.would_drop.packets),
            says::ports(row),
            moment(row.first),
            moment(row.last),
        ]
    });
    html! {
        section id="sources" {
            h2 { "From whom" }
            (table(
                "The sources of which most was dropped, or would have been. Packets.",
                &[
                    ("Source", Code), ("Dropped", Number), ("Would drop", Number), ("Ports", Code), ("First", Time),
                    ("Last", Time),
                ],
                rows,
                None,
            ))
            @for says in says::sources(&report.sources) { p.sub { (says) } }
        }
    }
}

pub(super) fn accepts(report: &Report) -> Markup {
    html! {
        section id="accepts" {
            h2 { "What this node accepts" }
            @match &report.accepts {
                None => p { (says::NO_SITE) },
                Some(accepts) => (accepted(accepts)),
            }
        }
    }
}

fn accepted(accepts: &Accepts) -> Markup {
    let mut products: Vec<Option<&str>> = Vec::new();
    for row in &accepts.rules {
        if !products.contains(&row.product.as_deref()) {
            products.push(row.product.as_deref());
        }
    }
    let groups = accepts.groups.iter().map(|group| vec![group.name.clone(), says::addresses(group)]);
    html! {
        p { (visible(&accepts.says())) }
        @for product in products {
            @let rules: Vec<&Row> = accepts.rules.iter().filter(|row| row.product.as_deref() == product).collect();
            h3 { (visible(product.unwrap_or("The site's own rules"))) }
            (product_rules(&rules))
        }
        p {
            @match accepts.posture {
                Posture::Pass => "Ports that no rule names are open to everyone (posture pass).",
                Posture::Drop => "Ports that no rule names are closed (posture drop).",
            }
        }
        h3 { "Groups" }
        (table("Who that is.", &[("Group", Text), ("Addresses", Code)], groups, None))
    }
}

fn product_rules(rules: &[&Row]) -> Markup {
    let document = rules.iter().find_map(|row| row.document.as_deref());
    let caption = document.map_or_else(
        || "No document names these ports: the site does.".to_owned(),
        |document| format!("By the document {}.", visible(document)),
    );
    let rows = rules.iter().map(|row| {
        let section =
            row.section.as_deref().map(|section| format!("\nsection “{section}”")).unwrap_or_default();
        let inferred = match row.inferred.as_slice() {
            [] => String::new(),
            inferred => format!(" (the document leaves open: {})", inferred.join(", ")),
        };
        vec![
            format!("{}/{}", row.ports, row.protocol),
            says::peers(row),
            format!("{}{inferred}", row.description),
            format!("{}{section}", row.place()),
        ]
    });
    table(&caption, &[("Ports", Code), ("From", Text), ("For", Text), ("Line", Text)], rows, None)
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
    let rows = reasons
        .iter()
        .map(|row| vec![row.reason.clone(), count(row.refused), count(row.told), count(row.lost)]);
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
