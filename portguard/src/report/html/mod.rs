//! The report as one page: nothing but itself, no network, no script. It prints, and reads on any screen, light or dark.

mod chart;
mod rules;
mod sections;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    Report, says,
    words::{self, bytes, count, time, visible},
};
use crate::observe::Count;

const STYLE: &str = include_str!("style.css");
/// Whatever were to find its way into the page: it loads nothing and runs nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page of `report`.
pub fn page(report: &Report) -> String {
    let title = format!("PortGuard report: {}", visible(&report.about.node));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(format!("portguard {}", report.about.portguard));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head(report))
                main {
                    (sections::dropped(report))
                    (sections::sources(report))
                    (rules::accepts(report))
                    (rules::reaches(report))
                    (sections::changes(report))
                    (sections::gaps(report))
                    (sections::verification(report))
                }
                footer { "portguard " (report.about.portguard) ", " (time(report.about.generated)) " UTC. All times are UTC." }
            }
        }
    };
    page.into_string()
}

fn head(report: &Report) -> Markup {
    let about = &report.about;
    let (totals, outbound) = (&report.totals, report.totals_outbound());
    html! {
        header {
            h1 { (visible(&about.node)) }
            p.sub { "What this node accepted and dropped, " (words::period(about.span)) }
            nav {
                a href="#dropped" { "Dropped" }
                a href="#sources" { "From whom" }
                a href="#accepts" { "Accepted" }
                a href="#reaches" { "Connects to" }
                a href="#changes" { "Changes" }
                a href="#gaps" { "Gaps" }
                a href="#verification" { "Verification" }
            }
            div.sums {
                (sum("dropped", "dropped", totals.dropped, outbound.dropped))
                (sum("would", "would have been dropped", totals.would_drop, outbound.would_drop))
                (sum("passed", "passed", totals.passed, outbound.passed))
            }
            dl {
                @for (what, says) in says::in_force(report) { dt { (what) } dd { (visible(&says)) } }
                dt { "Known by" } dd { (report.in_force.says()) }
                dt { "Record" } dd { (sections::verified(&report.verification)) }
                dt { "Made" } dd { (time(about.generated)) " UTC, by portguard " (about.portguard) }
                @for trouble in &report.in_force.troubles { dt { "Trouble" } dd.wrong { (visible(trouble)) } }
            }
        }
    }
}

fn sum(class: &str, name: &str, counted: Count, outbound: Count) -> Markup {
    html! {
        div class=(class) {
            b { (count(counted.packets)) }
            (name)
            br;
            small {
                (bytes(counted.bytes))
                @if outbound.packets > 0 { ", " (count(outbound.packets)) " of them outbound" }
            }
        }
    }
}
