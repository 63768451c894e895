//! What something takes, as the kernel counts it: memory, and work of the verifier.

use std::{fs, io};

use anyhow::Context as _;

/// The most memory that this process has had since the last [`forget`], in bytes.
pub(super) fn peak() -> anyhow::Result<u64> {
    of_process("VmHWM:")
}

/// The memory that this process has now, in bytes.
pub(super) fn present() -> anyhow::Result<u64> {
    of_process("VmRSS:")
}

/// Makes the peak what there is now (proc(5), `clear_refs`).
pub(super) fn forget() -> io::Result<()> {
    fs::write("/proc/self/clear_refs", "5")
}

fn of_process(field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = number_after(&status, field).with_context(|| format!("the kernel says no {field}"))?;
    Ok(kilobytes << 10)
}

/// The kernel's memory of all maps that this process has open, in bytes.
pub(in crate::bench) fn of_maps() -> anyhow::Result<u64> {
    sum("map_type:", "memlock:")
}

/// How many instructions the verifier went through for the programs that this process has open.
pub(in crate::bench) fn verified_instructions() -> anyhow::Result<u64> {
    sum("prog_type:", "verified_insns:")
}

/// What `field` says of all descriptors of a kind, which has the field `kind`.
fn sum(kind: &str, field: &str) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        // The directory's own descriptor is in the list, and gone with it.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        if text.contains(kind) {
            sum += number_after(&text, field).with_context(|| format!("the kernel says no {field}"))?;
        }
    }
    Ok(sum)
}

fn number_after(text: &str, field: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(field))?.split_whitespace().next()?.parse().ok()
}
