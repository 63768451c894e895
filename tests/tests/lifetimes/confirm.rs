//! A site that is in force for a time only.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    thread,
    time::Duration,
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Reach},
};
use serde_json::Value;

use super::{CLIENTS, generation, is_guarded, listen, said, soon, troubles};

/// The site in which the stranger is a client, too.
fn wider() -> String {
    let site =
        SITE.replace("clients = [\"10.88.0.3\", \"fd88::3\"]", "clients = [\"10.88.0.3\", \"10.88.0.4\"]");
    assert_ne!(site, SITE);
    site
}

fn is_wider(lab: &Lab) -> bool {
    lab.stranger.connect(lab.node.v4(), CLIENTS).expect("the lab stands") == Reach::Open
}

/// Whether a site waits to be confirmed. Asked of the daemon, since nobody accepts the connections of those who try.
fn waits(guard: &Guard) -> bool {
    guard.status().expect("the daemon answers")["unconfirmed"] != Value::Null
}

/// Puts the wider site in force for some seconds, from a file of its own.
fn apply(guard: &Guard, seconds: u32) -> String {
    let file = guard.directory().join("wider.toml");
    fs::write(&file, wider()).expect("a file can be written");
    let output = guard.ask(&["apply", "--confirm", &format!("{seconds}s"), &file.display().to_string()]);
    let output = output.expect("the daemon answers");
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn what_is_not_confirmed_is_taken_back() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let typo = guard.directory().join("typo.toml");
    fs::write(&typo, SITE.replace("posture", "postrue")).unwrap();
    let refused = said(&guard.ask(&["apply", &typo.display().to_string()]).unwrap());
    assert!(refused.contains("typo.toml:") && !refused.contains("site.toml"), "its own name: {refused}");
    assert!(apply(&guard, 6).contains("unless `portguard confirm` comes"));
    assert!(is_wider(&lab));
    assert!(guard.status().unwrap()["unconfirmed"].as_u64().is_some_and(|left| left <= 6));
    let output = guard.reload(SITE).unwrap();
    assert!(said(&output).contains("a site waits to be confirmed"), "{}", said(&output));
    soon(&guard, "it is taken back", || !waits(&guard));
    assert!(is_guarded(&lab));
    assert!(said(&guard.ask(&["confirm"]).unwrap()).contains("no site waits"), "it is too late");
    assert_eq!(fs::read_to_string(guard.site()).unwrap(), SITE, "the site file was not touched");
    guard.stop().unwrap();
}

#[test]
fn what_is_confirmed_stays_and_stands_in_the_site_file() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    apply(&guard, 8);
    let output = guard.ask(&["confirm"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_to_string(guard.site()).unwrap(), wider());
    thread::sleep(Duration::from_secs(9));
    assert!(is_wider(&lab));
    let guard = guard.restart().unwrap();
    assert!(is_wider(&lab));
    // And back, which a start does not undo.
    let output = guard.ask(&["rollback"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(is_guarded(&lab));
    let guard = guard.restart().unwrap();
    assert!(is_guarded(&lab));
    assert!(troubles(&guard)[0].contains("portguard reload"), "{:?}", troubles(&guard));
    assert!(guard.ask(&["reload"]).unwrap().status.success());
    assert!(is_wider(&lab));
    guard.stop().unwrap();
}

#[test]
fn a_daemon_that_is_killed_takes_back_what_nobody_confirms() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    apply(&guard, 8);
    let guard = guard.restart().unwrap();
    assert!(is_wider(&lab), "it waits still");
    soon(&guard, "it is taken back", || !waits(&guard));
    assert!(is_guarded(&lab));
    // And one that comes back when the time is over.
    apply(&guard, 4);
    let directory = guard.directory().to_owned();
    guard.end(nix::sys::signal::Signal::SIGKILL).unwrap_err();
    thread::sleep(Duration::from_secs(5));
    assert!(is_wider(&lab), "nobody is there to take it back");
    let guard = Guard::again(&lab.node, &directory).unwrap();
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

#[test]
fn the_site_file_itself_may_be_applied_and_a_boot_goes_back_to_the_one_before() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    fs::write(guard.site(), wider()).unwrap();
    let output = guard.ask(&["apply", "--confirm", "1m", &guard.site().display().to_string()]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(is_wider(&lab));
    // What a boot does: no daemon, no pins, another boot's number.
    let directory = guard.directory().to_owned();
    guard.end(nix::sys::signal::Signal::SIGKILL).unwrap_err();
    fs::remove_dir_all(directory.join("bpf/portguard")).unwrap();
    let state = directory.join("state/state.json");
    let mut kept: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    kept["pending"]["boot"] = "another".into();
    fs::write(&state, kept.to_string()).unwrap();
    let guard = Guard::again(&lab.node, &directory).unwrap();
    assert!(is_guarded(&lab), "{}", guard.log());
    assert!(troubles(&guard)[0].contains("portguard reload"), "{:?}", troubles(&guard));
    guard.stop().unwrap();
}

#[test]
fn a_boot_with_a_broken_site_file_goes_by_the_last_one_that_was_in_force() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let directory = guard.directory().to_owned();
    guard.stop().unwrap();
    fs::write(directory.join("site.toml"), "mode = \"enforce\"\nposture = ").unwrap();
    let guard = Guard::again(&lab.node, &directory).unwrap();
    assert!(is_guarded(&lab));
    assert!(troubles(&guard)[0].contains("cannot be put in force"), "{:?}", troubles(&guard));
    guard.stop().unwrap();
}

/// What lies in a directory.
fn names(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("an entry").file_name().to_string_lossy().into_owned()
    };
    fs::read_dir(directory).expect("a directory").map(name).collect()
}

#[test]
fn a_site_file_that_cannot_be_written_leaves_all_as_it_was() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (first, directory) = (generation(&guard), guard.directory().to_owned());
    let file = directory.join("wider.toml");
    fs::write(&file, wider()).unwrap();
    let file = file.display().to_string();
    let before = names(&directory);
    let close = |mode| fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
    let refused = |arguments: &[&str]| {
        let output = guard.ask(arguments).unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("site.toml, and nothing was changed"), "{}", said(&output));
    };
    // The daemon has no privilege to write where nobody may.
    close(0o500);
    refused(&["apply", &file]);
    assert_eq!(generation(&guard), first);
    let output = guard.ask(&["rollback"]).unwrap();
    assert!(said(&output).contains("no site from before"), "{}", said(&output));
    let output = guard.ask(&["apply", "--confirm", "60s", &file]).unwrap();
    assert!(output.status.success(), "it can be tried: {}", said(&output));
    assert!(said(&output).contains("`portguard confirm` will not keep it"), "{}", said(&output));
    refused(&["confirm"]);
    assert!(waits(&guard), "it may be confirmed yet");
    assert_eq!(names(&directory), before);
    close(0o700);
    assert!(guard.ask(&["confirm"]).unwrap().status.success());
    assert_eq!(fs::read_to_string(guard.site()).unwrap(), wider());
    assert_eq!(names(&directory), before);
    guard.stop().unwrap();
}

#[test]
fn a_site_file_that_cannot_be_replaced_is_told_with_what_is_in_force() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, &format!("watch = true\n{SITE}")).unwrap();
    let (first, directory) = (generation(&guard), guard.directory().to_owned());
    let file = directory.join("wider.toml");
    fs::write(&file, wider()).unwrap();
    // As a container is given a file. The lab takes the mount away where this does not.
    mount(Some(&guard.site()), &guard.site(), None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    let before = names(&directory);
    let output = guard.ask(&["apply", &file.display().to_string()]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("is in force. But what is in force could not be written"),
        "{}",
        said(&output)
    );
    assert_eq!(generation(&guard), first + 1);
    assert_eq!(names(&directory), before);
    assert!(troubles(&guard)[0].contains("portguard reload"), "{:?}", troubles(&guard));
    // Neither who follows the file nor a start goes back.
    let guard = guard.restart().unwrap();
    assert_eq!(generation(&guard), first + 1, "{}", guard.log());
    let output = guard.ask(&["rollback"]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(generation(&guard), first + 2);
    umount2(&guard.site(), MntFlags::MNT_DETACH).unwrap();
    guard.stop().unwrap();
}

#[test]
fn a_session_that_would_end_is_not_cut_unless_that_is_said() {
    let lab = Lab::new().unwrap();
    let admitting =
        format!("{SITE}\n[[rules]]\nname = \"shell\"\nports = [\"22/tcp\"]\nfrom = [\"clients\"]\n");
    let guard = Guard::start(&lab.node, &admitting).unwrap();
    fs::write(guard.site(), SITE).unwrap();
    let reload = |extra: &[&str]| {
        let mut command = std::process::Command::new(portguard_tests::lab::binary().unwrap());
        command.arg("reload").args(extra).arg("--runtime-dir").arg(guard.directory());
        command.env("SSH_CONNECTION", "10.88.0.3 50022 10.88.0.1 22").output().unwrap()
    };
    let output = reload(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("10.88.0.3") && said(&output).contains("--despite-ssh"),
        "{}",
        said(&output)
    );
    assert!(reload(&["--despite-ssh"]).status.success());
    guard.stop().unwrap();
}
