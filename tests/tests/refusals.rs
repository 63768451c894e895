//! What `portguard run` refuses: one clear sentence, exit code 2, and nothing is changed.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    process::{Command, Output},
    time::Duration,
};

use portguard_tests::{
    demo::SITE,
    floor::Floor,
    lab::{Guard, Host, INTERFACE, Lab, Reach, binary, copied_binary, wait_until},
};
use tempfile::TempDir;

/// How long the daemon may take to follow what happened.
const SOON: Duration = Duration::from_secs(15);

/// `portguard run` with `site` on `host`, to its end.
fn run(host: &Host, site: &str) -> Output {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("site.toml");
    fs::write(&path, site).expect("a file can be written");
    let program = binary().expect("the binary is built").display().to_string();
    let (site, runtime) = (path.display().to_string(), directory.path().join("run").display().to_string());
    // In the lab, which takes it away.
    let [bpffs, state] = ["refused", "state"].map(|name| host.directory().join(name).display().to_string());
    let places = ["--runtime-dir", &runtime, "--bpffs", &bpffs, "--state-dir", &state];
    host.output(20, &program, &[&["run", "--site", &site], &places[..]].concat())
        .expect("ip netns exec starts")
}

fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    said
}

/// What `ip link` says about the node's interfaces.
fn link(host: &Host) -> String {
    succeeds(host, "ip", &["-details", "link", "show"])
}

fn succeeds(host: &Host, program: &str, arguments: &[&str]) -> String {
    let output = host.output(5, program, arguments).expect("it is installed");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn another_program_is_named_and_stays() {
    let lab = Lab::new().unwrap();
    let first = Guard::start(&lab.node, SITE).unwrap();
    let before = link(&lab.node);
    let said = refused(&run(&lab.node, SITE));
    assert!(said.contains("another XDP program is on interface `eth0`: `portguard`, id "), "{said}");
    assert!(said.contains("bpftool net show dev eth0"), "{said}");
    assert_eq!(link(&lab.node), before, "the program that was there is still the one");
    first.stop().unwrap();
}

#[test]
fn somebody_elses_program_is_named_and_stays() {
    for kind in ["xdpdrv", "xdpgeneric"] {
        let lab = Lab::new().unwrap();
        let theirs = Floor::load().unwrap();
        let id = theirs.id().unwrap().to_string();
        succeeds(&lab.node, "bpftool", &["net", "attach", kind, "id", &id, "dev", INTERFACE]);
        let before = link(&lab.node);
        assert!(before.contains(&format!("prog/xdp id {id} ")), "{before}");
        let said = refused(&run(&lab.node, SITE));
        assert!(said.contains(&format!("another XDP program is on interface `eth0`: id {id}")), "{said}");
        assert_eq!(link(&lab.node), before, "the program that was there is still the one");
        assert_eq!(lab.stranger.connect(lab.node.v4(), 8088).unwrap(), Reach::Refused, "nothing is dropped");
        succeeds(&lab.node, "ip", &["link", "set", "dev", INTERFACE, kind, "off"]);
        Guard::start(&lab.node, SITE).unwrap().stop().unwrap();
    }
}

#[test]
fn one_interface_in_the_way_leaves_the_others_as_they_were() {
    let site = SITE.replace("[interfaces.eth0]", "[interfaces.eth0]\n[interfaces.eth1]\n[interfaces.eth2]");
    let lab = Lab::new().unwrap();
    for name in ["eth1", "eth2"] {
        succeeds(
            &lab.node,
            "ip",
            &["link", "add", name, "type", "veth", "peer", "name", &format!("{name}-far")],
        );
    }
    let theirs = Floor::load().unwrap();
    let id = theirs.id().unwrap().to_string();
    for occupied in ["eth0", "eth1", "eth2"] {
        succeeds(&lab.node, "bpftool", &["net", "attach", "xdp", "id", &id, "dev", occupied]);
        let before = link(&lab.node);
        let said = refused(&run(&lab.node, &site));
        assert!(said.contains(&format!("on interface `{occupied}`")), "{said}");
        assert_eq!(link(&lab.node), before, "{occupied} was in the way");
        succeeds(&lab.node, "ip", &["link", "set", "dev", occupied, "xdp", "off"]);
    }
}

/// Where frames begin with the IP header, its sender would choose by the address what the verdict takes for a frame.
#[test]
fn a_line_without_ethernet_is_refused_by_its_name_and_left_out_of_a_pattern() {
    let lab = Lab::new().unwrap();
    lab.node.ip("tuntap add dev tun0 mode tun").unwrap();
    lab.node.ip("link set tun0 up").unwrap();
    let before = link(&lab.node);
    for name in ["tun0", "lo"] {
        for attach in ["auto", "native", "generic", "tcx"] {
            let line = format!("[interfaces.{name}]\nattach = \"{attach}\"");
            let said = refused(&run(&lab.node, &SITE.replace("[interfaces.eth0]", &line)));
            assert!(said.contains(&format!("interface `{name}` is no Ethernet")), "{attach}: {said}");
        }
    }
    assert_eq!(link(&lab.node), before);
    let every = SITE.replace("[interfaces.eth0]", "[interfaces.\"*\"]");
    let guard = Guard::start(&lab.node, &every).unwrap();
    let status = guard.status().unwrap();
    let guarded: Vec<&str> =
        status["interfaces"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(guarded, [INTERFACE]);
    let troubles = || guard.status().unwrap()["troubles"].to_string();
    assert!(troubles().contains("tun0 is NOT guarded: interface `tun0` is no Ethernet"), "{}", troubles());
    lab.node.ip("link delete tun0").unwrap();
    assert!(wait_until(SOON, || troubles() == "[]"), "it is gone: {}", troubles());
    guard.stop().unwrap();
}

#[test]
fn without_privileges_it_says_what_it_needs() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("site.toml");
    // Everybody has a loopback interface, so nothing but the missing privilege is in the way.
    fs::write(&path, SITE.replace("interfaces.eth0", "interfaces.lo")).unwrap();
    let program = copied_binary(directory.path()).unwrap();
    open_to_all(&directory);
    let mut command = Command::new(&program);
    command.args(["run", "--site"]).arg(&path).arg("--runtime-dir").arg(directory.path().join("run"));
    // "nobody" by custom.
    let output = command.uid(65_534).gid(65_534).output().unwrap();
    let said = refused(&output);
    assert!(said.contains("needs root") && said.contains("CAP_BPF"), "{said}");
}

fn open_to_all(directory: &TempDir) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
}

#[test]
fn a_site_with_faults_is_told_all_of_them_and_nothing_is_loaded() {
    let lab = Lab::new().unwrap();
    let site = SITE
        .replace("10.88.0.3", "10.88.0.300")
        .replace("mode = ", "mood = ")
        .replace("internal = ", "inturnal = ");
    let said = refused(&run(&lab.node, &site));
    for part in ["10.88.0.300", "mood", "inturnal"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    assert!(!link(&lab.node).contains("xdp"), "nothing is attached");
}

#[test]
fn a_second_daemon_does_not_take_the_first_ones_socket() {
    let lab = Lab::new().unwrap();
    let first = Guard::start(&lab.node, SITE).unwrap();
    let program = binary().unwrap().display().to_string();
    let site = first.directory().join("site.toml").display().to_string();
    let runtime = first.directory().display().to_string();
    // Another host, so that the interface is free.
    let bpffs = lab.directory().join("second").display().to_string();
    let arguments = ["run", "--site", &site, "--runtime-dir", &runtime, "--bpffs", &bpffs];
    let said = refused(&lab.peer.output(20, &program, &arguments).unwrap());
    assert!(said.contains("another portguard is running"), "{said}");
    assert!(first.counters().is_ok(), "the first one still answers");
    first.stop().unwrap();
}

#[test]
fn an_object_that_is_none_is_refused() {
    let lab = Lab::new().unwrap();
    let directory = TempDir::new().unwrap();
    let (site, object) = (directory.path().join("site.toml"), directory.path().join("object"));
    fs::write(&site, SITE).unwrap();
    fs::write(&object, b"not an object").unwrap();
    let paths = [&site, &object, &directory.path().join("run")].map(|path| path.display().to_string());
    let program = binary().unwrap().display().to_string();
    let bpffs = lab.directory().join("none").display().to_string();
    let arguments = [
        "run",
        "--site",
        &paths[0],
        "--ebpf-object",
        &paths[1],
        "--runtime-dir",
        &paths[2],
        "--bpffs",
        &bpffs,
    ];
    let said = refused(&lab.node.output(20, &program, &arguments).unwrap());
    assert!(said.contains("not a 64-bit ELF file"), "{said}");
    assert!(!link(&lab.node).contains("xdp"), "nothing is attached");
}
