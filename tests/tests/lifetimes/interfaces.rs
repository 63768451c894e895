//! Interfaces come, go, and change while the daemon runs.

use std::fs;

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Reach},
};

use super::{CLIENTS, guarded, is_guarded, link, listen, said, soon, succeeds, troubles};

/// Takes the node's interface away and makes it anew, up and with its addresses, as a driver does that is reloaded.
fn make_anew(lab: &Lab) {
    succeeds(&lab.node, "ip", &["link", "delete", "eth0"]);
    lab.reconnect(&lab.node).expect("the switch is there");
}

/// Whether its log has a warning that says `what`.
fn warns(guard: &Guard, what: &str) -> bool {
    guard.log().lines().any(|line| line.contains(" WARN ") && line.contains(what))
}

#[test]
fn an_interface_that_comes_later_is_guarded_when_it_comes() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    succeeds(&lab.node, "ip", &["link", "delete", "eth0"]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    assert!(guard.ready().contains("guarding no interface; waiting for eth0"), "{}", guard.ready());
    assert_eq!(guard.ask(&["status"]).unwrap().status.code(), Some(1));
    lab.reconnect(&lab.node).unwrap();
    soon(&guard, "it is guarded", || guarded(&guard) == ["eth0"]);
    assert!(is_guarded(&lab));
    for round in 0..10 {
        make_anew(&lab);
        soon(&guard, &format!("round {round}: it is guarded again"), || link(&lab.node).contains("prog/xdp"));
        assert!(is_guarded(&lab));
    }
    assert_eq!(fs::read_dir(guard.pins().join("links")).unwrap().count(), 1, "old links are not kept");
    guard.stop().unwrap();
}

#[test]
fn an_interface_that_went_while_nobody_looked_is_understood() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let directory = guard.directory().to_owned();
    guard.end(nix::sys::signal::Signal::SIGTERM).unwrap();
    make_anew(&lab);
    assert_eq!(lab.stranger.connect(lab.node.v4(), CLIENTS).unwrap(), Reach::Open, "nobody guards it");
    let guard = Guard::again(&lab.node, &directory).unwrap();
    assert!(is_guarded(&lab), "{}", guard.log());
    guard.stop().unwrap();
}

#[test]
fn what_is_done_to_an_interface_does_not_open_it() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    // Down and up loses the IPv6 address, and no more.
    succeeds(&lab.node, "ip", &["link", "set", "eth0", "down"]);
    succeeds(&lab.node, "ip", &["link", "set", "eth0", "up"]);
    assert!(is_guarded(&lab), "down and up");
    succeeds(&lab.node, "ip", &["link", "set", "eth0", "name", "lan0"]);
    assert!(is_guarded(&lab), "another name");
    soon(&guard, "the name is followed", || guarded(&guard) == ["lan0"]);
    assert!(guard.log().contains("eth0 is called lan0 now"), "{}", guard.log());
    let first = super::generation(&guard);
    succeeds(&lab.node, "ip", &["address", "add", "10.88.0.77/32", "dev", "lan0"]);
    soon(&guard, "the address is followed", || super::generation(&guard) > first);
    assert!(is_guarded(&lab), "a generation that nobody asked for");
    succeeds(&lab.node, "ip", &["link", "set", "lan0", "name", "eth0"]);
    for mtu in ["9000", "1500"] {
        succeeds(&lab.node, "ip", &["link", "set", "eth0", "mtu", mtu]);
        assert!(is_guarded(&lab), "MTU {mtu}");
    }
    let refused = lab.node.output(5, "ip", &["link", "set", "eth0", "xdp", "off"]).unwrap();
    assert!(!refused.status.success(), "the kernel protects links");
    assert!(is_guarded(&lab), "xdp off");
    guard.stop().unwrap();
}

#[test]
fn what_is_taken_off_by_force_is_put_on_again() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let pin = fs::read_dir(guard.pins().join("links")).unwrap().next().unwrap().unwrap().path();
    succeeds(&lab.node, "bpftool", &["link", "detach", "pinned", &pin.display().to_string()]);
    soon(&guard, "the link is made anew", || link(&lab.node).contains("prog/xdp"));
    assert!(is_guarded(&lab));
    assert!(guard.log().contains("by force"), "{}", guard.log());
    fs::remove_file(&pin).unwrap();
    assert!(is_guarded(&lab), "the daemon holds the link, too");
    soon(&guard, "the pin is there again", || pin.exists());
    let guard = guard.restart().unwrap();
    assert!(is_guarded(&lab), "by the new pin");
    guard.stop().unwrap();
}

#[test]
fn another_program_on_an_interface_that_comes_is_told_and_left() {
    let lab = Lab::new().unwrap();
    let site = SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\n[interfaces.eth1]");
    let guard = Guard::start(&lab.node, &site).unwrap();
    let theirs = portguard_tests::floor::Floor::load().unwrap();
    let id = theirs.id().unwrap().to_string();
    // Under another name first, so that the other program is there before the daemon sees the interface.
    succeeds(&lab.node, "ip", &["link", "add", "new1", "type", "veth", "peer", "name", "far1"]);
    succeeds(&lab.node, "bpftool", &["net", "attach", "xdp", "id", &id, "dev", "new1"]);
    succeeds(&lab.node, "ip", &["link", "set", "new1", "name", "eth1"]);
    soon(&guard, "it is told", || troubles(&guard).iter().any(|says| says.contains("eth1 is NOT guarded")));
    assert!(
        troubles(&guard)[0].contains("another XDP program is on interface `eth1`"),
        "{:?}",
        troubles(&guard)
    );
    assert!(link(&lab.node).contains(&format!("prog/xdp id {id} ")), "it is left where it is");
    succeeds(&lab.node, "ip", &["link", "set", "eth1", "xdp", "off"]);
    soon(&guard, "it is guarded as soon as it is free", || guarded(&guard) == ["eth0", "eth1"]);
    assert_eq!(troubles(&guard), Vec::<String>::new());
    guard.stop().unwrap();
}

#[test]
fn an_interface_for_which_the_generation_has_no_place_gets_a_larger_one() {
    let lab = Lab::new().unwrap();
    let both = SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\n[interfaces.eth1]\nzone = \"back\"");
    let guard = Guard::start(&lab.node, &both).unwrap();
    let first = super::generation(&guard);
    let shown = succeeds(&lab.node, "ip", &["--json", "link", "show", "eth0"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    // The kernel's numbers are taken modulo the table's length, a power of two: these two collide up to 1024 places.
    let index = (shown[0]["ifindex"].as_u64().unwrap() + 1024).to_string();
    succeeds(
        &lab.node,
        "ip",
        &["link", "add", "eth1", "index", &index, "type", "veth", "peer", "name", "far1"],
    );
    soon(&guard, "both are guarded", || guarded(&guard) == ["eth0", "eth1"]);
    assert_eq!(super::generation(&guard), first + 1);
    guard.stop().unwrap();
}

#[test]
fn an_interface_that_is_taken_out_of_the_site_is_let_go() {
    let lab = Lab::new().unwrap();
    succeeds(&lab.node, "ip", &["link", "add", "eth1", "type", "veth", "peer", "name", "far1"]);
    let both = SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\n[interfaces.eth1]\nzone = \"back\"");
    let guard = Guard::start(&lab.node, &both).unwrap();
    assert_eq!(guarded(&guard), ["eth0", "eth1"]);
    // Under another name it stays, in its zone, until somebody asks for what the site says.
    let first = super::generation(&guard);
    succeeds(&lab.node, "ip", &["link", "set", "eth1", "name", "back1"]);
    succeeds(&lab.node, "ip", &["address", "add", "10.88.0.77/32", "dev", "eth0"]);
    soon(&guard, "the address is followed", || super::generation(&guard) > first);
    assert_eq!(guarded(&guard), ["eth0", "back1"]);
    let output = guard.reload(SITE).unwrap();
    assert_eq!(
        said(&output),
        format!("generation {} is in force; back1 is not guarded any more\n", first + 2)
    );
    assert!(warns(&guard, "back1 is NOT guarded any more"), "{}", guard.log());
    assert_eq!(guarded(&guard), ["eth0"]);
    assert!(!succeeds(&lab.node, "ip", &["link", "show", "back1"]).contains("xdp"));
    // As by a slip.
    let output = guard.reload(&SITE.replace("interfaces.eth0", "interfaces.eth9")).unwrap();
    let told = "eth0 is not guarded any more; eth9 is not there: it is guarded when it comes";
    assert!(output.status.success() && said(&output).contains(told), "{}", said(&output));
    assert!(warns(&guard, "eth9 is not there"), "{}", guard.log());
    guard.stop().unwrap();
}
