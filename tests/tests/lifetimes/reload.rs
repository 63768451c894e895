//! The site file and what is in force.

use std::{fs, thread, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Reach, binary, copied_binary},
};

use super::{CLIENTS, generation, is_guarded, listen, said, soon, troubles};

/// The site in which nobody is a client.
fn without_clients() -> String {
    let site = SITE.replace("clients = [\"10.88.0.3\", \"fd88::3\"]", "clients = []");
    assert_ne!(site, SITE);
    site
}

fn hang_up(guard: &Guard) {
    kill(Pid::from_raw(guard.pid().try_into().expect("a pid")), Signal::SIGHUP).expect("the daemon runs");
}

#[test]
fn a_reload_puts_the_file_in_force_and_says_which_generation_that_is() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let first = generation(&guard);
    let output = guard.reload(&without_clients()).unwrap();
    assert_eq!(said(&output), format!("generation {} is in force\n", first + 1));
    assert_eq!(lab.client.connect(lab.node.v4(), CLIENTS).unwrap(), Reach::Silent);
    let output = guard.reload(&format!("# a comment\n{}", without_clients())).unwrap();
    assert_eq!(said(&output), format!("nothing has changed: generation {} goes on\n", first + 1));
    fs::write(guard.site(), SITE).unwrap();
    hang_up(&guard);
    soon(&guard, "SIGHUP does the same", || generation(&guard) == first + 2);
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

#[test]
fn a_broken_file_changes_nothing_and_is_loud_until_it_is_mended() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let first = generation(&guard);
    let broken = SITE.replace("10.88.0.3", "10.88.0.300");
    let output = guard.reload(&broken).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("10.88.0.300") && said(&output).contains("site.toml:"),
        "{}",
        said(&output)
    );
    assert!(is_guarded(&lab));
    let status = guard.ask(&["status"]).unwrap();
    assert_eq!(status.status.code(), Some(1));
    assert!(said(&status).contains("TROUBLE") && said(&status).contains("10.88.0.300"), "{}", said(&status));
    // A start does not make it worse.
    let guard = guard.restart().unwrap();
    assert!(is_guarded(&lab));
    assert_eq!(generation(&guard), first);
    assert!(troubles(&guard)[0].contains("what was in force is so still"), "{:?}", troubles(&guard));
    assert!(guard.reload(SITE).unwrap().status.success());
    assert_eq!(troubles(&guard), Vec::<String>::new());
    guard.stop().unwrap();
}

#[test]
fn a_generation_that_cannot_take_every_interface_takes_none() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    super::succeeds(&lab.node, "ip", &["link", "add", "eth1", "type", "veth", "peer", "name", "far"]);
    let theirs = portguard_tests::floor::Floor::load().unwrap();
    let id = theirs.id().unwrap().to_string();
    super::succeeds(&lab.node, "bpftool", &["net", "attach", "xdp", "id", &id, "dev", "eth1"]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (first, before) = (generation(&guard), super::link(&lab.node));
    let both = without_clients().replace("[interfaces.eth0]", "[interfaces.eth0]\n[interfaces.eth1]");
    let output = guard.reload(&both).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("another XDP program is on interface `eth1`"), "{}", said(&output));
    assert_eq!((generation(&guard), super::link(&lab.node)), (first, before));
    assert!(is_guarded(&lab));
    let kept = fs::read_dir(guard.pins().join("generations")).unwrap().count();
    assert_eq!(kept, 1, "nothing is left of the one that failed");
    guard.stop().unwrap();
}

#[test]
fn the_node_s_own_addresses_are_followed() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let first = generation(&guard);
    // The client's address, of all: who has it for a source from now on is lying.
    super::succeeds(&lab.node, "ip", &["address", "add", "10.88.0.77/32", "dev", "eth0"]);
    soon(&guard, "a generation that knows the address", || generation(&guard) > first);
    let second = generation(&guard);
    super::succeeds(&lab.node, "ip", &["address", "del", "10.88.0.77/32", "dev", "eth0"]);
    soon(&guard, "a generation that does not", || generation(&guard) > second);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(generation(&guard), second + 1, "and then there is peace: {}", guard.log());
    guard.stop().unwrap();
}

#[test]
fn only_root_may_change_anything() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let socket = guard.directory().join("control.sock");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "the world is not asked in");
    // As if everybody were in the group.
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    for path in [lab.directory(), guard.directory()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = copied_binary(lab.directory()).unwrap();
    let ask = |verb: &str| {
        let mut command = std::process::Command::new(&program);
        command.arg(verb).arg("--runtime-dir").arg(guard.directory()).uid(65_534).gid(65_534);
        command.output().unwrap()
    };
    assert!(ask("status").status.success() && ask("counters").status.success());
    for verb in ["reload", "detach"] {
        let output = ask(verb);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(&format!("only root may ask for `{verb}`")), "{}", said(&output));
    }
    assert!(guard.log().contains("somebody who is not root"), "{}", guard.log());
    guard.stop().unwrap();
}

#[test]
fn the_program_that_is_built_to_say_something_says_what_becomes_of_packets() {
    let lab = Lab::new().unwrap();
    let binary = binary().unwrap();
    let target = binary.ancestors().nth(2).unwrap();
    let object = target.join("ebpf/portguard-log.o");
    let guard = Guard::start_with(&lab.node, SITE, &object).unwrap();
    super::send(&lab.stranger, lab.node.v4(), 1);
    soon(&guard, "the packet is told", || guard.log().contains("portguard::program: 43 bytes: no_socket"));
    guard.stop().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    super::send(&lab.stranger, lab.node.v4(), 1);
    soon(&guard, "the packet is counted", || super::counted(&guard) > 0);
    assert!(!guard.log().contains("portguard::program"), "the one that is shipped says nothing");
    guard.stop().unwrap();
}
