//! `GET /metrics`, on a thread of its own that has nothing to do with what guards.
//!
//! Whoever can connect may be anybody. So there are few connections at a time, one question each, of few bytes, in little time;
//! the daemon is asked at most once a second, however many scrape; and the thread gives up all capabilities before it reads the
//! first byte.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as BlockingListener},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use caps::CapSet;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{Snapshot, text};

/// Where metrics are.
const PATH: &str = "/metrics";
/// Connections that are served at once. Prometheus needs one.
const MOST_CONNECTIONS: usize = 16;
/// The most bytes of a request: the least that hyper takes.
const MOST_BYTES: usize = 8192;
/// How long a connection may take until it has asked.
const TO_ASK: Duration = Duration::from_secs(3);
/// How long it may take in all.
const IN_ALL: Duration = Duration::from_secs(15);
/// How long the daemon may take to answer: it may be putting a site in force.
const TO_ANSWER: Duration = Duration::from_secs(5);
/// For how long an answer is good: nobody makes the daemon count more often.
const GOOD_FOR: Duration = Duration::from_secs(1);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Somebody wants to know; where the answer goes.
pub type Scrape = oneshot::Sender<Snapshot>;

/// The thread that serves metrics; dropping it ends the thread and frees the address.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// Listens on `address` and asks through `daemon` for what to tell.
    pub fn start(address: SocketAddr, daemon: mpsc::Sender<Scrape>) -> io::Result<Self> {
        let listener = BlockingListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
                if let Err(error) = caps::clear(None, set) {
                    tracing::warn!(%error, "the metrics' thread keeps its capabilities");
                }
            }
            runtime.block_on(async {
                tokio::select! {
                    served = listen(listener, daemon) => {
                        if let Err(error) = served {
                            tracing::warn!(%error, "metrics are no longer served");
                        }
                    }
                    // Told, or the daemon is gone.
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether its thread has ended, by whatever fault.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(thread::JoinHandle::is_finished)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the metrics' thread has failed: please report this");
        }
    }
}

/// What was told last, and until when it is good.
#[derive(Default)]
struct Page {
    text: Bytes,
    read: Option<Instant>,
}

/// What connections have in common.
struct Shared {
    daemon: mpsc::Sender<Scrape>,
    page: Mutex<Page>,
}

async fn listen(listener: BlockingListener, daemon: mpsc::Sender<Scrape>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let shared = Arc::new(Shared { daemon, page: Mutex::default() });
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        // Further ones wait in the socket's queue.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    serve(stream, shared).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "a connection for metrics could not be taken");
                // Out of descriptors, most likely; asking again at once would only burn the processor.
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(MOST_BYTES).timer(TokioTimer::new()).header_read_timeout(TO_ASK);
    let answer = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A client that is slow or talks nonsense is its own loss.
    match timeout(IN_ALL, http.serve_connection(TokioIo::new(stream), answer)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection for metrics broke off"),
        Err(_) => tracing::debug!("a connection for metrics was too slow"),
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, PATH) => match shared.page().await {
            Some(text) => response(StatusCode::OK, OPENMETRICS, text),
            None => response(
                StatusCode::SERVICE_UNAVAILABLE,
                PLAIN,
                Bytes::from_static(b"the daemon is busy, or is stopping\n"),
            ),
        },
        (_, PATH) => {
            let mut refused =
                response(StatusCode::METHOD_NOT_ALLOWED, PLAIN, Bytes::from_static(b"GET is all there is\n"));
            refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
            refused
        }
        _ => response(StatusCode::NOT_FOUND, PLAIN, Bytes::from_static(b"metrics are at /metrics\n")),
    })
}

fn response(status: StatusCode, kind: &'static str, text: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}

impl Shared {
    /// What the daemon said within the last second; of several that ask at once one asks it. `None`: it says nothing.
    async fn page(&self) -> Option<Bytes> {
        let mut page = self.page.lock().await;
        if page.read.is_none_or(|read| read.elapsed() > GOOD_FOR) {
            let asked = async {
                let (scrape, snapshot) = oneshot::channel();
                self.daemon.send(scrape).await.ok()?;
                snapshot.await.ok()
            };
            let snapshot = timeout(TO_ANSWER, asked).await.ok()??;
            *page = Page { text: text(snapshot).into(), read: Some(Instant::now()) };
        }
        Some(page.text.clone())
    }
}
