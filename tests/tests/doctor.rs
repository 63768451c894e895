//! `portguard doctor` on the real kernel: what it tries works here, leaves nothing behind, and what is in the way is named.

use std::{fs, process::Output};

use portguard_tests::{
    demo::SITE,
    floor::Floor,
    lab::{Guard, Host, INTERFACE, Lab, binary},
};
use serde_json::Value;

/// What `doctor` says on `host` of a site, run by these words and the binary.
fn examine(host: &Host, site: &str, prefix: &[&str]) -> (Option<i32>, Value) {
    let path = host.directory().join("doctor.toml");
    fs::write(&path, site).expect("the directory is there");
    let (program, path) =
        (binary().expect("the binary is built").display().to_string(), path.display().to_string());
    let words = [prefix, &[&program, "doctor", "--site", &path, "--format", "json"]].concat();
    let Output { status, stdout, stderr } = host.output(60, words[0], &words[1..]).expect("it starts");
    let told = String::from_utf8_lossy(&stderr);
    (status.code(), serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{error}: {told}")))
}

/// The check about `subject`.
fn check<'a>(said: &'a Value, subject: &str) -> &'a Value {
    let checks = said["checks"].as_array().expect("a list");
    checks
        .iter()
        .find(|check| check["subject"] == subject)
        .unwrap_or_else(|| panic!("{subject} is in {said}"))
}

/// The links of BPF in the kernel.
fn links(host: &Host) -> String {
    let output = host.output(10, "bpftool", &["-j", "link", "show"]).expect("bpftool starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_kernel_that_runs_the_lab_has_what_is_needed_and_trying_leaves_nothing() {
    let lab = Lab::new().unwrap();
    let (code, said) = examine(&lab.node, SITE, &[]);
    assert_eq!((code, &said["can_guard"]), (Some(0), &true.into()), "{said}");
    for subject in
        ["XDP programs", "socket look-up", "per-CPU arrays", "PortGuard's program", "links for XDP"]
    {
        assert_eq!(check(&said, subject)["state"], "fine", "{said}");
    }
    let found = check(&said, "interface eth0")["found"].as_str().unwrap();
    assert!(found.starts_with("free, driver "), "{said}");
    // Other tests have links of their own; a link of `doctor`'s is to the loopback interface.
    assert!(!links(&lab.node).contains("\"devname\":\"lo\""), "it leaves no link");
}

#[test]
fn clsact_is_tried_where_what_leaves_would_be_judged_there() {
    let lab = Lab::new().unwrap();
    let outbound = |attach: &str| {
        format!("outbound = \"observe\"\noutbound_posture = \"pass\"\noutbound_attach = \"{attach}\"\n{SITE}")
    };
    let (code, said) = examine(&lab.node, &outbound("clsact"), &[]);
    assert_eq!((code, &check(&said, "clsact")["state"]), (Some(0), &"fine".into()), "{said}");
    let (_, said) = examine(&lab.node, &outbound("auto"), &[]);
    assert_eq!(check(&said, "tcx")["state"], "fine", "{said}");
    let checks = said["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["subject"] != "clsact"), "the kernel has tcx: {said}");
}

#[test]
fn an_interface_that_is_taken_or_not_there_is_named() {
    let lab = Lab::new().unwrap();
    let theirs = Floor::load().unwrap();
    let id = theirs.id().unwrap().to_string();
    let attach = ["net", "attach", "xdp", "id", &id, "dev", INTERFACE];
    assert!(lab.node.output(10, "bpftool", &attach).unwrap().status.success());
    let (code, said) = examine(&lab.node, SITE, &[]);
    assert_eq!(code, Some(1), "{said}");
    let found = check(&said, "interface eth0");
    assert_eq!(found["state"], "missing", "{said}");
    assert!(found["found"].as_str().unwrap().contains(&format!("id {id}")), "{said}");
    let gone = SITE.replace("[interfaces.eth0]", "[interfaces.bond7]\n[interfaces.lo]");
    let (code, said) = examine(&lab.node, &gone, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(check(&said, "interface bond7")["state"], "missing");
    let loopback = check(&said, "interface lo");
    assert_eq!(loopback["state"], "missing", "{said}");
    assert!(loopback["found"].as_str().unwrap().starts_with("it is no Ethernet"), "{said}");
}

#[test]
fn what_is_built_on_a_guarded_interface_and_what_has_no_frames_is_named() {
    let lab = Lab::new().unwrap();
    for line in ["link add br0 type bridge", "link set eth0 master br0", "tuntap add dev tun0 mode tun"] {
        lab.node.ip(line).unwrap();
    }
    let every = SITE.replace("[interfaces.eth0]", "[interfaces.\"*\"]");
    // With the namespace's own `/sys`.
    let (code, said) = examine(&lab.node, &every, &["ip", "netns", "exec", lab.node.namespace()]);
    assert_eq!(code, Some(0), "{said}");
    let found = |subject: &str| {
        let check = check(&said, subject);
        assert_eq!(check["state"], "notice", "{said}");
        check["found"].as_str().unwrap().to_owned()
    };
    assert_eq!(found("interface eth0, replies"), "built on it: br0");
    assert!(found("interface tun0").starts_with("it is no Ethernet"));
}

/// As a client of DHCP sets it.
#[test]
fn an_address_that_is_leased_is_asked_about_until_the_site_says_so() {
    let lab = Lab::new().unwrap();
    let path = lab.node.directory().join("leased.toml").display().to_string();
    let program = binary().unwrap().display().to_string();
    let asked = |site: &str, more: &[&str]| {
        fs::write(&path, site).unwrap();
        let arguments = [&["check", "--site", &path][..], more].concat();
        let output = lab.node.output(20, &program, &arguments).unwrap();
        String::from_utf8_lossy(&output.stderr).contains("PG0319")
    };
    assert!(!asked(SITE, &[]), "its address is for ever");
    lab.node.ip("address add 10.77.0.9/24 dev eth0 valid_lft 600 preferred_lft 600").unwrap();
    assert!(asked(SITE, &[]));
    assert!(!asked(SITE, &["--local-ports", "32768-60999"]), "the node is another machine");
    assert!(!asked(&SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\ndhcp = true"), &[]));
}

#[test]
fn an_interface_that_portguard_guards_already_is_fine() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (_, said) = examine(&lab.node, SITE, &[]);
    let found = check(&said, "interface eth0");
    assert_eq!(found["state"], "fine", "{said}");
    assert!(found["found"].as_str().unwrap().starts_with("guarded by portguard already"), "{said}");
    guard.stop().unwrap();
}

#[test]
fn the_program_loads_with_the_capabilities_of_the_unit_and_not_with_fewer() {
    let lab = Lab::new().unwrap();
    let program = |capabilities: &str| {
        let bounding = format!("--bounding-set=-all,{capabilities}");
        let (code, said) = examine(&lab.node, SITE, &["setpriv", &bounding]);
        (code, check(&said, "PortGuard's program")["state"].as_str().unwrap().to_owned(), said)
    };
    let (_, state, said) = program("+bpf,+net_admin,+perfmon");
    assert_eq!(state, "fine", "{said}");
    for (fewer, missing) in [("+bpf,+net_admin", "CAP_PERFMON"), ("+net_admin,+perfmon", "CAP_BPF")] {
        let (code, state, said) = program(fewer);
        assert_ne!(state, "fine", "{fewer}: {said}");
        assert_eq!((code, &check(&said, missing)["state"]), (Some(1), &"missing".into()), "{fewer}: {said}");
    }
}

#[test]
fn address_translation_by_nftables_is_noticed_also_where_it_is_built_into_the_kernel() {
    let lab = Lab::new().unwrap();
    let said_of = |host| check(&examine(host, SITE, &[]).1, "forwarding and NAT").clone();
    let without = said_of(&lab.node);
    assert!(without["found"].as_str().unwrap().ends_with("no address is translated"), "{without}");
    let rules = "table ip t {\nchain c {\ntype nat hook postrouting priority 100\nmasquerade\n}\n}\n";
    let file = lab.node.directory().join("nat.nft");
    fs::write(&file, rules).unwrap();
    let loaded = lab.node.output(10, "nft", &["--file", &file.display().to_string()]).unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let with = said_of(&lab.node);
    assert_eq!(with["state"], "notice", "{with}");
    assert!(with["found"].as_str().unwrap().ends_with("addresses are translated"), "{with}");
}
