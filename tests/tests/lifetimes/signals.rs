//! Signals that come before the daemon is ready.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::Command,
};

use anyhow::Context as _;
use nix::{
    fcntl::OFlag,
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::{Pid, mkfifo},
};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, Process, Ran, Reach, binary, wait_until},
};

use super::{CLIENTS, SOON, generation, is_guarded, listen, soon};

/// Sends `signal` while the daemon reads its site file, which is to be `site`; the next who reads that gets `next`.
///
/// The file is a pipe at first, which can be opened to write when the daemon reads, and says nothing until then.
fn signal_while_it_reads(
    process: &Process,
    file: &Path,
    signal: Signal,
    [site, next]: [&str; 2],
) -> anyhow::Result<()> {
    let mut pipe = None;
    wait_until(SOON, || {
        pipe = OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(file).ok();
        pipe.is_some()
    });
    let mut pipe = pipe.context("nobody reads the site file")?;
    kill(Pid::from_raw(process.pid().try_into()?), signal)?;
    fs::remove_file(file)?;
    fs::write(file, next)?;
    Ok(pipe.write_all(site.as_bytes())?)
}

#[test]
fn a_signal_that_comes_during_the_start_is_heeded_after_it() {
    let lab = Lab::new().unwrap();
    let _sockets = listen(&lab.node, &[CLIENTS]);
    let directory = lab.directory().join("starting");
    let site = directory.join("site.toml");
    fs::create_dir(&directory).unwrap();

    let empty = SITE.replace("clients = [\"10.88.0.3\", \"fd88::3\"]", "clients = []");
    mkfifo(&site, Mode::S_IRUSR).unwrap();
    let hung_up = |process: &Process| signal_while_it_reads(process, &site, Signal::SIGHUP, [&empty, SITE]);
    let guard = Guard::again_while(&lab.node, &directory, hung_up).unwrap();
    soon(&guard, "it reloads what it has started with", || generation(&guard) == 2);
    assert_eq!(lab.client.connect(lab.node.v4(), CLIENTS).unwrap(), Reach::Open, "the file as it is now");
    guard.stop().unwrap();

    fs::remove_file(&site).unwrap();
    mkfifo(&site, Mode::S_IRUSR).unwrap();
    let mut command = Command::new(binary().unwrap());
    command.arg("run").arg("--site").arg(&site).arg("--bpffs").arg(directory.join("bpf"));
    command.arg("--state-dir").arg(directory.join("another")).arg("--runtime-dir").arg(&directory);
    let mut process = lab.node.spawn(&mut command).unwrap();
    signal_while_it_reads(&process, &site, Signal::SIGTERM, [SITE; 2]).unwrap();
    let Ran::Ended(output) = process.wait(SOON).unwrap() else { panic!("it goes on: {}", process.stderr()) };
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("guarded still"), "{output:?}");
    assert!(is_guarded(&lab), "as after any other end");
}
