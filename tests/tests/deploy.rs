//! What is handed out beside the binary: the unit, the scripts of the package, the example for Kubernetes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use nix::mount::{MsFlags, mount};
use portguard_tests::{
    demo::SITE,
    lab::{Lab, Reach, binary, script},
};
use tempfile::TempDir;

/// Tenths of systemd's measure, from 0 (nothing is exposed) to 100. What is left is what it is for: root, the host's
/// network, BPF, sockets.
const EXPOSURE: &str = "22";

fn deploy(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// The unit with the binary under test in the place of the installed one.
fn unit(directory: &TempDir) -> PathBuf {
    let installed = "/usr/bin/portguard";
    let text = read("systemd/portguard.service");
    assert!(text.contains(installed), "the unit starts what the package installs");
    let path = directory.path().join("portguard.service");
    let program = binary().expect("the binary is built").display().to_string();
    fs::write(&path, text.replace(installed, &program)).expect("it can be written");
    path
}

/// The values of a key of the unit.
fn setting(key: &str) -> BTreeSet<String> {
    let unit = read("systemd/portguard.service");
    let lines = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

fn analyze(arguments: &[&str]) -> String {
    let output =
        Command::new("systemd-analyze").args(arguments).output().expect("`cargo xtask setup` installs it");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "systemd-analyze {arguments:?}: {said}");
    said
}

#[test]
fn systemd_understands_the_unit() {
    let directory = TempDir::new().unwrap();
    let unit = unit(&directory);
    assert_eq!(analyze(&["verify", "--man=no", &unit.display().to_string()]), "");
}

#[test]
fn the_unit_exposes_no_more_than_a_firewall_must() {
    let directory = TempDir::new().unwrap();
    let unit = unit(&directory).display().to_string();
    analyze(&["security", "--no-pager", "--offline=true", &format!("--threshold={EXPOSURE}"), &unit]);
}

#[test]
fn the_unit_leaves_bpffs_alone_and_does_not_open_the_node_at_a_stop() {
    let unit = read("systemd/portguard.service");
    let settings: Vec<&str> = unit.lines().filter(|line| !line.starts_with('#')).collect();
    for key in ["ProtectKernelTunables", "PrivateBPF", "ExecStop", "ExecStopPost"] {
        assert!(!settings.iter().any(|line| line.starts_with(&format!("{key}="))), "{key}");
    }
}

#[test]
fn the_daemon_guards_with_the_capabilities_of_the_unit_and_no_others() {
    let lab = Lab::new().unwrap();
    let capabilities = setting("CapabilityBoundingSet");
    let bounding: Vec<String> =
        capabilities.iter().map(|name| format!("+{}", name.replace("CAP_", "").to_lowercase())).collect();
    let site = lab.node.directory().join("site.toml");
    fs::write(&site, SITE).unwrap();
    let mut run = Command::new("setpriv");
    run.args(["--no-new-privs", &format!("--bounding-set=-all,{}", bounding.join(","))]);
    run.arg(binary().unwrap()).arg("run").arg("--site").arg(&site);
    run.arg("--runtime-dir").arg(lab.node.directory().join("run"));
    run.arg("--state-dir").arg(lab.node.directory().join("state"));
    // The unit has it mounted by systemd: the daemon may not.
    let bpffs = lab.node.directory().join("bpf");
    fs::create_dir(&bpffs).unwrap();
    mount(Some("bpf"), &bpffs, Some("bpf"), MsFlags::empty(), Some("mode=0700")).unwrap();
    run.arg("--bpffs").arg(&bpffs);
    let mut daemon = lab.node.spawn(&mut run).unwrap();
    daemon.wait_ready(Duration::from_secs(20), |daemon| Ok(daemon.stdout().starts_with("ready"))).unwrap();
    assert_eq!(lab.stranger.connect(lab.node.v4(), 8088).unwrap(), Reach::Silent);
}

#[test]
fn a_pod_has_the_capabilities_of_the_unit_and_no_others() {
    let pod = read("kubernetes/daemonset.yaml");
    let line = pod.lines().find_map(|line| line.trim().strip_prefix("add: ")).expect("it adds capabilities");
    let added: BTreeSet<String> = serde_json::from_str::<Vec<String>>(line)
        .expect("a list")
        .into_iter()
        .map(|name| format!("CAP_{name}"))
        .collect();
    assert_eq!(added, setting("CapabilityBoundingSet"));
    assert!(pod.contains("privileged: false") && pod.contains("drop: [\"ALL\"]"));
}

#[test]
fn the_packages_scripts_are_plain_shell_and_do_nothing_but_what_dpkg_asks_for() {
    for script in ["postinst", "prerm", "postrm"] {
        let path = deploy(&format!("debian/{script}"));
        let parsed = Command::new("sh").arg("-n").arg(&path).status().unwrap();
        assert!(parsed.success(), "{script}");
        // Other packages' failures call them with words that mean: undo. There is nothing to undo. With nothing in
        // PATH, whatever they would start is an error.
        let root = TempDir::new().unwrap();
        for word in ["abort-upgrade", "abort-remove", "upgrade", "deconfigure"] {
            let mut command = Command::new("/bin/sh");
            command.arg(&path).arg(word).env("DPKG_ROOT", root.path()).env("PATH", root.path());
            assert!(command.status().unwrap().success(), "{script} {word}");
        }
    }
}

/// Runs `prerm remove` where the pins of a filter are, with a `portguard` that notes what it is asked and ends so.
fn removed(detach_status: u8) -> (bool, String) {
    let directory = TempDir::new().expect("a temporary directory");
    let asked = directory.path().join("asked");
    let fake = |name: &str, status: u8| {
        let text = format!("#!/bin/sh\necho {name} \"$@\" >> {}\nexit {status}\n", asked.display());
        script(&directory.path().join(name), &text).expect("it can be written");
    };
    fake("portguard", detach_status);
    fake("systemctl", 0);
    // In mounts of its own: the machine's bpffs is not touched.
    let pins = "mount -t tmpfs none /sys/fs/bpf && mkdir /sys/fs/bpf/portguard && PATH=$FAKES exec /bin/sh $PRERM remove";
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-c", pins]).env("FAKES", directory.path());
    let succeeded =
        command.env("PRERM", deploy("debian/prerm")).status().expect("unshare is there").success();
    (succeeded, fs::read_to_string(asked).unwrap_or_default())
}

#[test]
fn removing_the_package_takes_the_filter_off_and_where_that_fails_the_package_stays() {
    let (succeeded, asked) = removed(0);
    assert!(succeeded && asked.ends_with("portguard detach\n"), "{asked}");
    let (succeeded, asked) = removed(2);
    assert!(!succeeded && asked.ends_with("portguard detach\n"), "{asked}");
}
