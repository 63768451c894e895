//! `doctor` where nobody has a privilege: it says what it can, and says what it could not see.

mod support;

use serde_json::Value;
use support::portguard;

#[test]
fn it_answers_whatever_it_may_do_and_its_exit_code_is_the_answer() {
    let shown = portguard(&["doctor", "--site", "sites/both.toml", "--format", "json"]);
    let (code, rest) = shown.split_once("\n--- stdout\n").unwrap();
    let (json, told) = rest.split_once("--- stderr\n").unwrap();
    assert_eq!(told, "");
    let said: Value = serde_json::from_str(json).unwrap();
    let checks = said["checks"].as_array().unwrap();
    let missing = checks.iter().any(|check| check["state"] == "missing");
    assert_eq!(said["can_guard"], !missing);
    assert_eq!(code, if missing { "exit code 1" } else { "exit code 0" });
    for subject in ["kernel", "CAP_BPF", "links for XDP", "bpffs", "memory limit", "interface eth0"] {
        assert_eq!(checks.iter().filter(|check| check["subject"] == subject).count(), 1, "{subject}: {said}");
    }
    for check in checks.iter().filter(|check| check["state"] != "fine") {
        assert!(!check["remedy"].as_str().unwrap().is_empty(), "what is not fine has a remedy: {check}");
    }
}

#[test]
fn a_site_with_faults_is_wrong_input() {
    assert!(portguard(&["doctor", "--site", "gone.toml"]).starts_with("exit code 2\n"));
}
