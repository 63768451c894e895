//! The page is well-formed, holds all that it needs, and shows the figures that it draws.

use std::collections::BTreeSet;

use html5gum::{Token, Tokenizer};
use portguard::report::html_page;
use roxmltree::Document;

use crate::{Fate, PERIOD, bare, recorded, report};

/// Elements that have no end.
const VOID: [&str; 3] = ["meta", "br", "link"];
/// What makes a browser load or run something.
const LOADS: [&str; 7] = ["src", "srcset", "data", "action", "poster", "onload", "onclick"];

/// Each start tag with its attributes. Panics where the page is not well-formed.
pub(crate) fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the page is UTF-8");
    let (mut open, mut tags): (Vec<String>, Vec<_>) = (Vec::new(), Vec::new());
    for token in Tokenizer::new(page) {
        match token.expect("a string can be read") {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                if !VOID.contains(&name.as_str()) {
                    open.push(name.clone());
                }
                let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value)));
                tags.push((name, attributes.collect()));
            }
            Token::EndTag(tag) => assert_eq!(open.pop(), Some(text(&tag.name))),
            Token::Error(error) => panic!("{error:?}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} never ends");
    tags
}

/// The charts, as XML.
fn charts(page: &str) -> Vec<String> {
    let parts = page.split("<svg").skip(1);
    parts.map(|part| format!("<svg{}</svg>", part.split_once("</svg>").expect("it ends").0)).collect()
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_but_itself() {
    let directory = recorded(Fate::Dropped);
    let page = html_page(&report(directory.path(), PERIOD));
    let mut ids = BTreeSet::new();
    for (name, attributes) in tags(&page) {
        assert!(!["script", "link", "iframe", "img", "object", "form"].contains(&name.as_str()), "{name}");
        for (attribute, value) in attributes {
            assert!(!LOADS.contains(&attribute.as_str()), "{name} {attribute}={value}");
            assert!(attribute != "href" || value.starts_with('#'), "{value}");
            assert!(attribute != "id" || ids.insert(value.clone()), "{value} twice");
        }
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("url("), "a reference");
    assert!(page.contains("influxdb-enterprise.md:15") && page.contains("prefers-color-scheme: dark"));
    for target in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(ids.contains(target), "{target} leads nowhere");
    }
}

#[test]
fn what_the_charts_show_is_what_the_tables_say() {
    for fate in [Fate::Dropped, Fate::WouldDrop] {
        let directory = recorded(fate);
        let report = bare(directory.path(), PERIOD, None);
        let page = html_page(&report);
        let charts = charts(&page);
        assert_eq!(charts.len(), 2);
        let drawn = |chart: &str| -> u64 {
            let chart = Document::parse(chart).expect("it is XML");
            let titles = chart.descendants().filter(|node| node.has_tag_name("title"));
            let figures =
                titles.flat_map(|title| title.text().unwrap().split(", ").skip(1).map(str::to_owned));
            let packets = figures.map(|figure| {
                figure.rsplit(' ').next().unwrap().replace(',', "").parse::<u64>().expect("a figure")
            });
            packets.sum()
        };
        let totals = &report.totals;
        assert_eq!(drawn(&charts[0]), totals.dropped.packets + totals.would_drop.packets);
        assert_eq!(drawn(&charts[1]), totals.passed.packets);
    }
}

#[test]
fn every_bar_that_stands_for_a_packet_is_drawn_within_the_chart() {
    let directory = recorded(Fate::Dropped);
    let report = bare(directory.path(), PERIOD, None);
    for chart in charts(&html_page(&report)) {
        let chart = Document::parse(&chart).unwrap();
        let bars = chart.descendants().filter(|node| node.has_tag_name("rect"));
        let bars: Vec<_> = bars.filter(|bar| bar.attribute("class") != Some("all")).collect();
        let days = report.series.points.iter().filter(|point| point.passed > 0);
        assert_eq!(bars.len(), days.count());
        for bar in bars {
            let number = |name| bar.attribute(name).unwrap().parse::<f64>().unwrap();
            assert!(number("height") >= 1.5 && number("y") >= 0.0 && number("y") + number("height") < 100.01);
        }
    }
}
