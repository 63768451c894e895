//! A machine of qemu's that boots once. Its processor is emulated: that works everywhere, within virtual machines too, where
//! `/dev/kvm` may be there and fail.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

/// How long it may take in all, on a slow machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// Boots `image` with `initramfs` and waits until the machine is switched off. What it says goes to `log`.
pub(super) fn boot(image: &Path, initramfs: &Path, log: &Path) -> anyhow::Result<()> {
    let console = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", "1G"]);
    qemu.args(["-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio"]);
    qemu.arg("-kernel").arg(image).arg("-initrd").arg(initramfs);
    // A kernel that panics restarts at once, which ends qemu.
    qemu.args(["-append", "console=ttyS0 quiet panic=-1"]);
    qemu.stdin(Stdio::null()).stderr(console.try_clone()?).stdout(console);
    let mut machine = qemu.spawn().context("cannot start qemu-system-x86_64")?;
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match machine.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("qemu-system-x86_64 failed, {status}; {} says why", log.display()),
            None => thread::sleep(Duration::from_millis(200)),
        }
    }
    machine.kill()?;
    machine.wait()?;
    bail!("not done after {} s; {} says how far it came", PATIENCE.as_secs(), log.display())
}
