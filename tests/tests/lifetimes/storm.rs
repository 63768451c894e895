//! Everything at once: traffic of all kinds while the daemon is told, killed and misled, and its interface comes and goes.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Host, Lab},
};
use serde_json::Value;

use super::{CLIENTS, UNNAMED, is_guarded, link, said, soon, succeeds};

const RELOADS: usize = 200;
const KILLS: usize = 50;
const BROKEN: usize = 20;
const FLAPS: usize = 20;

/// A port of the stranger's, to which the node may connect.
const ECHOES: u16 = 5000;
/// A port of the site's own, to which the client may send datagrams.
const OWN: u16 = 7000;
/// Datagrams that are sent without a rest.
const BURST: u64 = 55;
/// Between two bursts, and between two messages.
const REST: Duration = Duration::from_millis(1);
/// What the other end of a connection may take to answer: longer than an interface is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the traffic has come to.
#[derive(Default)]
struct Traffic {
    over: AtomicBool,
    /// Whether nobody sends datagrams for the moment.
    held: AtomicBool,
    /// Datagrams that were sent to ports that are closed to their sender.
    forbidden: AtomicU64,
    /// Those of them that reached a socket.
    leaked: AtomicU64,
    /// Datagrams that were sent to a port that is open to their sender.
    allowed: AtomicU64,
    /// Messages that came back over connections.
    echoed: AtomicU64,
}

impl Traffic {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// Does something while nobody sends datagrams.
    fn hold<T>(&self, what: impl FnOnce() -> T) -> T {
        self.held.store(true, Ordering::Relaxed);
        thread::sleep(20 * REST);
        let done = what();
        self.held.store(false, Ordering::Relaxed);
        done
    }

    /// Ends it when what is returned is dropped, also by a panic, or the threads would go on for ever.
    fn ends_here(&self) -> impl Drop {
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        End(&self.over)
    }

    fn forbidden(&self) -> u64 {
        self.forbidden.load(Ordering::Relaxed)
    }

    fn allowed(&self) -> u64 {
        self.allowed.load(Ordering::Relaxed)
    }
}

/// Sends datagrams until it is over, counted in `sent`.
fn flood(from: &Host, to: SocketAddr, sent: &AtomicU64, traffic: &Traffic) {
    let socket = from.within(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port"));
    let socket = socket.expect("the host is there");
    while traffic.goes_on() {
        if traffic.held.load(Ordering::Relaxed) {
            thread::sleep(REST);
            continue;
        }
        let burst = (0..BURST).filter(|_| socket.send_to(b"x", to).is_ok()).count();
        sent.fetch_add(burst as u64, Ordering::Relaxed);
        thread::sleep(REST);
    }
}

/// Counts what reaches a socket of the node that nothing may reach.
fn listen_for_leaks(node: &Host, traffic: &Traffic) {
    let socket = node.within(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, UNNAMED)).expect("a free port"));
    let socket = socket.expect("the host is there");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("an option");
    while traffic.goes_on() {
        if socket.recv(&mut [0; 64]).is_ok() {
            traffic.leaked.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends messages over one connection and has them back, until it is over.
fn talk(from: &Host, to: SocketAddr, traffic: &Traffic) -> io::Result<()> {
    let connect = || TcpStream::connect_timeout(&to, PATIENCE);
    let mut stream = from.within(connect).map_err(io::Error::other)??;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut message = [0; 1024];
    for number in 0_u64.. {
        if !traffic.goes_on() {
            break;
        }
        message[..8].copy_from_slice(&number.to_le_bytes());
        stream.write_all(&message)?;
        let mut back = [0; 1024];
        stream.read_exact(&mut back)?;
        if back != message {
            return Err(io::Error::other("another message came back"));
        }
        traffic.echoed.fetch_add(1, Ordering::Relaxed);
        thread::sleep(REST);
    }
    Ok(())
}

/// The site with rules of its own, and another set of clients each time. What leaves is judged, too.
fn site(number: usize) -> String {
    let clients = format!("\"10.88.0.3\", \"10.99.{}.{}\"", number / 250, number % 250);
    let others = "[groups]\nothers = [\"10.88.0.4\", \"fd88::4\"]";
    let site = SITE.replace("\"10.88.0.3\"", &clients).replace("[groups]", others);
    format!(
        "outbound = \"enforce\"\noutbound_posture = \"drop\"\n{site}\n\
         [[rules]]\nname = \"own\"\nports = [\"{OWN}/udp\"]\nfrom = [\"clients\"]\n\
         [[rules]]\nname = \"echoes\"\nports = [\"{ECHOES}/tcp\"]\nto = [\"others\"]\n"
    )
}

/// Packets that the interface has handed to the filter.
fn received(node: &Host) -> u64 {
    let shown = succeeds(node, "ip", &["--json", "-stats", "link", "show", "eth0"]);
    let shown: Value = serde_json::from_str(&shown).expect("ip speaks JSON");
    shown[0]["stats64"]["rx"]["packets"].as_u64().expect("a number")
}

/// Packets that came in and that the filter has counted, all reasons together.
fn counted(guard: &Guard) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let reasons = counters["reasons"].as_array().expect("a list").iter();
    let inbound = reasons.filter(|row| row["direction"] == "in");
    inbound.map(|row| row["counted"]["packets"].as_u64().expect("a number")).sum()
}

fn dropped(guard: &Guard) -> u64 {
    let status = guard.status().expect("the daemon answers");
    status["counted"]["dropped"]["packets"].as_u64().expect("a number")
}

fn passed_by_the_sites_own_rule(guard: &Guard) -> u64 {
    let counters = guard.counters().expect("the daemon answers");
    let ports = counters["ports"].as_array().expect("a list");
    let row = ports.iter().find(|row| row["port"] == format!("{OWN}/udp")).expect("it is told");
    row["rules"][0]["passed"]["packets"].as_u64().expect("a number")
}

/// How many packets the interface has handed to the filter, and how many of them it has counted, at a time when none is under
/// way.
fn at_rest(guard: &Guard, node: &Host) -> (u64, u64) {
    loop {
        let before = received(node);
        thread::sleep(Duration::from_millis(100));
        let counts = counted(guard);
        if received(node) == before {
            return (before, counts);
        }
    }
}

#[test]
fn nothing_forbidden_comes_in_and_nothing_allowed_is_cut_whatever_is_done() {
    let lab = Lab::new().unwrap();
    let _echoes = (lab.node.echo(CLIENTS).unwrap(), lab.stranger.echo(ECHOES).unwrap());
    let guard = Guard::start(&lab.node, &site(0)).unwrap();
    let (received, counted) = at_rest(&guard, &lab.node);
    let before = received - counted;
    let traffic = Traffic::default();
    let at = |address: IpAddr, port| SocketAddr::new(address, port);
    let begin = Instant::now();
    let guard = thread::scope(|scope| {
        let mut guard = guard;
        let end = traffic.ends_here();
        scope.spawn(|| listen_for_leaks(&lab.node, &traffic));
        let talks = [
            scope.spawn(|| talk(&lab.client, at(lab.node.v4(), CLIENTS), &traffic)),
            scope.spawn(|| talk(&lab.client, at(lab.node.v6(), CLIENTS), &traffic)),
            // What comes back to the node comes by its own socket alone.
            scope.spawn(|| talk(&lab.node, at(lab.stranger.v4(), ECHOES), &traffic)),
            scope.spawn(|| talk(&lab.node, at(lab.stranger.v6(), ECHOES), &traffic)),
        ];
        let floods = [
            scope.spawn(|| flood(&lab.stranger, at(lab.node.v4(), UNNAMED), &traffic.forbidden, &traffic)),
            scope.spawn(|| flood(&lab.client, at(lab.node.v4(), OWN), &traffic.allowed, &traffic)),
        ];
        for round in 1..=RELOADS {
            let output = guard.reload(&site(round)).unwrap();
            assert!(output.status.success(), "{}", said(&output));
            if round % (RELOADS / BROKEN) == 0 {
                let output = guard.reload(&site(round).replace("posture", "posturr")).unwrap();
                assert_eq!(output.status.code(), Some(2), "{}", said(&output));
            }
            if round % (RELOADS / KILLS) == 0 {
                guard = guard.restart().unwrap();
            }
        }
        drop(end);
        for flood in floods {
            flood.join().unwrap();
        }
        for talk in talks {
            talk.join().unwrap().expect("no connection is cut");
        }
        guard
    });
    let seconds = begin.elapsed().as_secs_f64();
    let (received, counted) = at_rest(&guard, &lab.node);
    assert_eq!(traffic.leaked.load(Ordering::Relaxed), 0, "nothing forbidden came in");
    // What did not come to the interface (a queue before it was full) cannot be counted by what is on it.
    let received = received - before;
    assert_eq!(counted, received, "every packet that came to the interface is counted once");
    let sent = [traffic.forbidden(), traffic.allowed()];
    let counts = [dropped(&guard), passed_by_the_sites_own_rule(&guard)];
    for (sent, counted) in sent.into_iter().zip(counts) {
        assert!(counted <= sent && sent - counted < sent / 100, "{counted} of {sent} came in");
    }
    println!(
        "{received} packets in {seconds:.0} s, {} of them forbidden, {} messages echoed; {RELOADS} reloads, {KILLS} kills, \
         {BROKEN} broken files",
        counts[0],
        traffic.echoed.load(Ordering::Relaxed),
    );
    guard.stop().unwrap();
}

#[test]
fn an_interface_that_goes_and_comes_under_fire_lets_nothing_in() {
    let lab = Lab::new().unwrap();
    let _echo = lab.node.echo(CLIENTS).unwrap();
    let guard = Guard::start(&lab.node, &site(0)).unwrap();
    let traffic = Traffic::default();
    let at = |address: IpAddr, port| SocketAddr::new(address, port);
    thread::scope(|scope| {
        let end = traffic.ends_here();
        scope.spawn(|| listen_for_leaks(&lab.node, &traffic));
        scope.spawn(|| flood(&lab.stranger, at(lab.node.v4(), UNNAMED), &traffic.forbidden, &traffic));
        let talk = scope.spawn(|| talk(&lab.client, at(lab.node.v4(), CLIENTS), &traffic));
        for round in 0..FLAPS {
            // Not while it goes down: veth's driver takes the program away before it stops, and lets in what it still has.
            traffic.hold(|| succeeds(&lab.node, "ip", &["link", "set", "eth0", "down"]));
            succeeds(&lab.node, "ip", &["link", "set", "eth0", "up"]);
            traffic.hold(|| succeeds(&lab.node, "ip", &["link", "delete", "eth0"]));
            lab.plug(&lab.node).unwrap();
            soon(&guard, &format!("round {round}: it is guarded"), || link(&lab.node).contains("prog/xdp"));
            lab.configure(&lab.node).unwrap();
        }
        drop(end);
        talk.join().unwrap().expect("the connection outlives the interface");
    });
    let leaked = traffic.leaked.load(Ordering::Relaxed);
    assert_eq!(leaked, 0, "nothing forbidden came in; the log: {}", guard.log());
    assert!(traffic.forbidden() > 1000, "there was fire");
    assert!(is_guarded(&lab));
    guard.stop().unwrap();
}
