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

/// A mail server on each of `ports` that takes every mail and keeps none.
pub fn smtp(host: &Host, ports: &[u16]) -> anyhow::Result<Process> {
    const PROGRAM: &str = "\
import asyncio, sys
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP

async def serve():
    for port in sys.argv[1:]:
        await asyncio.get_running_loop().create_server(lambda: SMTP(Sink()), None, int(port))
    await asyncio.Event().wait()

asyncio.run(serve())
";
    // Debian's own, which finds Debian's modules.
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", PROGRAM]).args(ports.iter().map(u16::to_string));
    start(host, &mut command, ports)
}

/// `slapd` with nothing in it, on port 389, and on 636 with TLS.
pub fn slapd(host: &Host) -> anyhow::Result<Process> {
    let (certificate, key) = certificate(host)?;
    let config = host.directory().join("slapd.conf");
    let text = format!(
        "pidfile {}\nTLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n",
        host.directory().join("slapd.pid").display()
    );
    fs::write(&config, text).context("writing slapd's configuration")?;
    let mut command = Command::new("/usr/sbin/slapd");
    command.args(["-d", "0", "-h", "ldap:/// ldaps:///", "-f"]).arg(&config);
    start(host, &mut command, &[389, 636])
}

/// A web server with TLS on `port`.
pub fn https(host: &Host, port: u16) -> anyhow::Result<Process> {
    let (certificate, key) = certificate(host)?;
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-www", "-accept", &port.to_string()]);
    command.args(["-cert", &certificate, "-key", &key]);
    start(host, &mut command, &[port])
}

/// A certificate that nobody has signed, and its key.
fn certificate(host: &Host) -> anyhow::Result<(String, String)> {
    let place = |name: &str| host.directory().join(name).display().to_string();
    let (certificate, key) = (place("certificate.pem"), place("key.pem"));
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let made = host.output(
        20,
        "openssl",
        &[
            &["req", "-x509", "-days", "2", "-subj", "/CN=lab", "-out", &certificate, "-keyout", &key],
            &curve[..],
        ]
        .concat(),
    )?;
    anyhow::ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
    Ok((certificate, key))
}
