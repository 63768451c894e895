//! Frames, as they look.

use insta::assert_snapshot;
use ratatui::{Terminal, backend::TestBackend, style::Color};

use super::{Palette, Sample, Top, draw, words};
use crate::{
    audit::{DropRow, Drops, Span},
    daemon::{GenerationInForce, GuardedInterface, Status, Trouble},
    matrix::Direction,
    matrix::{Mode, Posture},
    observe::{Count, Counted, CounterReport, PortRow, ReasonRow, RuleRow, UndocumentedRow},
};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn count(packets: u64) -> Count {
    Count { packets, bytes: packets * 60 }
}

fn status(mode: Mode) -> Status {
    Status {
        portguard: "0.1.0".to_owned(),
        site: "/etc/portguard/site.toml".to_owned(),
        generation: Some(GenerationInForce {
            number: 7,
            since: 0,
            by: "start".to_owned(),
            portguard: "0.1.0".to_owned(),
            image: "0123456789abcdef".repeat(4),
            mode,
            posture: Posture::Drop,
            outbound: None,
            rules: 31,
            products: Vec::new(),
        }),
        interfaces: vec![GuardedInterface {
            name: "eth0".to_owned(),
            attached: "native".to_owned(),
            outbound: None,
        }],
        absent: Vec::new(),
        counted: Counted::default(),
        last_minute: Count::default(),
        unconfirmed: None,
        troubles: Vec::new(),
    }
}

fn port(zone: &str, port: &str, rules: &[(&str, u64)], dropped: u64, would_drop: u64) -> PortRow {
    let rule = |&(rule, passed): &(&str, u64)| RuleRow {
        rule: rule.to_owned(),
        in_force: true,
        passed: count(passed),
    };
    PortRow {
        direction: Direction::In,
        zone: zone.to_owned(),
        port: port.to_owned(),
        rules: rules.iter().map(rule).collect(),
        dropped: count(dropped),
        would_drop: count(would_drop),
    }
}

fn dropped(source: &str, port: &str, reason: &str, would: bool, packets: u64) -> DropRow {
    DropRow {
        direction: Direction::In,
        source: source.parse().ok(),
        zone: "default".to_owned(),
        port: port.to_owned(),
        reason: reason.to_owned(),
        rules: Vec::new(),
        process: None,
        would,
        counted: count(packets),
        first: 1_000,
        last: 2_000,
    }
}

/// What is known after `n` steps, in each of which the same comes in.
fn sample(n: u64) -> Sample {
    let ports = vec![
        port(
            "default",
            "8086/tcp",
            &[("influxdb-enterprise/http (influxdb-enterprise.md:15)", 42_000 * n)],
            9 * n,
            0,
        ),
        port(
            "default",
            "20001/tcp",
            &[
                ("redis-enterprise/shards (redis-enterprise.md:46)", 7 * n),
                (
                    "site/a-rule-whose-name-somebody-has-made-very-long-indeed-and-then-some-more-of-it (site file:99)",
                    n,
                ),
            ],
            0,
            0,
        ),
        port("back", "icmpv4/8", &[("redis-enterprise/icmp (redis-enterprise.md:43)", 0)], 5, 0),
    ];
    let undocumented = |port: &str, dropped| UndocumentedRow {
        direction: Direction::In,
        port: port.to_owned(),
        counted: Counted { dropped: count(dropped), ..Counted::default() },
    };
    let reason = |reason: &str, action: &str, packets| ReasonRow {
        direction: Direction::In,
        reason: reason.to_owned(),
        action: action.to_owned(),
        says: String::new(),
        counted: count(packets),
        would_drop: Count::default(),
    };
    let rows = vec![
        dropped("198.51.100.7", "8086/tcp", "source_not_admitted", false, 9 * n),
        dropped("198.51.100.7", "22/tcp", "no_socket", false, 600 * n),
        dropped("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "22/tcp", "no_socket", false, 60),
        dropped("none", "-", "short", false, n),
    ];
    Sample {
        status: status(Mode::Enforce),
        counters: Some(CounterReport {
            ports,
            undocumented: vec![undocumented("22/tcp", 600 * n), undocumented("23/tcp", 60)],
            reasons: vec![
                reason("admitted", "pass", 42_008 * n),
                reason("source_not_admitted", "drop", 9 * n),
                reason("no_socket", "drop", 600 * n * n),
            ],
        }),
        drops: Some(Drops { span: Span { since: 0, until: 1 }, by_loudest: 0, rows, more: 0 }),
    }
}

/// The view after several answers, two seconds apart.
fn busy() -> Top {
    let mut top = Top::default();
    for n in 1..=40 {
        let answer = if n == 30 { Err("no portguard answers".to_owned()) } else { Ok(sample(n)) };
        top.take(SECOND * 2 * u32::try_from(n).expect("few"), answer);
    }
    top
}

fn frame(top: &Top, palette: Palette, width: u16, height: u16) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory has no errors");
    terminal.draw(|frame| draw(frame, top, palette)).expect("memory has no errors");
    terminal.backend().clone()
}

#[test]
fn a_node_under_way() {
    let top = busy();
    assert_snapshot!("busy-80x24", frame(&top, Palette::Colour, 80, 24));
    assert_snapshot!("busy-120x40", frame(&top, Palette::Colour, 120, 40));
}

#[test]
fn before_the_first_answer_and_after_it() {
    let mut top = Top::default();
    assert_snapshot!("waiting-80x24", frame(&top, Palette::Colour, 80, 24));
    top.take(SECOND, Ok(Sample { counters: None, drops: None, ..sample(1) }));
    assert_snapshot!("first-80x24", frame(&top, Palette::Colour, 80, 24));
}

#[test]
fn what_somebody_should_look_at_is_on_top() {
    let mut of_trouble = status(Mode::Observe);
    of_trouble.absent = vec!["eth1".to_owned()];
    of_trouble.unconfirmed = Some(42);
    let trouble = |says: &str| Trouble { since: 0, says: says.to_owned() };
    of_trouble.troubles = vec![
        trouble(
            "/etc/portguard/site.toml cannot be put in force,\n   and what was in force is so still: it has many faults",
        ),
        trouble("something else"),
    ];
    let mut top = Top::default();
    let mut then = sample(1);
    for row in &mut then.counters.as_mut().expect("there are some").ports {
        row.would_drop = count(30);
    }
    let mut now = then.clone();
    now.status = of_trouble;
    for row in &mut now.counters.as_mut().expect("there are some").ports {
        row.would_drop = count(70);
    }
    top.take(SECOND, Ok(then));
    top.take(SECOND * 3, Ok(now));
    assert_snapshot!("trouble-80x24", frame(&top, Palette::Plain, 80, 24));
}

#[test]
fn a_daemon_that_does_not_answer_is_told_and_what_was_known_stays() {
    let mut top = busy();
    top.pass(SECOND * 84);
    assert!(!frame(&top, Palette::Plain, 80, 24).to_string().contains("NO ANSWER"), "it may take its time");
    top.pass(SECOND * 90);
    assert_snapshot!("silent-80x24", frame(&top, Palette::Plain, 80, 24));
    top.take(SECOND * 92, Err("no portguard answers on /run/portguard/control.sock".to_owned()));
    assert!(
        frame(&top, Palette::Plain, 80, 24)
            .to_string()
            .contains("NO ANSWER for 12 s, trying again: no portguard")
    );
    top.take(SECOND * 94, Ok(sample(47)));
    assert!(frame(&top, Palette::Plain, 80, 24).to_string().contains("no trouble"));
}

#[test]
fn a_filter_that_is_off_is_loud() {
    let mut off = Sample { counters: None, drops: None, ..sample(1) };
    (off.status.generation, off.status.interfaces) = (None, Vec::new());
    let mut top = Top::default();
    top.take(SECOND, Ok(off));
    let shown = frame(&top, Palette::Plain, 80, 24).to_string();
    assert!(
        shown.contains("mode OFF: nothing is guarded") && shown.contains("guarding no interface"),
        "{shown}"
    );
}

#[test]
fn counters_that_begin_anew_are_no_huge_rate() {
    let mut top = Top::default();
    top.take(SECOND, Ok(sample(1000)));
    top.take(SECOND * 3, Ok(sample(1)));
    assert!(top.rates.refused() < 1000, "{}", top.rates.refused());
}

#[test]
fn no_size_is_too_small() {
    let mut top = busy();
    top.pass(SECOND * 90);
    for (width, height) in [(1, 1), (3, 200), (200, 3), (10, 10), (40, 12), (79, 23), (300, 100)] {
        frame(&top, Palette::Colour, width, height);
    }
}

#[test]
fn colour_is_there_only_if_it_is_wanted() {
    let top = busy();
    let colours = |palette| {
        let frame = frame(&top, palette, 80, 24);
        frame.buffer().content().iter().filter(|cell| cell.fg != Color::Reset).count()
    };
    assert_eq!(colours(Palette::Plain), 0);
    assert!(colours(Palette::Colour) > 10);
    let [colour, plain] =
        [Palette::Colour, Palette::Plain].map(|palette| frame(&top, palette, 80, 24).to_string());
    assert_eq!(colour, plain, "no word is missing");
}

#[test]
fn numbers_are_as_short_as_their_column() {
    let told = [0, 9, 999, 1_000, 12_345, 999_949, 999_950, 5_000_000, 12_000_000_000].map(words::count);
    assert_eq!(told, ["0", "9", "999", "1.0k", "12.3k", "999.9k", "1.0M", "5.0M", "12.0G"]);
    let told = [0.0, 0.01, 0.5, 9.94, 9.96, 1234.0].map(|rate| words::rate(super::rates::Rate(rate)));
    assert_eq!(told, ["-", "<0.1", "0.5", "9.9", "10", "1.2k"]);
    assert_eq!(
        [words::shortened("abc", 3), words::shortened("abcd", 3), words::shortened("a", 0)],
        ["abc", "ab…", ""]
    );
}
