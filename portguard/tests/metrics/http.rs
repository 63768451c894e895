//! The endpoint, and what can be done to it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portguard::metrics::{Scrape, Server, Snapshot};
use tokio::sync::mpsc;

/// A server, and how often its daemon was asked.
struct Served {
    server: Server,
    asked: Arc<AtomicU64>,
}

impl Served {
    fn start() -> Self {
        let (daemon, mut questions) = mpsc::channel::<Scrape>(1);
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            while let Some(scrape) = questions.blocking_recv() {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let snapshot = Snapshot { unresolved: number, ..Snapshot::default() };
                scrape.send(snapshot).expect("the server waits");
            }
        });
        Self { server: Server::start(free(), daemon).expect("the port is free"), asked }
    }

    fn connect(&self) -> TcpStream {
        connect(self.server.address())
    }

    /// What is answered to `request`.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("it listens");
        answer(&mut stream)
    }

    fn get(&self) -> String {
        self.ask(GET)
    }
}

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n";

/// An address of the loopback that nobody listens on.
fn free() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there are free ports");
    listener.local_addr().expect("it has an address")
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset has said what it had to say.
    drop(stream.read_to_end(&mut text));
    String::from_utf8(text).expect("text")
}

#[test]
fn metrics_are_served_as_openmetrics_and_nothing_else_is() {
    let served = Served::start();
    let page = served.get();
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(
        page.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
        "{page}"
    );
    assert!(page.contains("connection: close\r\n") && page.ends_with("# EOF\n"), "{page}");
    for (request, expected) in [
        ("HEAD /metrics HTTP/1.1\r\nHost: node\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
        ("GET / HTTP/1.1\r\nHost: node\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"),
        ("GET /metrics/../etc/passwd HTTP/1.1\r\nHost: node\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"),
        (
            "POST /metrics HTTP/1.1\r\nHost: node\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 405 Method Not Allowed\r\n",
        ),
        ("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"),
    ] {
        let page = served.ask(request);
        assert!(page.starts_with(expected), "{request}: {page}");
        assert!(!page.contains("portguard_"), "{request}: {page}");
    }
}

#[test]
fn headers_without_end_are_refused() {
    let served = Served::start();
    let mut stream = served.connect();
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(100_000));
    // It may hang up before all is written.
    drop(stream.write_all(long.as_bytes()));
    let page = answer(&mut stream);
    assert!(!page.contains("200 OK"), "{page}");
    assert!(served.get().contains("200 OK"));
}

#[test]
fn however_many_scrape_the_daemon_is_asked_once_a_second() {
    let served = Served::start();
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| assert!(served.get().contains("200 OK"))));
        }
    });
    let most = start.elapsed().as_secs() + 1;
    let asked = served.asked.load(Ordering::Relaxed);
    assert!((1..=most).contains(&asked), "asked {asked} times in {:?}", start.elapsed());
    thread::sleep(Duration::from_millis(1100));
    let page = served.get();
    assert!(
        page.contains(&format!("portguard_host_names_unresolved {}\n", asked + 1)),
        "and anew later: {page}"
    );
}

#[test]
fn connections_that_never_ask_are_closed_and_others_are_served() {
    let served = Served::start();
    let start = Instant::now();
    let slow: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = served.connect();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").expect("it listens");
            stream
        })
        .collect();
    assert!(served.get().contains("200 OK"), "once those before it have had their time");
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(2), "they took all places: {waited:?}");
    drop(slow);
}

#[test]
fn a_daemon_that_does_not_answer_is_told_and_the_address_is_free_afterwards() {
    let (daemon, questions) = mpsc::channel::<Scrape>(1);
    drop(questions);
    let server = Server::start(free(), daemon.clone()).unwrap();
    let address = server.address();
    let mut stream = connect(address);
    stream.write_all(GET.as_bytes()).unwrap();
    assert!(answer(&mut stream).starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    assert!(Server::start(address, daemon.clone()).is_err(), "it is taken");
    drop(server);
    let again = Server::start(address, daemon).unwrap();
    assert!(!again.has_ended());
}
