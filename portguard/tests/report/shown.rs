//! What each format shows.

use insta::{assert_json_snapshot, assert_snapshot};
use portguard::{
    audit::{FILE, Limits, Store},
    report::{html_page, markdown, write_csv},
};
use tempfile::TempDir;

use crate::{Fate, PERIOD, bare, reader, recorded, report};

#[test]
fn a_ticket_says_all_of_it() {
    let directory = recorded(Fate::Dropped);
    assert_snapshot!(markdown(&report(directory.path(), PERIOD)));
}

#[test]
fn json_has_stable_names() {
    let directory = recorded(Fate::WouldDrop);
    assert_json_snapshot!(bare(directory.path(), PERIOD, None));
}

#[test]
fn a_spreadsheet_has_a_line_for_each_day_source_and_port() {
    let directory = recorded(Fate::Dropped);
    let mut text = Vec::new();
    write_csv("db1", &reader(directory.path()).drops_by_day(PERIOD, 1024).unwrap(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.lines().count() == text.matches("\r\n").count(), "lines end as RFC 4180 says");
    assert_snapshot!(text.replace('\r', ""));
}

#[test]
fn an_empty_store_is_a_report_all_the_same() {
    let directory = TempDir::new().unwrap();
    drop(Store::open(&directory.path().join(FILE), Limits::default()).unwrap());
    let report = bare(directory.path(), PERIOD, None);
    assert_snapshot!(markdown(&report));
    assert!(html_page(&report).contains("No site is known"));
}
