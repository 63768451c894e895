//! The rules, each with its place in the document and whether anybody had use for it.

use maud::{Markup, html};

use super::table::{
    Kind::{Code, Number, Text},
    table,
};
use crate::{
    matrix::{Direction, Row},
    report::{Accepts, GroupInForce, Reaches, Report, says, used::Used, words::visible},
};

pub(super) fn accepts(report: &Report) -> Markup {
    html! {
        section id="accepts" {
            h2 { "What this node accepts" }
            @match &report.accepts {
                None => p { (says::NO_SITE) },
                Some(accepts) => (accepted(accepts, &Used::new(&report.ports))),
            }
        }
    }
}

pub(super) fn reaches(report: &Report) -> Markup {
    html! {
        section id="reaches" {
            h2 { "What this node may connect to" }
            @match &report.accepts {
                None => p { (says::NO_SITE) },
                Some(Accepts { reaches: None, .. }) => p { (says::NOT_FILTERED) },
                Some(Accepts { reaches: Some(reaches), .. }) => (reached(reaches, &Used::new(&report.ports))),
            }
        }
    }
}

fn accepted(accepts: &Accepts, used: &Used<'_>) -> Markup {
    html! {
        p { (visible(&accepts.says())) }
        (by_product(&accepts.rules, Direction::In, used))
        p { (says::others(accepts.posture)) }
        (groups(&accepts.groups))
    }
}

fn reached(reaches: &Reaches, used: &Used<'_>) -> Markup {
    html! {
        p { (says::judged(reaches.outbound.mode)) }
        (by_product(&reaches.rules, Direction::Out, used))
        p { (visible(&says::others_outbound(reaches))) }
        (groups(&reaches.groups))
    }
}

fn groups(groups: &[GroupInForce]) -> Markup {
    let rows = groups.iter().map(|group| vec![group.name.clone(), says::addresses(group)]);
    html! {
        h3 { "Groups" }
        (table("Who that is.", &[("Group", Text), ("Addresses", Code)], rows, None))
    }
}

/// A table for each product, and one for the site's own rules.
fn by_product(rules: &[Row], direction: Direction, used: &Used<'_>) -> Markup {
    let mut products: Vec<Option<&str>> = Vec::new();
    for row in rules {
        if !products.contains(&row.product.as_deref()) {
            products.push(row.product.as_deref());
        }
    }
    html! {
        @if products.is_empty() { p.none { "No rule." } }
        @for product in products {
            @let rules: Vec<&Row> = rules.iter().filter(|row| row.product.as_deref() == product).collect();
            h3 { (visible(product.unwrap_or("The site's own rules"))) }
            (product_rules(&rules, direction, used))
        }
    }
}

fn product_rules(rules: &[&Row], direction: Direction, used: &Used<'_>) -> Markup {
    let document = rules.iter().find_map(|row| row.document.as_deref());
    let by = document.map_or_else(
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
            used.says(row),
            format!("{}{inferred}", row.description),
            format!("{}{section}", row.place()),
        ]
    });
    let columns = [
        ("Ports", Code),
        (says::peers_are(direction), Text),
        ("Used", Number),
        ("For", Text),
        ("Line", Text),
    ];
    table(&format!("{by} {}", says::USED), &columns, rows, None)
}
