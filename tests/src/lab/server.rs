//! Real servers on a host of the lab.

use std::{fs, net::Ipv4Addr, process::Command, time::Duration};

use anyhow::Context as _;

use super::{Host, Process, Reach};

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts `command` and waits until it listens on all of `ports`.
fn start(host: &Host, command: &mut Command, ports: &[u16]) -> anyhow::Result<Process> {
    let mut server = host.spawn(command)?;
    server.wait_ready(PATIENCE, |_| {
        for &port in ports {
            if host.connect(Ipv4Addr::LOCALHOST.into(), port)? != Reach::Open {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    Ok(server)
}

/// `redis-server` on `port`, without a file, open to everybody: PortGuard's task is to see to that.
pub fn redis(host: &Host, port: u16) -> anyhow::Result<Process> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "*", "-::*", "--protected-mode", "no"]);
    command.args(["--save", "", "--appendonly", "no"]);
    start(host, &mut command, &[port])
}

/// `influxd` with its HTTP service on port 8086 and its RPC service (backup) on 8088.
pub fn influxd(host: &Host) -> anyhow::Result<Process> {
    let directory = host.directory().join("influxd");
    fs::create_dir(&directory).context("making influxd's directory")?;
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
    start(host, Command::new("influxd").arg("run").arg("-config").arg(&config), &[8086, 8088])
}
