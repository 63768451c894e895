//! Real servers on a host of the lab.

use std::{
    fs,
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use super::{Host, Reach};

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that runs until this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts `command` and waits until it listens on `port`.
    fn start(host: &Host, mut command: Command, port: u16) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let mut server = Self { child };
        let began = Instant::now();
        while host.connect(Ipv4Addr::LOCALHOST.into(), port)? != Reach::Open {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended at once: {status}");
            }
            if began.elapsed() > PATIENCE {
                bail!("{command:?} does not listen on port {port} after {} s", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Called while a test may be panicking; a server that is gone already is no fault.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

/// `redis-server` on `port`, without a file, open to everybody: PortGuard's task is to see to that.
pub fn redis(host: &Host, port: u16) -> anyhow::Result<Server> {
    let mut command = host.command("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "*", "-::*", "--protected-mode", "no"]);
    command.args(["--save", "", "--appendonly", "no"]);
    Server::start(host, command, port)
}

/// `influxd` with its HTTP service on port 8086 and its RPC service (backup) on 8088; its data lie in `directory`.
pub fn influxd(host: &Host, directory: &Path) -> anyhow::Result<Server> {
    let config = directory.join("influxdb.conf");
    let place = |name: &str| directory.join(name).display().to_string();
    let text = format!(
        "reporting-disabled = true\nbind-address = \":8088\"\n\
         [meta]\ndir = \"{}\"\n[data]\ndir = \"{}\"\nwal-dir = \"{}\"\n\
         [http]\nbind-address = \":8086\"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n",
        place("meta"),
        place("data"),
        place("wal"),
    );
    fs::write(&config, text).context("writing influxd's configuration")?;
    let mut command = host.command("influxd");
    command.arg("run").arg("-config").arg(&config);
    Server::start(host, command, 8086)
}
