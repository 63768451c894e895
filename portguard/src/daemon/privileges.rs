//! What the process may do: less than root while it starts, and once it guards what reloading needs and nothing else.
//!
//! Capabilities are a thread's own, and a new thread has those of the one that makes it. So they are given up while the
//! process has one thread still: whoever makes threads waits until then ([`super::watcher`]).

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use nix::{
    errno::Errno,
    unistd::{Group, getegid, getgroups, setgroups},
};

/// What loading a generation (PERFMON: with pointers that move by what is in a packet) and putting it on interfaces need.
const KEPT: [Capability; 3] = [Capability::CAP_BPF, Capability::CAP_NET_ADMIN, Capability::CAP_PERFMON];

/// What a start needs beside that: to mount the BPF file system and to name another's program; to give the control socket
/// to its group, and to join that; to give up the rest.
const STARTING: [Capability; 4] =
    [Capability::CAP_SYS_ADMIN, Capability::CAP_CHOWN, Capability::CAP_SETGID, Capability::CAP_SETPCAP];

/// Puts out of effect what a start does not need. What it can read and write then, a reload can, too.
pub(super) fn narrow() -> Result<(), CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let needed = KEPT.into_iter().chain(STARTING).filter(|capability| permitted.contains(capability));
    caps::set(None, CapSet::Effective, &needed.collect())
}

/// Joins the group, where there is one: files can be given to it later, without a privilege.
pub(super) fn join(group: &str) -> nix::Result<()> {
    let group = match Group::from_name(group) {
        Ok(Some(group)) => group.gid,
        // An image of nothing but this program has no list of groups.
        Ok(None) | Err(Errno::ENOENT) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut groups = getgroups()?;
    if group == getegid() || groups.contains(&group) {
        return Ok(());
    }
    groups.push(group);
    setgroups(&groups)
}

/// Gives up, for good, what reloading does not need.
pub(super) fn give_up() -> Result<(), CapsError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let kept = kept(&permitted);
    caps::clear(None, CapSet::Ambient)?;
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)?.difference(&kept) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

fn kept(permitted: &CapsHashSet) -> CapsHashSet {
    let mut kept: CapsHashSet =
        KEPT.into_iter().filter(|capability| permitted.contains(capability)).collect();
    // It stands for those that are missing, as it did before Linux 5.8.
    if kept.len() < KEPT.len() && permitted.contains(&Capability::CAP_SYS_ADMIN) {
        kept.insert(Capability::CAP_SYS_ADMIN);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_capabilities_three_are_kept_and_one_that_stands_for_them_where_they_are_missing() {
        assert_eq!(kept(&caps::all()), KEPT.into_iter().collect());
        let old = [Capability::CAP_SYS_ADMIN, Capability::CAP_NET_ADMIN, Capability::CAP_CHOWN];
        assert_eq!(kept(&old.into_iter().collect()), old.into_iter().take(2).collect());
        assert_eq!(kept(&CapsHashSet::new()), CapsHashSet::new());
    }
}
