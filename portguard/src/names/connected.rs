//! Sockets for questions to DNS, each connected to its server: so the kernel knows whose answer it waits for, and the filter of this very
//! node lets that pass under posture `drop` without a rule.

use std::{io, net::SocketAddr, pin::Pin, time::Duration};

use hickory_resolver::net::runtime::{RuntimeProvider, TokioRuntimeProvider};

/// Tokio's sockets, those of UDP connected. On Linux such a socket may still be told where to send.
#[derive(Clone, Default)]
pub(super) struct Connected(TokioRuntimeProvider);

type Opening<S> = Pin<Box<dyn Future<Output = io::Result<S>> + Send>>;

impl RuntimeProvider for Connected {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = <TokioRuntimeProvider as RuntimeProvider>::Timer;
    type Udp = <TokioRuntimeProvider as RuntimeProvider>::Udp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        patience: Option<Duration>,
    ) -> Opening<Self::Tcp> {
        self.0.connect_tcp(server, local, patience)
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Opening<Self::Udp> {
        let bound = self.0.bind_udp(local, server);
        Box::pin(async move {
            let socket = bound.await?;
            socket.connect(server).await?;
            Ok(socket)
        })
    }
}
