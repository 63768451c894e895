//! A server that sends back what it is sent.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;

use super::Host;

/// How long a server waits before it looks whether it is still wanted.
const TURN: Duration = Duration::from_millis(20);
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(15);

/// Sends `size` bytes over a connection to an echo. Whether the same come back.
pub fn comes_back(to: SocketAddr, size: usize) -> io::Result<bool> {
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
    let stream = TcpStream::connect_timeout(&to, SILENCE)?;
    stream.set_read_timeout(Some(SILENCE))?;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (&stream).write_all(&sent)?;
            stream.shutdown(Shutdown::Write)
        });
        let mut received = Vec::new();
        (&stream).read_to_end(&mut received)?;
        writer.join().expect("writing does not panic")?;
        Ok(received == sent)
    })
}

/// Echoes on one TCP and UDP port of a host, for both IPs, until it is dropped.
#[derive(Debug)]
pub struct Echo {
    closing: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Echo {
    pub(super) fn open(host: &Host, port: u16) -> anyhow::Result<Self> {
        let sockets = || -> io::Result<_> {
            let tcp = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))?;
            tcp.set_nonblocking(true)?;
            let udp = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port))?;
            udp.set_read_timeout(Some(TURN))?;
            Ok((tcp, udp))
        };
        let (tcp, udp) = host
            .within(sockets)?
            .with_context(|| format!("cannot listen on port {port} of {}", host.name()))?;
        let closing = Arc::new(AtomicBool::new(false));
        let (tcp_closing, udp_closing) = (Arc::clone(&closing), Arc::clone(&closing));
        // The sockets stay in the host's namespace, whichever thread uses them.
        let threads = vec![
            thread::spawn(move || serve_tcp(&tcp, &tcp_closing)),
            thread::spawn(move || serve_udp(&udp, &udp_closing)),
        ];
        Ok(Self { closing, threads })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A server that has panicked has said so itself.
            let _: thread::Result<()> = thread.join();
        }
    }
}

fn serve_tcp(listener: &TcpListener, closing: &AtomicBool) {
    thread::scope(|scope| {
        while !closing.load(Ordering::Relaxed) {
            match listener.accept() {
                // A connection that breaks is its client's concern.
                Ok((stream, _)) => drop(scope.spawn(move || echo(&stream))),
                Err(_) => thread::sleep(TURN),
            }
        }
    });
}

fn echo(mut stream: &TcpStream) -> io::Result<u64> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    io::copy(&mut &*stream, &mut stream)
}

fn serve_udp(socket: &UdpSocket, closing: &AtomicBool) {
    let mut datagram = [0; 2048];
    while !closing.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut datagram) {
            // As with any datagram, nobody promises that the answer arrives.
            let _ = socket.send_to(&datagram[..length], from);
        }
    }
}
