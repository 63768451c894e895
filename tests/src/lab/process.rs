//! Processes on a host. What they print goes to files in the lab's directory, so that no pipe can fill up and no reader
//! can wait for ever.

use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Host, command::typed, wait::wait_until};

/// A process that runs on a host; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    host: Host,
    child: Child,
    command: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// What came of a command that had only so much time.
#[derive(Debug)]
pub enum Ran {
    /// It ended by itself.
    Ended(Output),
    /// It was killed; what it had said until then.
    TimedOut(Output),
}

impl Process {
    /// Starts `command` on `host`, in a process group of its own so that a Ctrl-C does not reach it.
    pub(super) fn spawn(host: &Host, command: &mut Command) -> anyhow::Result<Self> {
        static PROCESSES: AtomicU32 = AtomicU32::new(0);
        host.stop().check()?;
        let number = PROCESSES.fetch_add(1, Ordering::Relaxed);
        let file = |kind| host.directory().join(format!("process-{number}.{kind}"));
        let (stdout, stderr) = (file("out"), file("err"));
        command.process_group(0).stdin(Stdio::null()).stdout(create(&stdout)?).stderr(create(&stderr)?);
        let child = host.within(|| command.spawn())?.with_context(|| {
            format!("cannot start `{}` (`cargo xtask setup` installs what the lab needs)", typed(command))
        })?;
        Ok(Self { host: host.clone(), child, command: typed(command), stdout, stderr })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A command that sees the mounts that it sees.
    pub fn same_mounts(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.pid().to_string()).arg("--mount").arg(program);
        command
    }

    /// What it has printed on standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&read(&self.stdout)).into_owned()
    }

    /// What it has printed on standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&read(&self.stderr)).into_owned()
    }

    /// Waits until `ready` holds; an error, with what the process said, when it ends or takes longer than `patience`.
    pub fn wait_ready(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let stop = self.host.stop().clone();
        let mut outcome = Ok(false);
        wait_until(patience, || {
            outcome = match self.child.try_wait() {
                Ok(Some(status)) => Err(self.complaint(&format!("ended with {status}"))),
                Ok(None) => ready(self),
                Err(error) => Err(error.into()),
            };
            stop.is_set() || !matches!(outcome, Ok(false))
        });
        stop.check()?;
        if outcome? {
            Ok(())
        } else {
            Err(self.complaint(&format!("is not ready after {} s", patience.as_secs())))
        }
    }

    /// Waits for its end, no longer than `patience`; then kills it.
    pub fn wait(&mut self, patience: Duration) -> anyhow::Result<Ran> {
        let mut ended = Ok(None);
        wait_until(patience, || {
            ended = self.child.try_wait();
            self.host.stop().is_set() || !matches!(ended, Ok(None))
        });
        self.host.stop().check()?;
        if let Some(status) = ended? {
            return Ok(Ran::Ended(self.said(status)));
        }
        self.child.kill()?;
        let status = self.child.wait()?;
        Ok(Ran::TimedOut(self.said(status)))
    }

    /// Sends `signal` and waits for the end, no longer than `patience`.
    pub fn end(mut self, signal: Signal, patience: Duration) -> anyhow::Result<Output> {
        kill(Pid::from_raw(i32::try_from(self.pid())?), signal)
            .with_context(|| format!("cannot send {signal} to `{}`", self.command))?;
        match self.wait(patience)? {
            Ran::Ended(output) => Ok(output),
            Ran::TimedOut(_) => Err(self.complaint(&format!("did not end by {signal}"))),
        }
    }

    fn said(&self, status: ExitStatus) -> Output {
        Output { status, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }

    fn complaint(&self, what: &str) -> anyhow::Error {
        let said = self.stdout() + &self.stderr();
        anyhow!("`{}` {what}; it said:\n{}", self.command, said.trim_end())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Called while a test may be panicking; a process that has ended already is no fault.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<ExitStatus> = self.child.wait();
    }
}

impl Ran {
    /// What it said, and its status: that of a killed process where it took too long.
    pub fn output(self) -> Output {
        match self {
            Self::Ended(output) | Self::TimedOut(output) => output,
        }
    }
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

fn read(path: &Path) -> Vec<u8> {
    // Without the file the lab is gone, and what the process said with it.
    fs::read(path).unwrap_or_default()
}
