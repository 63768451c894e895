//! The filter and its daemon.

use std::{fs, path::Path, process::Command};

use nix::sys::signal::Signal;
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Reach, ask, binary, copied_binary, wait_until},
};

use super::{CLIENTS, SOON, generation, guarded, is_guarded, link, listen, said, troubles};

/// All that is pinned, by path.
fn pinned(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(pinned(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

/// The kernel's number for the program of the generation that enforces.
fn program(lab: &Lab, guard: &Guard) -> String {
    let pin = guard.pins().join("generations").join(generation(guard).to_string()).join("program");
    let shown = super::succeeds(
        &lab.node,
        "bpftool",
        &["--json", "prog", "show", "pinned", &pin.display().to_string()],
    );
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("bpftool speaks JSON");
    shown["id"].to_string()
}

/// Whether the kernel has a program with this number.
fn exists(lab: &Lab, program: &str) -> bool {
    lab.node.output(5, "bpftool", &["prog", "show", "id", program]).expect("it is installed").status.success()
}

#[test]
fn the_filter_outlives_its_daemon_however_that_ends() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let mut guard = Guard::start(&lab.node, SITE).unwrap();
    let before = (generation(&guard), link(&lab.node));
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let directory = guard.directory().to_owned();
        let last = guard.end(signal).unwrap();
        assert!(last.contains("guarded still"), "{last}");
        assert!(is_guarded(&lab), "after {signal}");
        assert!(!directory.join("control.sock").exists(), "nobody is to knock at a door that is closed");
        guard = Guard::again(&lab.node, &directory).unwrap();
    }
    guard = guard.restart().unwrap();
    assert!(is_guarded(&lab), "after SIGKILL");
    assert_eq!((generation(&guard), link(&lab.node)), before, "nothing was loaded anew: {}", guard.log());
    assert_eq!(guarded(&guard), ["eth0"]);
    guard.stop().unwrap();
}

#[test]
fn detach_opens_the_node_and_leaves_nothing() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let before = link(&lab.node);
    for daemon_runs in [true, false] {
        let guard = Guard::start(&lab.node, SITE).unwrap();
        assert!(is_guarded(&lab));
        let program = program(&lab, &guard);
        assert!(exists(&lab, &program));
        let (directory, pins) = (guard.directory().to_owned(), guard.pins());
        assert!(!pinned(&pins).is_empty());
        let bpffs = directory.join("bpf").display().to_string();
        if !daemon_runs {
            guard.end(Signal::SIGTERM).unwrap();
            let status = ask(&directory, &["status", "--bpffs", &bpffs]).unwrap();
            assert_eq!(status.status.code(), Some(2));
            assert!(said(&status).contains("the filter of 1 interface is pinned"), "{}", said(&status));
        }
        let output = ask(&directory, &["detach"]).unwrap();
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("nothing is guarded"), "{}", said(&output));
        assert!(!pins.exists(), "no pin is left");
        assert_eq!(link(&lab.node), before, "the interfaces are as they were");
        assert!(wait_until(SOON, || !exists(&lab, &program)), "no program is left");
        assert_eq!(lab.stranger.connect(lab.node.v4(), CLIENTS).unwrap(), Reach::Open);
        let again = ask(&directory, &["detach"]).unwrap();
        let expected = if daemon_runs { "the filter is off" } else { "there is no filter" };
        assert!(said(&again).contains(expected), "{}", said(&again));
        assert!(daemon_runs || said(&again).contains(&bpffs), "{}", said(&again));
    }
}

#[test]
fn whoever_may_not_look_is_told_so_and_not_that_nothing_is_pinned() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (directory, bpffs) = (guard.directory().to_owned(), guard.directory().join("bpf"));
    drop(guard);
    let program = copied_binary(lab.directory()).unwrap();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    // What is closed then is the file system's parent, the file system, and the pins in it.
    for opened in [lab.directory(), &directory, &bpffs] {
        open(opened);
        let mut command = Command::new(&program);
        command.args(["detach", "--runtime-dir", "/nowhere", "--bpffs"]).arg(&bpffs);
        let output = command.uid(65_534).gid(65_534).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{opened:?}: {said}");
        assert!(said.contains("run portguard as root") && !said.contains("remove"), "{opened:?}: {said}");
    }
    assert!(ask(&directory, &["detach"]).unwrap().status.success());
}

#[test]
fn a_daemon_that_was_told_to_detach_says_so_until_it_is_told_to_guard_again() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let (site, before) = (format!("watch = true\n{SITE}"), link(&lab.node));
    let guard = Guard::start(&lab.node, &site).unwrap();
    let other = guard.directory().join("other.toml");
    fs::write(&other, site.replace("10.88.0.3", "10.88.0.5")).unwrap();
    let tried = guard.ask(&["apply", "--confirm", "1s", &other.display().to_string()]).unwrap();
    assert!(tried.status.success(), "{}", said(&tried));
    assert!(guard.ask(&["detach"]).unwrap().status.success());
    // What the daemon does by itself does not end it: what waits is over, and files change.
    fs::write(guard.site(), site.replace("10.88.0.3", "10.88.0.6")).unwrap();
    for part in ["have changed while the filter is off", "not confirmed in time"] {
        super::soon(&guard, part, || guard.log().contains(part));
    }
    assert_eq!(link(&lab.node), before, "{}", guard.log());
    fs::write(guard.site(), &site).unwrap();
    let status = guard.ask(&["status"]).unwrap();
    assert_eq!(status.status.code(), Some(1), "a node that is open is not sound");
    assert!(said(&status).contains("OFF"), "{}", said(&status));
    assert!(guard.ask(&["reload"]).unwrap().status.success());
    assert!(is_guarded(&lab));
    assert_eq!(guard.ask(&["status"]).unwrap().status.code(), Some(0));
    guard.stop().unwrap();
}

#[test]
fn half_a_generation_is_removed_and_the_whole_one_goes_on() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let number = generation(&guard);
    // As a daemon leaves it that is killed while it pins the next generation.
    let half = guard.pins().join("generations").join((number + 1).to_string());
    fs::create_dir(&half).unwrap();
    let guard = guard.restart().unwrap();
    assert!(!half.exists(), "it is gone");
    assert!(guard.log().contains("not made to its end"), "{}", guard.log());
    assert_eq!(generation(&guard), number);
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

#[test]
fn a_generation_that_cannot_be_read_enforces_until_another_takes_its_place() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (number, pins) = (generation(&guard), guard.pins());
    let about = pins.join("generations").join(number.to_string()).join("about");
    let map = pins.join("generations").join(number.to_string()).join("counters");
    // Another kind of map in the place of the record: what a version of tomorrow might write.
    fs::remove_file(&about).unwrap();
    let paths = [&map, &about].map(|path| path.display().to_string());
    super::succeeds(&lab.node, "bpftool", &["map", "pin", "pinned", &paths[0], &paths[1]]);
    let guard = guard.restart().unwrap();
    assert!(guard.log().contains("cannot be read"), "{}", guard.log());
    assert_eq!(generation(&guard), number + 1, "a new one has taken over");
    assert!(!about.exists(), "the old one is gone");
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

#[test]
fn pins_in_a_mount_namespace_of_their_own_are_not_said_to_stay() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", "echo ready && exec sleep 600"]);
    let mut other = lab.node.spawn(&mut command).unwrap();
    other.wait_ready(SOON, |other| Ok(other.stdout().contains("ready"))).unwrap();
    let guard = Guard::start_beside(&other, &lab.node, SITE).unwrap();
    let told = troubles(&guard);
    assert!(told.iter().any(|says| says.contains("is mounted where process 1 does not see it")), "{told:?}");
    let last = guard.end(Signal::SIGTERM).unwrap();
    assert!(last.contains("guarded only as long as a process is left that sees"), "{last}");
    assert!(!last.contains("guarded still"), "{last}");
    assert!(is_guarded(&lab), "there is another process");
    drop(other);
    let open = || lab.stranger.connect(lab.node.v4(), CLIENTS).unwrap() == Reach::Open;
    assert!(wait_until(SOON, open), "that was the last one");
}

#[test]
fn pins_that_are_not_root_s_alone_are_not_touched() {
    use std::os::unix::fs::PermissionsExt as _;
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let pins = guard.pins();
    let directory = guard.directory().to_owned();
    guard.end(Signal::SIGTERM).unwrap();
    fs::set_permissions(&pins, fs::Permissions::from_mode(0o777)).unwrap();
    let error = Guard::again(&lab.node, &directory).unwrap_err().to_string();
    assert!(error.contains("does not belong to this user alone"), "{error}");
    fs::set_permissions(&pins, fs::Permissions::from_mode(0o700)).unwrap();
    Guard::again(&lab.node, &directory).unwrap().stop().unwrap();
}

#[test]
fn two_daemons_do_not_guard_one_node() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let program = binary().unwrap().display().to_string();
    let paths = [guard.site(), lab.directory().join("elsewhere"), guard.directory().join("bpf")];
    let [site, runtime, bpffs] = paths.map(|path| path.display().to_string());
    let arguments = ["run", "--site", &site, "--runtime-dir", &runtime, "--bpffs", &bpffs];
    let output = lab.node.output(20, &program, &arguments).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("another portguard holds"), "{}", said(&output));
    guard.stop().unwrap();
}
