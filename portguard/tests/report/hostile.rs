//! Names that would be markup, a formula or a trick, if they were not data.

use portguard::{
    audit::ChangeKind,
    report::{InForce, Report, html_page, markdown, write_csv},
};
use portguard_common::Reason;
use pulldown_cmark::{Event, Options, Parser, Tag};
use tempfile::TempDir;

use crate::{BEGIN, Drop, Fate, PERIOD, Recorder, about, accepts, page::tags, reader};

const NAMES: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "</style></title><svg/onload=alert(1)>",
    "| a | b |\n# heading",
    "[x](https://example.org) <b> `code` **bold** &amp; www.example.org",
    "=cmd|' /C calc'!A0",
    "abc\u{202e}dcba\u{0}\u{1b}[31m",
];

/// A report in which every text is one of those names.
fn reports() -> Vec<(&'static str, TempDir, Report)> {
    NAMES
        .into_iter()
        .map(|name| {
            let directory = TempDir::new().expect("a directory");
            let mut recorder = Recorder::new(directory.path(), Fate::Dropped);
            let reason = Reason::SourceNotAdmitted;
            recorder
                .drop(BEGIN, &Drop { source: "203.0.113.9", port: name, reason, rules: &[name], packets: 1 });
            recorder.pass(name, name, 1);
            recorder.drop(
                BEGIN,
                &Drop { source: "", port: name, reason: Reason::Undocumented, rules: &[], packets: 1 },
            );
            recorder.change(BEGIN, ChangeKind::Gap, name, Some(name));
            recorder.settle(BEGIN + 60);
            drop(recorder);
            let about = about(name, PERIOD);
            let site = |in_force: &InForce| Some(accepts(in_force));
            let report =
                Report::new(&reader(directory.path()), about, None, site, None).expect("it can be read");
            (name, directory, report)
        })
        .collect()
}

#[test]
fn no_name_becomes_an_element_of_the_page() {
    let known = ["html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav"];
    let known = known.into_iter().chain(["h1", "h2", "h3", "p", "a", "b", "i", "br", "small", "span", "div"]);
    let known = known.chain(["dl", "dt", "dd", "section", "figure", "figcaption", "svg", "g", "rect"]);
    let known = known.chain(["table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"]);
    let known: Vec<&str> = known.chain(["details", "summary", "pre"]).collect();
    for (name, _directory, report) in reports() {
        let page = html_page(&report);
        for (tag, attributes) in tags(&page) {
            assert!(known.contains(&tag.as_str()), "{name}: {tag}");
            assert!(!attributes.iter().any(|(attribute, _)| attribute.starts_with("on")), "{name}: {tag}");
        }
        assert!(!page.contains(['\u{202e}', '\u{0}', '\u{1b}']), "{name}");
    }
}

#[test]
fn no_name_is_markup_in_a_ticket() {
    for (name, _directory, report) in reports() {
        let text = markdown(&report);
        let (mut rows, mut widths, mut cells) = (0, Vec::new(), 0);
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match event {
                Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Emphasis | Tag::Strong)
                | Event::Code(_)
                | Event::Html(_) => panic!("{name}: {event:?}"),
                Event::InlineHtml(html) => assert_eq!(&*html, "<br>", "{name}"),
                Event::Start(Tag::Table(columns)) => widths.push(columns.len()),
                Event::Start(Tag::TableRow | Tag::TableHead) => (rows, cells) = (rows + 1, 0),
                Event::Start(Tag::TableCell) => {
                    cells += 1;
                    assert!(cells <= *widths.last().unwrap(), "{name}");
                }
                _ => {}
            }
        }
        assert!(rows > 20, "{name}");
        // A difference is code, where nothing is a link.
        let prose = text.lines().filter(|line| !line.starts_with("    "));
        for line in prose {
            assert!(!line.contains("https://") && !line.contains("www.example"), "{name}: {line}");
        }
        assert!(!text.contains(['\u{202e}', '\u{0}', '\u{1b}']), "{name}");
    }
}

#[test]
fn no_name_is_a_formula_in_a_spreadsheet() {
    for (name, directory, _) in reports() {
        let mut text = Vec::new();
        write_csv(name, &reader(directory.path()).drops_by_day(PERIOD, 10).unwrap(), &mut text).unwrap();
        let mut rows = 0;
        for record in csv::Reader::from_reader(text.as_slice()).records() {
            let record = record.unwrap();
            rows += 1;
            assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '@'])), "{record:?}");
            assert_eq!((record.len(), &record[8]), (16, "1"), "{name}");
        }
        assert_eq!(rows, 2, "{name}");
    }
}
