//! Host names as a node finds them: in its `/etc/hosts` first, then of the servers of its `/etc/resolv.conf`.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use portguard_tests::lab::{Echo, Guard, Host, Lab, Process, Reach, binary, wait_until};

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

/// The mail relay, a documented destination, and the host of the transfers, by name.
const OUTBOUND: &str = r#"
mode = "enforce"
posture = "drop"
outbound = "enforce"
outbound_posture = "drop"
[interfaces.eth0]
[groups]
nodes = ["10.88.0.1", "10.88.0.2", "fd88::1", "fd88::2"]
resolvers = ["10.88.0.2"]
moving = ["name:moving.example.org"]
[products.analytics]
policy = "thoughtspot"
[products.analytics.roles]
nodes = ["nodes"]
admins = []
users = []
support = []
mail-relay = ["moving"]
directory = []
[[rules]]
name = "names"
ports = ["53/udp", "53/tcp"]
to = ["resolvers"]
[[rules]]
name = "transfers"
ports = ["8443/tcp"]
to = ["moving"]
"#;

const PATIENCE: Duration = Duration::from_secs(5);
/// A name is asked for again after five seconds at the soonest.
const SOON: Duration = Duration::from_secs(30);
/// `A` and `AAAA`.
const KINDS: [u8; 2] = [1, 28];

/// A name server that says the same of every name, for a second each time.
struct NameServer {
    /// There is no such name where it is none.
    says: Arc<Mutex<Option<Vec<IpAddr>>>>,
    asked: Receiver<()>,
}

impl NameServer {
    fn start(host: &Host, addresses: &[IpAddr]) -> Self {
        let socket =
            host.within(|| UdpSocket::bind((host.v4(), 53)).expect("the port is free")).expect("it is there");
        let (sender, asked) = mpsc::channel();
        let says = Arc::new(Mutex::new(Some(addresses.to_vec())));
        let heard = Arc::clone(&says);
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut question) {
                let reply = reply(&question[..length], heard.lock().expect("nobody panics").as_deref());
                // The test has heard enough.
                if sender.send(()).is_err() || socket.send_to(&reply, client).is_err() {
                    return;
                }
            }
        });
        Self { says, asked }
    }

    fn say(&self, addresses: Option<&[IpAddr]>) {
        *self.says.lock().expect("nobody panics") = addresses.map(<[IpAddr]>::to_vec);
    }
}

fn reply(question: &[u8], says: Option<&[IpAddr]>) -> Vec<u8> {
    // The question ends with its name, of parts with their lengths, type and class; what is behind it is left out.
    let name = question[12..].iter().position(|&byte| byte == 0).expect("a name ends");
    let end = 12 + name + 5;
    let wanted = question[end - 3];
    let no_such_name = if says.is_none() { 3 } else { 0 };
    let addresses = says.unwrap_or_default().iter().map(|address| match address {
        IpAddr::V4(address) => (KINDS[0], address.octets().to_vec()),
        IpAddr::V6(address) => (KINDS[1], address.octets().to_vec()),
    });
    let answers: Vec<_> = addresses.filter(|&(kind, _)| kind == wanted).collect();
    let mut reply = question[..end].to_vec();
    let count = u8::try_from(answers.len()).expect("they are few");
    reply[2..12].copy_from_slice(&[0x81, 0x80 | no_such_name, 0, 1, 0, count, 0, 0, 0, 0]);
    for (kind, octets) in answers {
        // The question's name, its type, IN, a second.
        reply.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 1, 0, u8::try_from(octets.len()).expect("4 or 16")]);
        reply.extend(octets);
    }
    reply
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
    let server = NameServer::start(&lab.peer, &[Ipv4Addr::new(10, 5, 0, 2).into()]);
    let resolv_conf = format!("nameserver {}\n", lab.peer.v4());
    let answered = matrix(&lab.node, "10.5.0.1 listed.example.org\n", &resolv_conf);
    let shown = String::from_utf8_lossy(&answered.stdout);
    assert!(shown.contains(",10.5.0.1,") && shown.contains(",10.5.0.2,"), "{answered:?}");
    assert_eq!(String::from_utf8_lossy(&answered.stderr), "");
    assert_eq!(server.asked.try_iter().count(), 2, "both families of one name");
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

/// A process on the node for which the peer is the name server.
fn asks_the_peer(lab: &Lab) -> Process {
    let resolv_conf = lab.directory().join("resolv.conf");
    fs::write(&resolv_conf, format!("nameserver {}\n", lab.peer.v4())).expect("the lab has a directory");
    let script = "mount --bind \"$0\" /etc/resolv.conf && echo ready && exec sleep 600";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(resolv_conf);
    let mut holder = lab.node.spawn(&mut command).expect("unshare is there");
    holder.wait_ready(PATIENCE, |holder| Ok(holder.stdout().contains("ready"))).expect("it may mount");
    holder
}

/// What the node gets of `host` at the ports that its documents and its site let it reach by name, over both families.
fn reached(lab: &Lab, host: &Host) -> Vec<Reach> {
    let connect = |to, port| lab.node.connect(to, port).expect("the node can send");
    [host.v4(), host.v6()].into_iter().flat_map(|to| [25, 8443].map(|port| connect(to, port))).collect()
}

#[test]
fn a_destination_by_name_is_where_the_name_stands_and_its_last_answer_holds() {
    const OPEN: [Reach; 4] = [Reach::Open; 4];
    const REFUSED: [Reach; 4] = [Reach::Refused; 4];
    let lab = Lab::new().unwrap();
    let (here, there) = (&lab.client, &lab.stranger);
    let addresses = |host: &Host| [host.v4(), host.v6()];
    let echo = |host: &Host| [25, 8443].map(|port| host.echo(port).unwrap());
    let _servers: [[Echo; 2]; 2] = [echo(here), echo(there)];
    let server = NameServer::start(&lab.peer, &addresses(here));
    let holder = asks_the_peer(&lab);
    let guard = Guard::start_beside(&holder, &lab.node, OUTBOUND).unwrap();
    // What has no answer yet admits nobody, and keeps nothing from being guarded.
    assert!(wait_until(SOON, || reached(&lab, here) == OPEN), "{}", guard.log());
    assert_eq!(reached(&lab, there), REFUSED);

    server.say(Some(&addresses(there)));
    assert!(wait_until(SOON, || reached(&lab, there) == OPEN), "{}", guard.log());
    assert_eq!(reached(&lab, here), REFUSED, "where the name stood before");

    server.say(None);
    let told = || guard.log().contains("does not resolve: there is no such name");
    assert!(wait_until(SOON, told), "{}", guard.log());
    assert_eq!((reached(&lab, here), reached(&lab, there)), (REFUSED.to_vec(), OPEN.to_vec()));
    guard.stop().unwrap();
}
