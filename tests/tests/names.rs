//! Host names as a node finds them: in its `/etc/hosts` first, then of the servers of its `/etc/resolv.conf`.

use std::{
    fs,
    net::UdpSocket,
    process::Output,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use portguard_tests::lab::{Host, Lab, binary};

const SITE: &str = r#"
mode = "enforce"
posture = "drop"
[interfaces.eth0]
[groups]
listed = ["name:listed.example.org"]
served = ["name:served.example.org"]
[[rules]]
name = "x"
ports = ["1/tcp"]
from = ["listed", "served"]
"#;

/// A name server that gives every name the address 10.5.0.2 and no other; it says when it is asked.
fn serve(host: &Host) -> Receiver<()> {
    let socket =
        host.within(|| UdpSocket::bind((host.v4(), 53)).expect("the port is free")).expect("it is there");
    let (sender, asked) = mpsc::channel();
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut question) {
            // The question ends with its name, of parts with their lengths, type and class; what is behind it is left out.
            let name = question[12..length].iter().position(|&byte| byte == 0).expect("a name ends");
            let end = 12 + name + 5;
            let is_v4 = question[end - 4..end] == [0, 1, 0, 1];
            let mut reply = question[..end].to_vec();
            reply[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
            if is_v4 {
                // The question's name, A, IN, a minute, four bytes.
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 5, 0, 2]);
            }
            // The test has heard enough.
            if sender.send(()).is_err() || socket.send_to(&reply, client).is_err() {
                return;
            }
        }
    });
    asked
}

/// Runs `portguard matrix` on the node with these files of its own.
fn matrix(node: &Host, hosts: &str, resolv_conf: &str) -> Output {
    let file = |name: &str, text: &str| {
        let path = node.directory().join(name);
        fs::write(&path, text).expect("the directory is there");
        path.display().to_string()
    };
    let (hosts, resolv_conf) = (file("hosts", hosts), file("resolv.conf", resolv_conf));
    let site = file("site.toml", SITE);
    let portguard = binary().expect("`cargo xtask test` builds it");
    let script = format!(
        "mount --bind {hosts} /etc/hosts && mount --bind {resolv_conf} /etc/resolv.conf && \
         exec {} matrix --site {site} --format csv",
        portguard.display()
    );
    node.output(20, "unshare", &["--mount", "sh", "-c", &script]).expect("unshare is part of every system")
}

#[test]
fn names_come_from_the_hosts_file_and_then_from_the_servers() {
    let lab = Lab::new().unwrap();
    let asked = serve(&lab.peer);
    let resolv_conf = format!("nameserver {}\n", lab.peer.v4());
    let answered = matrix(&lab.node, "10.5.0.1 listed.example.org\n", &resolv_conf);
    let shown = String::from_utf8_lossy(&answered.stdout);
    assert!(shown.contains(",10.5.0.1,") && shown.contains(",10.5.0.2,"), "{answered:?}");
    assert_eq!(String::from_utf8_lossy(&answered.stderr), "");
    assert_eq!(asked.try_iter().count(), 2, "both families of one name");
}

#[test]
fn a_server_that_is_silent_keeps_nobody_waiting() {
    let lab = Lab::new().unwrap();
    let _silent = lab.peer.within(|| UdpSocket::bind((lab.peer.v4(), 53)).unwrap()).unwrap();
    let resolv_conf = format!("nameserver {}\n", lab.peer.v4());
    let started = Instant::now();
    let answered = matrix(&lab.node, "10.5.0.1 listed.example.org\n", &resolv_conf);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let told = String::from_utf8_lossy(&answered.stderr);
    assert!(answered.status.success() && told.contains("PG0314"), "{answered:?}");
    assert!(told.contains("served.example.org") && !told.contains("`listed.example.org`"), "{told}");
    let nobody = matrix(&lab.node, "", "");
    let told = String::from_utf8_lossy(&nobody.stderr);
    assert!(nobody.status.success() && told.contains("/etc/resolv.conf names no server"), "{nobody:?}");
}
