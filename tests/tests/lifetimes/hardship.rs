//! What is done to the daemon, and not to the filter.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Reach, binary, wait_until},
};

use super::{CLIENTS, UNNAMED, generation, is_guarded, listen, said, soon, troubles};

/// The site with a rule more, which is another generation.
fn other() -> String {
    format!("{SITE}\n[[rules]]\nname = \"own\"\nports = [\"{UNNAMED}/tcp\"]\nfrom = [\"any\"]\n")
}

/// What the daemon's process has in memory.
fn resident_kib(guard: &Guard) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", guard.pid())).expect("the daemon runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel counts it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_daemon_that_stands_still_does_not_stop_the_filter() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (first, pid) = (generation(&guard), Pid::from_raw(guard.pid().try_into().unwrap()));
    kill(pid, Signal::SIGSTOP).unwrap();
    let mut killed = changes_the_site(&guard);
    thread::scope(|scope| {
        let callers = ["status", "detach"].map(|verb| scope.spawn(|| guard.ask(&[verb]).unwrap()));
        // Each takes as long as the stranger waits in vain: ten seconds in all.
        for _ in 0..7 {
            assert!(is_guarded(&lab));
            killed.kill().unwrap();
        }
        let [status, detach] = callers.map(|caller| {
            assert!(caller.is_finished(), "it does not wait for ever");
            caller.join().unwrap()
        });
        assert_eq!((status.status.code(), detach.status.code()), (Some(2), Some(2)));
        assert!(said(&status).contains("does not answer"), "{}", said(&status));
        assert!(said(&detach).contains("was not begun, and will not be"), "{}", said(&detach));
        assert!(said(&detach).contains(&format!("kill -KILL {pid}")), "{}", said(&detach));
    });
    killed.wait().unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    soon(&guard, "it goes on", || guard.status().is_ok());
    // It finds both, and what they asked for is nobody's wish any more.
    let refused =
        |verb: &str| guard.log().contains(&format!("{verb} was asked for by somebody who has given up"));
    soon(&guard, "it says what it does not do", || refused("apply") && refused("detach"));
    assert_eq!(generation(&guard), first);
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

/// Somebody who asks for another site.
fn changes_the_site(guard: &Guard) -> Child {
    let file = guard.directory().join("other.toml");
    fs::write(&file, other()).expect("the lab has a directory");
    let mut command = Command::new(binary().expect("`cargo xtask test` builds it"));
    command.arg("apply").arg(file).arg("--runtime-dir").arg(guard.directory());
    command.stderr(Stdio::null()).spawn().expect("it is there")
}

#[test]
fn ten_thousand_callers_and_what_is_no_question_leave_daemon_and_filter_as_they_were() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let socket = guard.directory().join("control.sock");
    let (first, before) = (generation(&guard), resident_kib(&guard));
    for number in 0..10_000_u32 {
        let mut caller = UnixStream::connect(&socket).unwrap();
        // It may hang up before it has heard all.
        match number % 4 {
            0 => drop(caller.write_all(b"{\"version\":1")),
            1 => drop(caller.write_all(&[0xff; 64])),
            2 => drop(caller.write_all(b"{}\n")),
            _ => {}
        }
    }
    let mut caller = UnixStream::connect(&socket).unwrap();
    caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    caller.write_all(b"no question\n").unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("error"), "{answer}");
    soon(&guard, "it answers", || guard.status().is_ok());
    assert!(is_guarded(&lab));
    assert_eq!(generation(&guard), first);
    let after = resident_kib(&guard);
    assert!(after < before + 8192, "{before} KiB, then {after} KiB");
    guard.stop().unwrap();
}

#[test]
fn a_full_disk_is_told_and_what_cannot_be_taken_back_is_not_put_in_force() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS, UNNAMED]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    // A page, and it is taken. The lab takes the mount away.
    let state = guard.directory().join("state");
    mount(Some("full"), &state, Some("tmpfs"), MsFlags::empty(), Some("size=4k")).unwrap();
    fs::write(state.join("filler"), [0; 4096]).unwrap();
    let reach = || lab.stranger.connect(lab.node.v4(), UNNAMED).unwrap();

    let file = guard.directory().join("other.toml");
    fs::write(&file, other()).unwrap();
    let output = guard.ask(&["apply", "--confirm", "60s", &file.display().to_string()]).unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let told = said(&output);
    assert!(
        told.contains("nobody could promise to take it back") && told.contains("No space left"),
        "{told}"
    );
    assert!(is_guarded(&lab));
    assert_eq!(reach(), Reach::Silent);

    let output = guard.reload(&other()).unwrap();
    assert!(output.status.success(), "what is for good needs no disk: {}", said(&output));
    assert_eq!(reach(), Reach::Open);
    let told = troubles(&guard);
    assert!(told.iter().any(|says| says.contains("cannot be kept for the next boot")), "{told:?}");

    // Nor is it kept that this was taken back.
    let output = guard.ask(&["rollback"]).unwrap();
    assert!(output.status.success() && said(&output).contains("CANNOT BE KEPT"), "{}", said(&output));
    let left = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().contains("state.json")).count(), 0);

    umount2(&state, MntFlags::MNT_DETACH).unwrap();
    let unkept = || troubles(&guard).iter().any(|says| says.contains("cannot be kept for the next boot"));
    soon(&guard, "there is room again, and it is kept", || !unkept());
    let guard = guard.restart().unwrap();
    assert!(is_guarded(&lab), "a start does not put in force what was taken back");
    assert!(guard.reload(SITE).unwrap().status.success());
    assert_eq!(troubles(&guard), [""; 0], "there is room again");
    guard.stop().unwrap();
}

/// Mounts the BPF file system of a daemon once more, with other flags.
fn remounting(guard: &Guard) -> impl Fn(MsFlags) -> nix::Result<()> + use<> {
    let bpffs = guard.directory().join("bpf");
    move |flags| mount(None::<&str>, &bpffs, None::<&str>, MsFlags::MS_REMOUNT | flags, None::<&str>)
}

#[test]
fn a_bpf_file_system_that_is_read_only_is_told_and_the_filter_stays_as_it_is() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (remount, first) = (remounting(&guard), generation(&guard));
    remount(MsFlags::MS_RDONLY).unwrap();
    let output = guard.reload(&other()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("read-only"), "{}", said(&output));
    assert!(is_guarded(&lab));
    assert_eq!(generation(&guard), first);

    // Nor can a daemon start that could change nothing; what enforces needs none.
    let directory = guard.directory().to_owned();
    fs::write(guard.site(), SITE).unwrap();
    guard.end(Signal::SIGTERM).unwrap();
    let refused = Guard::again(&lab.node, &directory).unwrap_err();
    assert!(format!("{refused:#}").contains("the BPF file system is read-only"), "{refused:#}");
    assert!(is_guarded(&lab));
    remount(MsFlags::empty()).unwrap();
    let guard = Guard::again(&lab.node, &directory).unwrap();
    assert_eq!(generation(&guard), first, "it takes over what enforced all the time");
    assert!(guard.reload(&other()).unwrap().status.success());
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

#[test]
fn what_cannot_be_followed_is_told_and_followed_as_soon_as_it_can_be() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let (remount, first) = (remounting(&guard), generation(&guard));
    remount(MsFlags::MS_RDONLY).unwrap();
    lab.node.within(|| fs::write("/proc/sys/net/ipv4/ip_forward", "1")).unwrap().unwrap();
    let told =
        || troubles(&guard).iter().any(|says| says.contains("a change of forwarding cannot be followed"));
    soon(&guard, "it is told", told);
    assert!(is_guarded(&lab));
    assert_eq!(generation(&guard), first);
    remount(MsFlags::empty()).unwrap();
    soon(&guard, "it is followed", || generation(&guard) > first);
    soon(&guard, "that is over", || !troubles(&guard).iter().any(|says| says.contains("cannot be followed")));
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}

#[test]
fn whose_pins_are_gone_says_that_its_end_opens_the_node() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    umount2(&guard.directory().join("bpf"), MntFlags::MNT_DETACH).unwrap();
    let told = || troubles(&guard).iter().any(|says| says.contains("the end of this process will open"));
    soon(&guard, "it is noticed", told);
    assert!(is_guarded(&lab), "as long as the daemon lives");
    let last = guard.end(Signal::SIGTERM).unwrap();
    assert!(last.contains("NOT guarded any more: eth0") && !last.contains("guarded still"), "{last}");
    assert_eq!(lab.stranger.connect(lab.node.v4(), CLIENTS).unwrap(), Reach::Open);
}

/// A memory controller's group with the daemon in it; dropping this takes it away.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn of(lab: &Lab, pid: u32) -> Self {
        let first = Path::new("/sys/fs/cgroup/memory");
        let root = if first.is_dir() { first } else { Path::new("/sys/fs/cgroup") };
        let group = Self(root.join(lab.id().to_string()));
        fs::create_dir(&group.0).expect("the kernel has memory groups");
        fs::write(group.0.join("cgroup.procs"), pid.to_string()).expect("the daemon runs");
        group
    }

    fn limit(&self, bytes: &str) {
        let file = ["memory.max", "memory.limit_in_bytes"].map(|name| self.0.join(name));
        let file = file.iter().find(|file| file.exists()).expect("the memory controller is there");
        fs::write(file, bytes).expect("the limit can be set");
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Its process may take a moment to be gone.
        wait_until(Duration::from_secs(5), || fs::remove_dir(&self.0).is_ok());
    }
}

#[test]
fn memory_that_a_limit_refuses_costs_the_daemon_at_most_and_the_filter_stays_as_it_is() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let first = generation(&guard);
    let group = MemoryGroup::of(&lab, guard.pid());
    group.limit("20000000");
    // Counters for every port, rule and CPU: they take far more than what the daemon itself needs for it.
    let rules = (0..10).map(|number| {
        format!("[[rules]]\nname = \"r{number}\"\nports = [\"1-65535/tcp\", \"1-65535/udp\"]\nfrom = [\"cluster\"]\n")
    });
    let output = guard.reload(&format!("{SITE}{}", rules.collect::<String>())).unwrap();
    // Counters are memory that the kernel would rather kill for than refuse.
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(is_guarded(&lab));
    fs::write(guard.site(), SITE).unwrap();
    let guard = guard.restart().unwrap();
    drop(group);
    assert_eq!(generation(&guard), first, "what was half-made is gone: {}", guard.log());
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}
