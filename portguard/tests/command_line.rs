//! The command line: what it prints where, and how it exits.

mod support;

use std::process::Command;

use insta::assert_snapshot;
use support::{directory, portguard, portguard_in};

#[test]
fn check_says_what_a_sound_site_holds() {
    assert_snapshot!(portguard(&["check", "--site", "sites/both.toml", "--local-ports", "32768-60999"]));
}

#[test]
fn check_says_that_outbound_rules_are_not_enforced() {
    assert_snapshot!(portguard(&["check", "sites/own-policies.toml", "--local-ports", "32768-60999"]));
}

#[test]
fn check_judges_several_sites_and_refuses_if_one_is_wrong() {
    assert_snapshot!(portguard(&[
        "check",
        "sites/services.toml",
        "invalid/no-interface.toml",
        "gone.toml",
        "--local-ports",
        "40000-50000"
    ]));
}

#[test]
fn the_matrix_of_both_policies() {
    assert_snapshot!(portguard(&["matrix", "--site", "sites/both.toml"]));
}

#[test]
fn the_matrix_with_services_switched_on_and_ports_moved() {
    assert_snapshot!(portguard(&["matrix", "--site", "sites/services.toml"]));
}

#[test]
fn the_matrix_as_markdown_with_zones_and_outbound_rules() {
    assert_snapshot!(portguard(&["matrix", "--site", "sites/own-policies.toml", "--format", "markdown"]));
}

#[test]
fn the_matrix_as_json() {
    assert_snapshot!(portguard(&["matrix", "--site", "sites/own-policies.toml", "--format", "json"]));
}

#[test]
fn the_matrix_of_a_wrong_site_is_refused() {
    assert_snapshot!(portguard(&["matrix", "--site", "invalid/no-interface.toml"]));
}

#[test]
fn an_unreadable_file_is_a_plain_sentence() {
    assert_snapshot!("unreadable-gone", portguard(&["check", "gone.toml"]));
    assert_snapshot!("unreadable-directory", portguard(&["matrix", "--site", "sites"]));
}

#[test]
fn wrong_usage_is_exit_code_two() {
    assert_snapshot!("usage-none", portguard(&["check"]));
    assert_snapshot!("usage-unknown", portguard(&["matrixx"]));
}

#[test]
fn what_the_record_never_holds_is_refused_and_is_no_empty_answer() {
    for (option, value, told) in [
        ("--port", "foo", "8086/tcp"),
        ("--port", "99999/tcp", "8086/tcp"),
        ("--reason", "undocumentd", "did you mean `undocumented`?"),
        ("--source", "10.1.0", "an address or a prefix"),
    ] {
        let refused = portguard(&["drops", option, value]);
        assert!(refused.starts_with("exit code 2\n") && refused.contains(told), "{refused}");
    }
}

#[test]
fn help_documents_the_exit_codes() {
    assert_snapshot!("help", portguard(&["--help"]));
    assert_snapshot!("help-check", portguard(&["check", "--help"]));
    for verb in
        ["matrix", "explain", "diff", "replay", "export", "doctor", "report", "suggest", "completions", "man"]
    {
        assert_snapshot!(format!("help-{verb}"), portguard(&[verb, "--help"]));
    }
    assert_snapshot!("help-audit-verify", portguard(&["audit", "verify", "--help"]));
    let init = portguard(&["init", "--help"]);
    assert!(init.contains("portguard init --product redis-enterprise --interface eth0"), "{init}");
}

#[test]
fn a_log_filter_that_is_none_is_refused_before_anything_is_guarded() {
    let shown = portguard_in(&[("PORTGUARD_LOG", "portguard=loud")], &["run", "--site", "sites/both.toml"]);
    assert!(shown.starts_with("exit code 2\n"), "{shown}");
    assert!(shown.contains("PORTGUARD_LOG=portguard=loud is no filter"), "{shown}");
}

#[test]
fn the_version_is_the_crates() {
    let expected =
        concat!("exit code 0\n--- stdout\nportguard ", env!("CARGO_PKG_VERSION"), "\n--- stderr\n");
    assert_eq!(portguard(&["--version"]), expected);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    // One that writes JSON itself, one that has it written, and one that writes text.
    for arguments in [
        ["matrix", "--site", "sites/both.toml", "--format", "json"].as_slice(),
        &["explain", "--site", "sites/both.toml", "--from", "10.9.0.1", "--to", "22/tcp", "--format", "json"],
        &["check", "--format", "json", "sites/both.toml"],
        &["policy", "show", "redis-enterprise"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_portguard"))
            .args(arguments)
            .current_dir(directory())
            .stdout(writer)
            .output()
            .unwrap();
        assert!(!String::from_utf8_lossy(&output.stderr).contains("pipe"), "{arguments:?}: {output:?}");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}
