//! What `explain` answers, in full, as people and programs see it.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{answer, support::directory};
use insta::assert_snapshot;
use portguard::explain::Destination;

/// The answers of `explain` about a site, question after question.
fn asked(site: &str, questions: &[&[&str]]) -> String {
    let mut text = String::new();
    for question in questions {
        let mut arguments = vec!["explain", "--site", site];
        arguments.extend(*question);
        writeln!(text, "$ {}\n{}", arguments.join(" "), answer(&arguments)).expect("a string takes all");
    }
    text
}

#[test]
fn a_packet_that_passes_names_its_groups_its_rule_and_the_documents_line() {
    assert_snapshot!(asked(
        "sites/both.toml",
        &[
            &["--from", "10.0.0.1", "--to", "8001/tcp"],
            &["--from", "2001:db8:1::7", "--to", "icmp"],
            &["--from", "10.9.0.1", "--to", "22/tcp"],
        ]
    ));
}

#[test]
fn a_source_that_is_not_admitted_learns_what_the_rule_demands() {
    assert_snapshot!(asked(
        "sites/both.toml",
        &[
            &["--from", "10.1.0.7", "--to", "20001/tcp"],
            &["--from", "10.1.0.7", "--to", "9081/tcp"],
            &["--from", "2001:db8:2::1", "--to", "8091/tcp"],
            &["--from", "10.1.0.7", "--to", "8002/tcp"],
            &["--from", "10.1.0.7", "--to", "9105/tcp"],
        ]
    ));
}

#[test]
fn a_failsafe_group_is_a_rule_for_every_port_and_the_last_of_the_nearest() {
    let questions: [&[&str]; 6] = [
        &["--from", "10.9.0.7", "--to", "9999/tcp", "--zone", "back"],
        &["--from", "10.9.0.7", "--to", "443/tcp", "--zone", "front"],
        &["--from", "2001:db8:9::1", "--to", "ip/47", "--zone", "back"],
        &["--from", "10.9.0.8", "--to", "9999/tcp", "--zone", "front"],
        &["--from", "10.9.0.8", "--to", "443/tcp", "--zone", "front"],
        &["--from", "10.9.0.8", "--to", "443/tcp", "--zone", "back"],
    ];
    assert_snapshot!(asked("sites/failsafe.toml", &questions));
}

#[test]
fn a_port_that_no_rule_names_shows_what_comes_nearest() {
    let other = &["--from", "10.3.7.1", "--to", "8001/udp"];
    let moved = &["--from", "10.3.7.1", "--to", "8443/tcp"];
    let narrowed = &["--from", "10.3.7.1", "--to", "12001/tcp"];
    let nothing = &["--from", "10.3.7.1", "--to", "7/tcp"];
    let switched_off = &["--from", "10.4.0.1", "--to", "8089/udp"];
    assert_snapshot!(asked("sites/twins.toml", &[other, moved, narrowed, nothing]));
    assert_snapshot!("nearest-switched-off", asked("sites/both.toml", &[switched_off]));
}

#[test]
fn a_zone_or_a_profile_that_keeps_a_port_closed_is_named() {
    assert_snapshot!(asked(
        "sites/own-policies.toml",
        &[
            &["--from", "192.0.2.3", "--to", "2112/tcp", "--zone", "front"],
            &["--from", "192.0.2.3", "--to", "5675/tcp", "--zone", "back"],
        ]
    ));
}

#[test]
fn two_products_of_one_policy_are_told_apart() {
    assert_snapshot!(asked(
        "sites/twins.toml",
        &[
            &["--from", "10.2.0.1", "--to", "20001/tcp"],
            &["--from", "10.3.7.1", "--to", "20001/tcp"],
            &["--from", "192.0.2.1", "--to", "9443/tcp"],
        ]
    ));
}

#[test]
fn a_rule_that_could_hold_the_source_comes_before_one_that_is_for_the_node_alone() {
    assert_snapshot!(asked("sites/twins.toml", &[&["--from", "192.0.2.1", "--to", "8002/tcp"]]));
}

#[test]
fn an_outbound_packet_passes_and_names_the_rule_that_declares_it() {
    let out =
        |to| -> Vec<&'static str> { vec!["--zone", "front", "--direction", "out", "--from", to, "--to"] };
    let declared = [out("17.0.0.1"), vec!["2195/tcp"]].concat();
    let others = [out("18.0.0.1"), vec!["2195/tcp"]].concat();
    let unbound = [out("18.0.0.1"), vec!["25/tcp"]].concat();
    let unnamed = [out("18.0.0.1"), vec!["26/tcp"]].concat();
    assert_snapshot!(asked("sites/own-policies.toml", &[&declared, &others, &unbound, &unnamed]));
}

#[test]
fn where_what_leaves_is_judged_the_verdict_is_the_filters_own() {
    let out = |to, port| -> Vec<&'static str> { vec!["--direction", "out", "--from", to, "--to", port] };
    let questions = [
        out("10.9.0.25", "25/tcp"),
        out("10.9.0.99", "25/tcp"),
        out("10.9.0.25", "587/tcp"),
        out("10.20.0.3", "2181/tcp"),
        out("2001:db8:20::3", "icmp"),
        out("198.51.100.7", "icmp"),
        out("198.51.100.7", "8443/tcp"),
        out("10.99.0.7", "8443/tcp"),
        out("10.9.0.53", "5353/udp"),
        out("198.51.100.7", "ip/47"),
    ];
    let questions: Vec<&[&str]> = questions.iter().map(Vec::as_slice).collect();
    assert_snapshot!(asked("sites/outbound.toml", &questions));
    assert_snapshot!(
        "batch-outbound",
        asked("sites/outbound.toml", &[&["--batch", "questions/outbound.csv"]])
    );
}

#[test]
fn an_answer_as_json() {
    assert_snapshot!(asked(
        "sites/twins.toml",
        &[
            &["--from", "192.0.2.1", "--to", "9081/tcp", "--format", "json"],
            &["--from", "10.3.7.1", "--to", "8443/tcp", "--format", "json"],
        ]
    ));
}

#[test]
fn a_question_that_cannot_be_asked_is_refused() {
    let question = ["--from", "192.0.2.1", "--to", "22/tcp"];
    assert_snapshot!(asked(
        "sites/own-policies.toml",
        &[
            &question,
            &[&question[..], &["--zone", "bakc"]].concat(),
            &["--from", "192.0.2.0/24", "--to", "22/tcp"],
            &["--from", "192.0.2.1", "--to", "22"],
            &["--from", "192.0.2.1", "--to", "ip/6"],
            &["--from", "192.0.2.1", "--to", "icmpv6/128", "--zone", "back"],
            &["--from", "192.0.2.1"],
            &[&question[..], &["--batch", "questions/plain.csv"]].concat(),
        ]
    ));
}

#[test]
fn an_authentication_header_is_admitted_by_its_own_rule() {
    let site = "sites/protocols.toml";
    for from in ["10.30.0.7", "2001:db8:30::7"] {
        let shown = answer(&["explain", "--site", site, "--from", from, "--to", "ip/51"]);
        assert!(shown.contains("PASS") && shown.contains("rule: site/ipsec"), "{shown}");
    }
    for from in ["10.31.0.7", "2001:db8:31::7"] {
        let shown = answer(&["explain", "--site", site, "--from", from, "--to", "ip/51"]);
        assert!(shown.contains("DROP") && shown.contains("nearest: site/ipsec"), "{shown}");
    }
}

#[test]
fn an_authentication_header_leaves_by_a_rule_or_as_an_answer() {
    const SITE: &str = r#"mode = "enforce"
posture = "drop"
outbound = "enforce"
outbound_posture = "drop"
failsafe = ["others"]
[interfaces.eth0]
[groups]
peers = ["10.30.0.0/16"]
others = ["10.40.0.0/16"]
[[rules]]
name = "ipsec"
ports = ["ip/51"]
to = ["peers"]
"#;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("site.toml");
    let judged = |site: &str| {
        fs::write(&file, site).unwrap();
        ["10.30.0.7", "10.40.0.7", "10.50.0.7"].map(|peer| {
            let site = file.to_str().unwrap();
            let question = ["--direction", "out", "--from", peer, "--to", "ip/51"];
            let shown = answer(&[&["explain", "--site", site][..], &question].concat());
            let reason = shown.split_once("reason: ").and_then(|(_, rest)| rest.split_once(':'));
            (reason.unwrap().0.to_owned(), shown.contains("  rule: "))
        })
    };
    let expected = |reasons: [&str; 3]| reasons.map(|reason| (reason.to_owned(), reason == "admitted"));
    assert_eq!(judged(SITE), expected(["admitted", "admitted", "protocol"]));
    let comes_in = SITE.replace("to = ", "from = ");
    assert_eq!(judged(&comes_in), expected(["reply", "admitted", "protocol"]));
}

#[test]
fn every_number_of_a_protocol_is_answered_as_its_packets_are_judged() {
    let expected = |from: &str, number: u8| match (from.contains(':'), number) {
        (_, 47 | 51) => "admitted",
        (false, 2) => "igmp",
        // Extension headers that nothing is read behind (RFC 6275, 7401, 5533, 3692).
        (true, 135 | 139 | 140 | 253 | 254) => "exthdr_unknown",
        _ => "protocol",
    };
    let numbers = (0..=255).filter(|number| format!("ip/{number}").parse::<Destination>().is_ok());
    let asked: Vec<_> =
        numbers.flat_map(|number| ["10.30.0.7", "2001:db8:30::7"].map(|from| (from, number))).collect();
    let mut questions = "from,to\n".to_owned();
    for (from, number) in &asked {
        writeln!(questions, "{from},ip/{number}").unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("all.csv");
    fs::write(&file, questions).unwrap();
    let batch = file.to_str().unwrap();
    let shown = answer(&["explain", "--site", "sites/protocols.toml", "--batch", batch]);
    let answers: Vec<_> = shown.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(answers.len(), asked.len(), "{shown}");
    for (answer, (from, number)) in answers.iter().zip(asked) {
        let reason = format!("\"reason\":\"{}\"", expected(from, number));
        assert!(answer.contains(&reason), "{from} {number}: {answer}");
    }
}

#[test]
fn nothing_is_proposed_that_a_site_file_refuses() {
    let site = "sites/protocols.toml";
    let shown = |to| answer(&["explain", "--site", site, "--from", "10.31.0.7", "--to", to]);
    assert!(shown("1/tcp").contains("to open it"));
    assert!(!shown("0/tcp").contains("to open it"));
}

#[test]
fn a_batch_answers_one_line_a_row() {
    assert_snapshot!(asked("sites/own-policies.toml", &[&["--batch", "questions/zones.csv"]]));
    assert_snapshot!("batch-plain", asked("sites/twins.toml", &[&["--batch", "questions/plain.csv"]]));
    let defaults = ["--batch", "questions/plain.csv", "--zone", "back", "--direction", "out"];
    assert_snapshot!("batch-defaults", asked("sites/own-policies.toml", &[&defaults]));
}

#[test]
fn a_batch_with_a_fault_answers_nothing_and_tells_every_fault() {
    assert_snapshot!(asked(
        "sites/own-policies.toml",
        &[
            &["--batch", "questions/wrong.csv"],
            &["--batch", "questions/header.csv"],
            &["--batch", "questions/empty.csv"],
            &["--batch", "questions/plain.csv"],
            &["--batch", "questions/gone.csv"],
        ]
    ));
}

#[test]
fn a_hundred_thousand_questions_come_by_standard_input_and_take_seconds() {
    // The promise of two seconds is for the release build.
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 2 });
    let mut questions = "from,to\n".to_owned();
    for number in 0..100_000_u32 {
        writeln!(questions, "10.{}.{}.1,{}/tcp", number % 5, number % 251, number % 65_535 + 1)
            .expect("a string takes all");
    }
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_portguard"))
        .args(["explain", "--site", "sites/both.toml", "--batch", "-"])
        .current_dir(directory())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(questions.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 100_000);
    assert!(start.elapsed() < limit, "{:?}", start.elapsed());
}

#[test]
fn the_interface_says_the_zone_by_its_name_or_by_the_narrowest_pattern() {
    let asked = |interface: &str| {
        let site = ["explain", "--site", "sites/patterns.toml", "--from", "10.1.0.7", "--to", "443/tcp"];
        answer(&[&site[..], &["--interface", interface]].concat())
    };
    for (interface, zone) in [("eth0", "front"), ("eth1", "front"), ("eth10", "back"), ("bond0", "back")] {
        assert!(asked(interface).contains(&format!("443/tcp, zone {zone}: ")), "{}", asked(interface));
    }
    assert_snapshot!("interface-not-guarded", asked("lo"));
}
