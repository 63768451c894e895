//! The report for a ticket: the same as on the page, as Markdown with tables.

use std::fmt::Write as _;

use super::{
    GroupInForce, Report, Verified, says,
    used::Used,
    words::{self, count, moment, time},
};
use crate::{
    audit::{Change, Lost},
    matrix::{Direction, Row},
    observe::port_text,
};

/// Writes `report`.
pub fn write(report: &Report) -> String {
    let mut page = Page::default();
    head(report, &mut page);
    accepts(report, &mut page);
    reaches(report, &mut page);
    dropped(report, &mut page);
    sources(report, &mut page);
    changes(&report.changes, &mut page);
    gaps(report, &mut page);
    page.0
}

/// Text that grows by paragraphs, and tables.
#[derive(Default)]
struct Page(String);

impl Page {
    fn heading(&mut self, text: &str) {
        self.line(&format!("## {}\n", escaped(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.line(&format!("{}\n", escaped(text)));
    }

    fn table(&mut self, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return self.paragraph("None.");
        }
        self.line(&format!("| {} |", header.join(" | ")));
        self.line(&format!("|{}", " --- |".repeat(header.len())));
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell).replace('\n', "<br>")).collect();
            self.line(&format!("| {} |", cells.join(" | ")));
        }
        self.line("");
    }

    fn block(&mut self, text: &str) {
        // Indented, so that nothing within can end it.
        for line in words::visible(text).lines() {
            self.line(&format!("    {line}"));
        }
        self.line("");
    }

    fn line(&mut self, text: &str) {
        writeln!(self.0, "{text}").expect("writing to a string does not fail");
    }
}

/// `text` as Markdown that says just that.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in words::visible(text).chars() {
        if matches!(
            letter,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '!' | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    // What looks like an address on the web is made a link otherwise.
    escaped.replace("://", "\\://").replace("www.", "www\\.")
}

fn head(report: &Report, page: &mut Page) {
    let about = &report.about;
    page.line(&format!("# PortGuard report: {}\n", escaped(&about.node)));
    let mut rows = vec![
        vec!["Period".to_owned(), words::period(about.span)],
        vec!["Made".to_owned(), format!("{} UTC, by portguard {}", time(about.generated), about.portguard)],
    ];
    rows.extend(says::in_force(report).into_iter().map(|(what, says)| vec![what.to_owned(), says]));
    rows.push(vec!["Record".to_owned(), says::verified(&report.verification)]);
    let (totals, outbound) = (&report.totals, report.totals_outbound());
    rows.push(vec!["Passed".to_owned(), says::packets(totals.passed, outbound.passed)]);
    rows.push(vec!["Dropped".to_owned(), says::packets(totals.dropped, outbound.dropped)]);
    rows.push(vec![
        "Would have been dropped".to_owned(),
        says::packets(totals.would_drop, outbound.would_drop),
    ]);
    page.table(&["What", "Is"], rows);
    page.paragraph(report.in_force.says());
    for trouble in &report.in_force.troubles {
        page.paragraph(&format!("Trouble: {trouble}"));
    }
}

fn accepts(report: &Report, page: &mut Page) {
    page.heading("What this node accepts");
    let Some(accepts) = &report.accepts else { return page.paragraph(says::NO_SITE) };
    page.paragraph(&accepts.says());
    rules(&accepts.rules, Direction::In, report, page);
    page.paragraph(says::others(accepts.posture));
    groups(&accepts.groups, page);
}

fn reaches(report: &Report, page: &mut Page) {
    page.heading("What this node may connect to");
    let Some(accepts) = &report.accepts else { return page.paragraph(says::NO_SITE) };
    let Some(reaches) = &accepts.reaches else { return page.paragraph(says::NOT_FILTERED) };
    page.paragraph(says::judged(reaches.outbound.mode));
    rules(&reaches.rules, Direction::Out, report, page);
    page.paragraph(&says::others_outbound(reaches));
    groups(&reaches.groups, page);
}

fn rules(rules: &[Row], direction: Direction, report: &Report, page: &mut Page) {
    let used = Used::new(&report.ports);
    let rows = rules.iter().map(|row| {
        vec![
            format!("{} {}", row.ports, row.protocol),
            says::peers(row),
            used.says(row),
            row.product.clone().unwrap_or_else(|| "site".to_owned()),
            row.description.clone(),
            format!("{} ({})", row.rule_name(), row.place()),
        ]
    });
    page.table(&["Ports", says::peers_are(direction), "Used", "Product", "For", "By"], rows);
    if !rules.is_empty() {
        page.paragraph(says::USED);
    }
}

fn groups(groups: &[GroupInForce], page: &mut Page) {
    let rows = groups.iter().map(|group| vec![group.name.clone(), says::addresses(group)]);
    page.table(&["Group", "Addresses"], rows);
}

fn dropped(report: &Report, page: &mut Page) {
    page.heading("What was dropped");
    let points = report.series.points.iter().map(|point| {
        vec![
            words::place(point.at, report.series.step),
            count(point.dropped),
            count(point.would_drop),
            count(point.passed),
        ]
    });
    page.table(&["From", "Dropped", "Would drop", "Passed"], points);
    page.heading("By reason");
    let reasons = report.reasons.iter().map(|row| {
        vec![
            port_text(row.direction, &row.reason),
            says::reason(row.direction, &row.reason).to_owned(),
            count(row.dropped.packets),
            count(row.would_drop.packets),
            count(row.passed.packets),
        ]
    });
    page.table(&["Reason", "Means", "Dropped", "Would drop", "Passed"], reasons);
    page.heading("By documented port and rule");
    let ports = report.ports.iter().map(|row| {
        let rules: Vec<String> =
            row.rules.iter().map(|rule| format!("{}: {}", rule.rule, count(rule.passed.packets))).collect();
        vec![
            words::port(&row.zone, &row.port),
            count(row.dropped.packets),
            count(row.would_drop.packets),
            rules.join("\n"),
        ]
    });
    page.table(&["Port", "Dropped", "Would drop", "Passed, by rule"], ports);
    page.heading("At ports that no document names");
    let ports = report.undocumented.iter().take(says::PORTS_SHOWN).map(|row| {
        vec![
            words::port(&row.zone, &row.port),
            count(row.dropped),
            count(row.would_drop),
            count(row.sources as u64),
            moment(row.last),
        ]
    });
    page.table(&["Port", "Dropped", "Would drop", "Addresses", "Last"], ports);
    if let Some(more) = says::more(report.undocumented.len(), says::PORTS_SHOWN) {
        page.paragraph(&more);
    }
}

fn sources(report: &Report, page: &mut Page) {
    page.heading("From whom");
    addresses("Source", Direction::In, report, page);
    if says::judges_outbound(report) {
        page.heading("Where to");
        addresses("Destination", Direction::Out, report, page);
    }
    for says in says::sources(&report.sources) {
        page.paragraph(&says);
    }
}

fn addresses(name: &str, direction: Direction, report: &Report, page: &mut Page) {
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
    page.table(&[name, "Dropped", "Would drop", "Ports", "First", "Last"], rows);
}

fn changes(changes: &[Change], page: &mut Page) {
    page.heading("What changed");
    let shown = says::latest(changes);
    if let Some(more) = says::more(changes.len(), shown.len()) {
        page.paragraph(&more);
    }
    let rows = shown.iter().map(|change| {
        vec![time(change.at), change.kind.to_string(), says::of_change(change), change.by.clone()]
    });
    page.table(&["When", "What", "Says", "Asked by"], rows);
    for change in shown {
        let Some(diff) = &change.diff else { continue };
        page.paragraph(&format!("{}, {}:", time(change.at), says::of_change(change)));
        page.block(diff);
    }
}

fn gaps(report: &Report, page: &mut Page) {
    page.heading("Where the record has gaps");
    for absence in &report.gaps.absences {
        page.paragraph(&says::absence(absence));
    }
    for change in &report.gaps.noted {
        page.paragraph(&format!("{}: {}", time(change.at), change.says));
    }
    let Lost { in_kernel, in_hour, reasons, ports: _ } = &report.gaps.lost;
    page.paragraph(&says::lost(*in_kernel, *in_hour));
    let rows = reasons.iter().map(|row| {
        vec![port_text(row.direction, &row.reason), count(row.refused), count(row.told), count(row.lost)]
    });
    page.table(&["Reason", "Dropped, or would have been", "Told by source", "Not told"], rows);
    page.heading("Whether the record is as it was sealed");
    let Verified { found, .. } = &report.verification;
    page.paragraph(&says::verified(&report.verification));
    for fault in found.iter().flat_map(|found| &found.faults) {
        page.paragraph(&fault.to_string());
    }
}
