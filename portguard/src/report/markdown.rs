//! The report for a ticket: the same as on the page, as Markdown with tables.

use std::fmt::Write as _;

use super::{
    Report, Verified, says,
    words::{self, count, moment, time},
};
use crate::{
    audit::{Change, Lost},
    matrix::Posture,
};

/// Writes `report`.
pub fn write(report: &Report) -> String {
    let mut page = Page::default();
    head(report, &mut page);
    accepts(report, &mut page);
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
    let totals = &report.totals;
    rows.push(vec!["Passed".to_owned(), count(totals.passed.packets)]);
    rows.push(vec!["Dropped".to_owned(), count(totals.dropped.packets)]);
    rows.push(vec!["Would have been dropped".to_owned(), count(totals.would_drop.packets)]);
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
    let rules = accepts.rules.iter().map(|row| {
        vec![
            format!("{} {}", row.ports, row.protocol),
            says::peers(row),
            row.product.clone().unwrap_or_else(|| "site".to_owned()),
            row.description.clone(),
            format!("{} ({})", row.rule_name(), row.place()),
        ]
    });
    page.table(&["Ports", "From", "Product", "For", "By"], rules);
    page.paragraph(match accepts.posture {
        Posture::Pass => "Ports that no rule names are open to everyone (posture pass).",
        Posture::Drop => "Ports that no rule names are closed (posture drop).",
    });
    let groups = accepts.groups.iter().map(|group| vec![group.name.clone(), says::addresses(group)]);
    page.table(&["Group", "Addresses"], groups);
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
            row.reason.clone(),
            says::reason(&row.reason).to_owned(),
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
    page.table(&["Port", "Dropped", "Would drop", "Sources", "Last"], ports);
    if let Some(more) = says::more(report.undocumented.len(), says::PORTS_SHOWN) {
        page.paragraph(&more);
    }
}

fn sources(report: &Report, page: &mut Page) {
    page.heading("From whom");
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
    page.table(&["Source", "Dropped", "Would drop", "Ports", "First", "Last"], rows);
    for says in says::sources(&report.sources) {
        page.paragraph(&says);
    }
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
    let rows = reasons
        .iter()
        .map(|row| vec![row.reason.clone(), count(row.refused), count(row.told), count(row.lost)]);
    page.table(&["Reason", "Dropped, or would have been", "Told by source", "Not told"], rows);
    page.heading("Whether the record is as it was sealed");
    let Verified { found, .. } = &report.verification;
    page.paragraph(&says::verified(&report.verification));
    for fault in found.iter().flat_map(|found| &found.faults) {
        page.paragraph(&fault.to_string());
    }
}
