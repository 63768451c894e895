//! A site whose files are followed.

use std::{fs, thread, time::Duration};

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab},
};

use super::{CLIENTS, generation, is_guarded, listen, soon, troubles};

/// The site with its clients in a file, followed.
fn site() -> String {
    let site = SITE.replace("clients = [\"10.88.0.3\", \"fd88::3\"]", "clients = [\"@clients.txt\"]");
    assert_ne!(site, SITE);
    format!("watch = true\n{site}")
}

#[test]
fn files_are_followed_however_they_are_replaced() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let directory = lab.directory().join("etc");
    fs::create_dir(&directory).unwrap();
    let clients = directory.join("clients.txt");
    fs::write(&clients, "10.88.0.9\n").unwrap();
    let site = site().replace("@clients.txt", &format!("@{}", clients.display()));
    let guard = Guard::start(&lab.node, &site).unwrap();
    assert!(!is_guarded(&lab), "the client is none yet");
    // In place, as a shell does.
    fs::write(&clients, "10.88.0.3\nfd88::3\n").unwrap();
    soon(&guard, "the file is followed", || is_guarded(&lab));
    // By another file in its place, as editors and configuration tools do; broken first.
    let first = generation(&guard);
    let replace = |text: &str| {
        fs::write(directory.join("new"), text).unwrap();
        fs::rename(directory.join("new"), &clients).unwrap();
    };
    replace("10.88.0.3\n10.88.0.300\n");
    soon(&guard, "a broken file is told", || !troubles(&guard).is_empty());
    assert!(troubles(&guard)[0].contains("10.88.0.300"), "{:?}", troubles(&guard));
    assert!(is_guarded(&lab) && generation(&guard) == first);
    replace("10.88.0.3\n10.88.0.5\nfd88::3\n");
    soon(&guard, "a mended file is followed", || troubles(&guard).is_empty());
    assert_eq!(generation(&guard), first + 1);
    // Mended by taking the change back.
    replace("10.88.0.300\n");
    soon(&guard, "it is told again", || !troubles(&guard).is_empty());
    replace("10.88.0.3\n10.88.0.5\nfd88::3\n");
    soon(&guard, "what is in force again is no trouble", || troubles(&guard).is_empty());
    assert_eq!(generation(&guard), first + 1);
    // Another file in the same directory is nobody's business.
    fs::write(directory.join("other"), "x").unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(generation(&guard), first + 1, "{}", guard.log());
    guard.stop().unwrap();
}

#[test]
fn files_are_not_followed_where_nobody_asked_for_it() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let first = generation(&guard);
    fs::write(guard.site(), SITE.replace("10.88.0.3", "10.88.0.5")).unwrap();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(generation(&guard), first);
    guard.stop().unwrap();
}
