//! Which processes sent what was not to leave. The kernel tells it with the first packet of a kind, and not in its table of drops.

use std::collections::HashMap;

use portguard_common::{abi::DropEvent, drops::DropKey};

use super::cgroups::Cgroups;
use crate::audit::Process;

/// How many kinds are known at most.
const MOST: usize = 4096;

/// Those that were told of lately, by generation and kind.
#[derive(Debug, Default)]
pub(super) struct Senders {
    last: HashMap<(u64, DropKey), Told>,
    cgroups: Cgroups,
}

#[derive(Debug)]
struct Told {
    /// When, by the kernel's clock.
    at: u64,
    process: Process,
}

impl Senders {
    /// The process of which `event` of `generation` tells, which is known from then on.
    pub(super) fn learn(&mut self, generation: u64, event: &DropEvent) -> Option<Process> {
        let DropEvent { key, at, sender, .. } = *event;
        // The kernel's own packets, and those of connections that no process has any more.
        if sender.cgroup == 0 {
            return None;
        }
        let cgroup = self.cgroups.path(sender.cgroup).map(str::to_owned);
        let process = Process { uid: sender.user, cgroup };
        if self.last.len() >= MOST {
            self.last.clear();
        }
        self.last.insert((generation, key), Told { at, process: process.clone() });
        Some(process)
    }

    /// The process that was told of last of packets of this kind, the first of which came at `first` by the kernel's clock.
    pub(super) fn of(&self, generation: u64, key: DropKey, first: u64) -> Option<&Process> {
        // What was told before is of another filling of the table, and of another process perhaps.
        self.last.get(&(generation, key)).filter(|told| told.at >= first).map(|told| &told.process)
    }
}

#[cfg(test)]
mod tests {
    use portguard_common::abi::Sender;

    use super::*;

    fn event(at: u64, user: u32, cgroup: u64) -> DropEvent {
        DropEvent { at, sender: Sender { cgroup, user, unused: 0 }, ..DropEvent::default() }
    }

    #[test]
    fn a_kind_is_the_last_ones_that_was_told_of_since_its_first_packet() {
        let mut senders = Senders::default();
        let key = DropKey::default();
        // No directory has that number.
        let gone = u64::MAX;
        assert_eq!(senders.learn(1, &event(100, 33, gone)), Some(Process { uid: 33, cgroup: None }));
        let uid = |senders: &Senders, generation, first| {
            senders.of(generation, key, first).map(|process| process.uid)
        };
        assert_eq!(uid(&senders, 1, 100), Some(33));
        assert_eq!(uid(&senders, 1, 101), None, "it was told of another filling");
        assert_eq!(uid(&senders, 2, 100), None, "another generation's kinds are others");
        senders.learn(1, &event(200, 0, gone));
        assert_eq!(uid(&senders, 1, 101), Some(0));
    }

    #[test]
    fn a_packet_of_no_process_is_nobodys() {
        let mut senders = Senders::default();
        assert_eq!(senders.learn(1, &event(100, 65534, 0)), None);
        assert_eq!(senders.of(1, DropKey::default(), 0), None);
    }
}
