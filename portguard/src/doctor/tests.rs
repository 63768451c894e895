//! Machines that lack something, as trees of files, and what is said of them.

use std::fs;

use caps::{Capability, CapsHashSet};
use insta::assert_snapshot;
use tempfile::TempDir;

use super::{
    Capabilities, Check, Examination, Guarded, Machine, State, bpffs, capabilities, features, kernel, memory,
    network,
    translation::Translation::{Found, NotFound, Untold},
};
use crate::{
    compile::{Image, Node, compile},
    datapath::probe::Probe,
    lint::LocalPorts,
    matrix::{
        Direction, Dormant, Fragments, Group, GroupId, Matrix, Mode, Origin, Peer, PeerKind, PortRange,
        PortSet, Posture, Rule, Service, Transport, Zone, ZoneId,
    },
};

/// A machine of these files.
fn machine(files: &[(&str, &str)]) -> (TempDir, Machine) {
    let directory = TempDir::new().expect("a temporary directory");
    for (path, text) in files {
        let path = directory.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("a directory can be made");
        fs::write(path, text).expect("a file can be written");
    }
    let machine = Machine::below(directory.path());
    (directory, machine)
}

fn root() -> Capabilities {
    use Capability::{CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN};
    Capabilities::new(CapsHashSet::from([CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN]), true)
}

/// As the unit starts the daemon.
fn service() -> Capabilities {
    Capabilities::new(
        CapsHashSet::from([Capability::CAP_BPF, Capability::CAP_NET_ADMIN, Capability::CAP_PERFMON]),
        true,
    )
}

fn ordinary() -> Capabilities {
    Capabilities::new(CapsHashSet::new(), false)
}

/// A rule for a few ports, of which two are ephemeral, and one group.
fn site() -> (Matrix, Image) {
    let ports = [PortRange::single(8001), PortRange::new(36_379, 36_380).expect("a range")];
    let rule = Rule {
        origin: Origin::Site { rule: "internode".to_owned(), line: 1 },
        description: String::new(),
        direction: Direction::In,
        service: Service::Transport {
            transport: Transport::Tcp,
            ports: PortSet::new(ports.to_vec()).expect("it is not empty"),
        },
        zones: vec![ZoneId::new(0)],
        peers: vec![Peer { role: "nodes".to_owned(), kind: PeerKind::Groups(vec![GroupId::new(0)]) }],
    };
    let matrix = Matrix {
        mode: Mode::Enforce,
        posture: Posture::Drop,
        transit: Posture::Pass,
        fragments: Fragments::Admitted,
        outbound: None,
        details: true,
        zones: vec![Zone { name: "default".to_owned() }],
        interfaces: Vec::new(),
        groups: vec![Group {
            name: "nodes".to_owned(),
            prefixes: vec!["10.0.0.0/28".parse().expect("a prefix")],
        }],
        rules: vec![rule],
        dormant: Dormant::default(),
    };
    let image = compile(&matrix, &Node::default()).expect("it fits");
    (matrix, image)
}

fn shown(checks: impl IntoIterator<Item = Check>) -> String {
    Examination::new(checks.into_iter().collect()).to_string()
}

const MOUNTED: &str = "31 24 0:28 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700\n";

#[test]
fn an_old_and_open_kernel_is_told_with_what_to_do() {
    let (_keep, machine) = machine(&[
        ("/proc/sys/kernel/osrelease", "5.4.0-42-generic\n"),
        ("/proc/sys/kernel/unprivileged_bpf_disabled", "0\n"),
        ("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
        (
            "/proc/self/limits",
            "Max locked memory         65536                65536                bytes     \n",
        ),
        ("/proc/self/cgroup", "0::/\n"),
        ("/proc/self/mountinfo", MOUNTED),
    ]);
    assert_snapshot!(shown(kernel::checks(&machine).into_iter().chain(memory::checks(&machine, None))));
}

#[test]
fn locked_memory_is_no_question_where_the_kernel_does_not_look_at_it() {
    let limits =
        ("/proc/self/limits", "Max locked memory         65536                65536                bytes\n");
    let mounts = [("/proc/self/cgroup", "0::/\n"), ("/proc/self/mountinfo", MOUNTED)];
    let subjects = |release| {
        let (_keep, machine) =
            machine(&[("/proc/sys/kernel/osrelease", release), limits, mounts[0], mounts[1]]);
        memory::checks(&machine, None).len()
    };
    assert_eq!((subjects("5.10.0-8-amd64\n"), subjects("5.11.0\n"), subjects("6.1.0\n")), (2, 1, 1));
}

#[test]
fn capabilities_that_root_has_not_are_missing_and_those_of_a_user_are_unseen() {
    let states = |capabilities: &Capabilities| -> Vec<State> {
        capabilities::checks(capabilities).into_iter().map(|check| check.state).collect()
    };
    assert_eq!(states(&service()), [State::Fine; 3]);
    assert_eq!(states(&Capabilities::new(CapsHashSet::new(), true)), [State::Missing; 3]);
    assert_eq!(states(&ordinary()), [State::Unseen; 3]);
    // Somebody has given a user's process a part of them.
    let part = Capabilities::new(CapsHashSet::from([Capability::CAP_NET_ADMIN]), false);
    assert_eq!(states(&part), [State::Missing, State::Missing, State::Fine]);
}

#[test]
fn bpffs_must_be_there_and_writable() {
    let state = |mounts: &str, capabilities: &Capabilities| {
        let (_keep, machine) = machine(&[("/proc/self/mountinfo", mounts), ("/sys/fs/bpf/pin", "")]);
        bpffs::check(&machine, capabilities).state
    };
    let sysfs = "24 1 0:22 / /sys rw - sysfs sysfs rw\n";
    let read_only = MOUNTED.replace("rw,nosuid", "ro,nosuid");
    assert_eq!(state(MOUNTED, &service()), State::Fine);
    assert_eq!(state(sysfs, &service()), State::Missing);
    assert_eq!(state(sysfs, &root()), State::Notice, "root mounts it");
    assert_eq!(state(&read_only, &root()), State::Missing);
    let covered = format!("{MOUNTED}32 31 0:29 / /sys/fs/bpf rw - tmpfs tmpfs rw\n");
    assert_eq!(state(&covered, &service()), State::Missing, "what is mounted over it counts");
    let (_keep, machine) = machine(&[("/proc/self/mountinfo", read_only.as_str())]);
    assert_snapshot!(shown([bpffs::check(&machine, &service())]));
}

/// A machine whose group may take `limit` and has taken `used`, by the second version of control groups.
fn limited(limit: &str, used: &str) -> (TempDir, Machine) {
    machine(&[
        ("/proc/self/cgroup", "0::/system.slice/portguard.service\n"),
        ("/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
        ("/sys/fs/cgroup/system.slice/memory.max", limit),
        ("/sys/fs/cgroup/system.slice/memory.current", used),
        ("/sys/fs/cgroup/system.slice/portguard.service/memory.max", "max\n"),
        ("/sys/fs/cgroup/system.slice/portguard.service/memory.current", "1000000\n"),
        ("/sys/devices/system/cpu/possible", "0-3\n"),
    ])
}

#[test]
fn a_limit_that_the_tables_do_not_fit_in_is_missing_memory() {
    let (_, image) = site();
    let (_keep, narrow) = limited("2097152\n", "1048576\n");
    assert_snapshot!(shown(memory::checks(&narrow, Some(&image))));
    let (_keep, wide) = limited("1073741824\n", "1048576\n");
    assert_eq!(memory::checks(&wide, Some(&image))[0].state, State::Fine);
    let (_keep, none) = limited("max\n", "1048576\n");
    assert!(memory::checks(&none, None)[0].found.starts_with("none"));
}

#[test]
fn more_processors_need_more_memory() {
    let (_, image) = site();
    let needs = |cpus: &str| {
        let (keep, machine) = limited("max\n", "0\n");
        fs::write(keep.path().join("sys/devices/system/cpu/possible"), cpus).expect("it can be written");
        memory::checks(&machine, Some(&image))[0].found.clone()
    };
    assert_eq!(needs("0-3\n"), needs("0,2-3\n"));
    assert_ne!(needs("0-3\n"), needs("0-127\n"));
}

#[test]
fn the_first_version_of_control_groups_is_read_too() {
    let (_keep, machine) = machine(&[
        ("/proc/self/cgroup", "4:cpu,memory:/docker/abc\n1:name=systemd:/\n"),
        (
            "/proc/self/mountinfo",
            "30 24 0:26 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
        ),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "3145728\n"),
        ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576\n"),
    ]);
    let check = &memory::checks(&machine, None)[0];
    assert_eq!(check.found, "2.0 MiB of 3.0 MiB are left to this process's group; give --site to compare");
}

#[test]
fn forwarding_and_translation_are_noticed() {
    let found = |files: &[(&str, &str)], by_nftables| {
        let (_keep, machine) = machine(files);
        let check = network::translation(&machine, by_nftables);
        (check.state, check.found)
    };
    let off = ("/proc/sys/net/ipv4/ip_forward", "0\n");
    let on = ("/proc/sys/net/ipv4/ip_forward", "1\n");
    let six = ("/proc/sys/net/ipv6/conf/all/forwarding", "1\n");
    let table = ("/proc/net/ip_tables_names", "filter\nnat\n");
    let told = |text: &str| text.to_owned();
    assert_eq!(
        found(&[off], NotFound),
        (State::Fine, told("nothing is forwarded; no address is translated"))
    );
    assert_eq!(
        found(&[off], Untold),
        (State::Unseen, told("nothing is forwarded; whether addresses are translated is not told"))
    );
    assert_eq!(found(&[off], Found), (State::Notice, told("nothing is forwarded; addresses are translated")));
    assert_eq!(
        found(&[off, table], NotFound),
        (State::Notice, told("nothing is forwarded; addresses are translated"))
    );
    assert_eq!(
        found(&[on, six], NotFound),
        (State::Notice, told("forwarded: IPv4, IPv6; no address is translated"))
    );
}

#[test]
fn documented_ports_that_are_ephemeral_are_noticed_unless_they_are_reserved() {
    let (matrix, image) = site();
    let check = |range, reserved| {
        let local_ports = LocalPorts::from_sysctls(range, reserved);
        network::ephemeral_ports(&Guarded { matrix: &matrix, image: &image, local_ports })
    };
    let usual = check("32768 60999", "");
    assert_eq!(usual.state, State::Notice);
    assert_eq!(usual.found, "32768-60999, among them documented ones: 36379-36380");
    assert_eq!(check("32768 60999", "36379-36380").state, State::Fine);
    assert_eq!(check("40000 60999", "").state, State::Fine);
}

#[test]
fn what_the_kernel_refuses_is_missing_and_what_nobody_may_try_is_unseen() {
    let state = |capabilities: &Capabilities, probe| {
        let check = Check::fine("links", "everything", "it works");
        features::told(capabilities, check, probe, "take another kernel").state
    };
    let refused = || Probe::Refused("the kernel has no links for XDP".to_owned());
    assert_eq!(state(&root(), Probe::Works), State::Fine);
    assert_eq!(state(&root(), refused()), State::Missing);
    assert_eq!(state(&ordinary(), Probe::NotPermitted), State::Unseen);
    assert_eq!(state(&service(), Probe::NotPermitted), State::Unseen, "it may not make a network to try in");
    assert_eq!(state(&root(), Probe::NotPermitted), State::Missing, "something else forbids it");
    assert_eq!(state(&root(), Probe::NotTried("no program".to_owned())), State::Unseen);
}

#[test]
fn what_is_missing_decides_and_what_is_unseen_is_counted() {
    let fine = || Check::fine("a", "b", "c");
    let unseen = || fine().but(State::Unseen, "look");
    let missing = || fine().but(State::Missing, "do");
    assert!(Examination::new(vec![fine(), unseen()]).can_guard);
    assert!(!Examination::new(vec![fine(), missing()]).can_guard);
    assert!(shown([fine()]).ends_with("This machine can be guarded.\n"));
    assert!(shown([fine(), unseen()]).ends_with("1 of 2 could not be seen.\n"));
    assert!(shown([unseen(), missing()]).ends_with("1 of 2 missing.\n"));
}
