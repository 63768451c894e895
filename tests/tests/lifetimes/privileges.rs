//! What the daemon may do: after its start what reloading needs and nothing else, in all of its threads.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Reach},
};

use super::{CLIENTS, UNNAMED, generation, guarded, is_guarded, listen, said, soon, succeeds};

/// `CAP_NET_ADMIN`, `CAP_PERFMON` and `CAP_BPF` by their numbers (`include/uapi/linux/capability.h`).
const KEPT: u64 = 1 << 12 | 1 << 38 | 1 << 39;

/// A group that the site file is not in.
const OTHER_GROUP: u32 = 65_534;

/// The site, followed by the daemon itself: by a thread of its own.
fn watched() -> String {
    format!("watch = true\n{SITE}")
}

/// The sets of capabilities of each thread: inheritable, permitted, effective, bounding, ambient.
fn capabilities(guard: &Guard) -> BTreeSet<[u64; 5]> {
    let threads = fs::read_dir(format!("/proc/{}/task", guard.pid())).expect("the daemon runs");
    let sets = threads.map(|thread| {
        let status =
            fs::read_to_string(thread.expect("a thread").path().join("status")).expect("the thread runs");
        ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|set| {
            let line = status.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(":\t"));
            u64::from_str_radix(line.expect("the kernel tells it"), 16).expect("a mask")
        })
    });
    sets.collect()
}

fn assert_few(guard: &Guard) {
    assert_eq!(capabilities(guard), BTreeSet::from([[0, KEPT, KEPT, KEPT, 0]]));
}

#[test]
fn after_its_start_the_daemon_has_three_capabilities_in_every_thread_and_can_do_all_it_must() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS, UNNAMED]);
    let guard = Guard::start_in_group(OTHER_GROUP, &lab.node, &watched()).unwrap();
    let threads = || fs::read_dir(format!("/proc/{}/task", guard.pid())).unwrap().count();
    assert!(threads() > 1, "the files are followed by another thread");
    assert_few(&guard);
    assert!(is_guarded(&lab));

    let open =
        format!("{}\n[[rules]]\nname = \"own\"\nports = [\"{UNNAMED}/tcp\"]\nfrom = [\"any\"]\n", watched());
    let reach = || lab.stranger.connect(lab.node.v4(), UNNAMED).unwrap();
    let output = guard.reload(&open).unwrap();
    assert!(output.status.success(), "reload: {}", said(&output));
    assert_eq!(reach(), Reach::Open);
    let other = guard.directory().join("other.toml");
    fs::write(&other, watched()).unwrap();
    fs::set_permissions(guard.site(), Permissions::from_mode(0o640)).unwrap();
    let output = guard.ask(&["apply", &other.display().to_string()]).unwrap();
    assert!(output.status.success(), "apply: {}", said(&output));
    assert_eq!(reach(), Reach::Silent);
    assert_eq!(fs::read_to_string(guard.site()).unwrap(), watched(), "the site file is written");
    // Without a privilege it cannot be in the group that it was in.
    let written = fs::metadata(guard.site()).unwrap();
    assert_eq!((written.gid(), written.mode() & 0o777), (OTHER_GROUP, 0o600), "nobody else reads it now");
    assert!(guard.log().contains("cannot stay in group 0, and gets mode 600"), "{}", guard.log());

    // What it follows by itself: its files, and an interface that comes.
    let before = generation(&guard);
    let two = open.replace("[interfaces.eth0]", "[interfaces.\"eth*\"]");
    fs::write(guard.site(), &two).unwrap();
    soon(&guard, "the file is followed", || generation(&guard) > before);
    succeeds(&lab.node, "ip", &["link", "add", "eth7", "type", "veth", "peer", "name", "far7"]);
    soon(&guard, "the interface is guarded", || guarded(&guard).contains(&"eth7".to_owned()));

    let output = guard.ask(&["detach"]).unwrap();
    assert!(output.status.success(), "detach: {}", said(&output));
    let output = guard.reload(&watched()).unwrap();
    assert!(output.status.success(), "reload after detach: {}", said(&output));
    assert!(is_guarded(&lab));
    assert_few(&guard);
    let guard = guard.restart().unwrap();
    assert!(is_guarded(&lab));
    assert_few(&guard);
    guard.stop().unwrap();
}
