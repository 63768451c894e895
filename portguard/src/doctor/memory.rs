//! Memory: what the tables need and what this process may take.

use portguard_common::abi::{COUNTERS_PER_PAGE, CounterPage};

use super::{Check, Machine, State, bpffs::mounts};
use crate::compile::Image;

/// While a generation takes another one's place, both are there.
const GENERATIONS: u64 = 2;

pub(super) fn checks(machine: &Machine, image: Option<&Image>) -> Vec<Check> {
    let mut checks = vec![cgroup(machine, image.map(|image| GENERATIONS * footprint(machine, image)))];
    checks.extend(locked(machine));
    checks
}

/// What the maps of an image take. A counter is there once for each CPU that the machine can have.
fn footprint(machine: &Machine, image: &Image) -> u64 {
    let tables = size_of_val(image.ports())
        + size_of_val(image.trie4())
        + size_of_val(image.table6())
        + size_of_val(image.pilots6())
        + size_of_val(image.cells());
    let pages = u64::from(image.legend().slots().div_ceil(COUNTERS_PER_PAGE));
    tables as u64 + pages * size_of::<CounterPage>() as u64 * possible_cpus(machine)
}

/// `0-3`, `0,2-5`: the highest number says how many places there are.
fn possible_cpus(machine: &Machine) -> u64 {
    let text = machine.read("/sys/devices/system/cpu/possible").unwrap_or_default();
    text.rsplit([',', '-']).next().and_then(|last| last.parse::<u64>().ok()).map_or(1, |last| last + 1)
}

fn cgroup(machine: &Machine, needed: Option<u64>) -> Check {
    let check = |found: String| {
        Check::fine("memory limit", "the tables of two generations, while one replaces the other", found)
    };
    let need = needed
        .map_or("give --site to compare".to_owned(), |needed| format!("the site needs {}", mib(needed)));
    match narrowest(machine) {
        Err(why) => check(format!("not told: {why}; {need}"))
            .but(State::Unseen, "run where /sys/fs/cgroup is mounted"),
        Ok(None) => check(format!("none; {need}")),
        Ok(Some(Limit { left, limit })) => {
            let check =
                check(format!("{} of {} are left to this process's group; {need}", mib(left), mib(limit)));
            match needed {
                Some(needed) if needed > left => check.but(
                    State::Missing,
                    "raise it: MemoryMax= of the unit, resources.limits.memory of the container; or narrow the site",
                ),
                _ => check,
            }
        }
    }
}

/// A group's limit and what of it is not used.
struct Limit {
    left: u64,
    limit: u64,
}

/// The narrowest limit among this process's control group and those above it, of either version.
fn narrowest(machine: &Machine) -> Result<Option<Limit>, String> {
    let groups = machine.read("/proc/self/cgroup").map_err(|error| error.to_string())?;
    let mounts = mounts(machine)?;
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let is_v2 = controllers.is_empty();
        if !is_v2 && !controllers.split(',').any(|controller| controller == "memory") {
            continue;
        }
        let mount = mounts.iter().rev().find(|mount| match mount.fs_type.as_str() {
            "cgroup2" => is_v2,
            "cgroup" => !is_v2 && mount.super_options.contains_key("memory"),
            _ => false,
        });
        let Some(mount) = mount else { continue };
        let (limit, usage) = if is_v2 {
            ("memory.max", "memory.current")
        } else {
            ("memory.limit_in_bytes", "memory.usage_in_bytes")
        };
        // Where the mount shows a part of the hierarchy, the group's path begins with it.
        let inside = path.strip_prefix(mount.root.trim_end_matches('/')).unwrap_or(path);
        for group in std::path::Path::new(inside).ancestors() {
            let directory = mount.mount_point.join(group.strip_prefix("/").unwrap_or(group));
            let number =
                |name| machine.read(&directory.join(name).to_string_lossy()).ok()?.parse::<u64>().ok();
            // Version 2 says `max` where there is none, version 1 a number that no machine has.
            if let (Some(limit), Some(usage)) = (number(limit), number(usage))
                && limit < 1 << 62
            {
                limits.push(Limit { left: limit.saturating_sub(usage), limit });
            }
        }
    }
    Ok(limits.into_iter().min_by_key(|limit| limit.left))
}

/// Kernels before 5.11 count maps as locked memory; newer ones don't look at the limit.
fn locked(machine: &Machine) -> Option<Check> {
    const UNLIMITED: &str = "unlimited";
    let release = machine.read("/proc/sys/kernel/osrelease").ok()?;
    if version(&release)? >= (5, 11) {
        return None;
    }
    let limits = machine.read("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    let soft = line.split_whitespace().next()?;
    let check = Check::fine(
        "locked memory",
        "maps, which kernels before 5.11 count as locked memory",
        if soft == UNLIMITED { UNLIMITED.to_owned() } else { format!("{soft} bytes") },
    );
    Some(if soft == UNLIMITED {
        check
    } else {
        check.but(
            State::Notice,
            "LimitMEMLOCK=infinity in the unit, as the one that comes with portguard has it",
        )
    })
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn mib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
