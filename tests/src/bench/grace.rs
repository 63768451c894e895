//! Grace periods that take no time while something is measured by our own clock.
//!
//! A test run waits for two of them, ten milliseconds and more each time, which is as much as a nanosecond or several for each of some
//! million runs. With `/sys/kernel/rcu_expedited` (`Documentation/admin-guide/kernel-parameters.txt`, `rcupdate.rcu_expedited`) the kernel ends
//! them at once.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// Says so when it is done, and puts back what was there when nobody holds its input any more: however the bench ends.
const SCRIPT: &str = "trap '' INT TERM HUP
before=$(cat /sys/kernel/rcu_expedited) && echo 1 > /sys/kernel/rcu_expedited && echo done || exit 1
cat > /dev/null
echo \"$before\" > /sys/kernel/rcu_expedited";

/// Grace periods end at once as long as this lives.
pub(super) struct Expedited(Child);

impl Expedited {
    pub(super) fn begin() -> anyhow::Result<Self> {
        let shell =
            Command::new("sh").args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut expedited = Self(shell.context("there is no sh")?);
        let output = expedited.0.stdout.take().context("its output is a pipe")?;
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        ensure!(said == "done\n", "/sys/kernel/rcu_expedited cannot be written");
        Ok(expedited)
    }
}

impl Drop for Expedited {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ended = self.0.wait();
    }
}
