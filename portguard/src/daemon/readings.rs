//! Whether there is anything to read in the kernel's notes of drops.

use crate::observe::Count;

/// The last reading of the notes that the store has.
///
/// A packet is counted first and noted then, perhaps in the half of the table that a reading has begun meanwhile. So what had been
/// counted when one reading began is noted once that has [settled](crate::datapath::Filter::settle), and is read by the next one at
/// the latest. What was counted during a reading may be in neither.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readings(Option<Reading>);

#[derive(Clone, Copy, Debug)]
struct Reading {
    /// What had been refused when it began.
    refused: Count,
    /// Nothing of that can be unread.
    is_complete: bool,
}

impl Readings {
    /// Whether another reading would find nothing, now that `refused` was refused.
    pub(super) fn is_quiet(self, refused: Count) -> bool {
        self.0.is_some_and(|last| last.is_complete && last.refused == refused)
    }

    /// Another one that began when `refused` was refused, and whether it found anything.
    pub(super) fn then(self, refused: Count, found: bool) -> Self {
        let is_second = self.0.is_some_and(|last| last.refused == refused);
        Self(Some(Reading { refused, is_complete: is_second && !found }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// The kernel's side, packet by packet, and the daemon's, step by step.
    #[derive(Default)]
    struct Kernel {
        counted: u64,
        epoch: u64,
        /// How many are noted, by epoch.
        noted: HashMap<u64, u64>,
        /// Packets that are counted and not noted yet, with the epoch if they have asked for it.
        under_way: Vec<Option<u64>>,
        readings: Readings,
        /// A reading that has begun, and whether it has turned the table.
        reading: Option<(Count, Option<u64>)>,
        read: u64,
    }

    impl Kernel {
        fn refused(&self) -> Count {
            Count { packets: self.counted, bytes: 60 * self.counted }
        }

        fn come(&mut self) {
            self.counted += 1;
            self.under_way.push(None);
        }

        /// A packet goes on by a step.
        fn go_on(&mut self, packet: usize) {
            let Some(packet) = packet.checked_rem(self.under_way.len()) else { return };
            match self.under_way[packet] {
                None => self.under_way[packet] = Some(self.epoch),
                Some(epoch) => {
                    *self.noted.entry(epoch).or_default() += 1;
                    self.under_way.swap_remove(packet);
                }
            }
        }

        fn settle(&mut self) {
            while !self.under_way.is_empty() {
                self.go_on(0);
            }
        }

        /// The daemon goes on by a step: looks at the counters, turns the table, or settles and reads. Whether there was
        /// anything to do.
        fn read_on(&mut self) -> bool {
            match self.reading {
                None if self.readings.is_quiet(self.refused()) => return false,
                None => self.reading = Some((self.refused(), None)),
                Some((refused, None)) => {
                    self.reading = Some((refused, Some(self.epoch)));
                    self.epoch += 1;
                }
                Some((refused, Some(ended))) => {
                    self.settle();
                    let found = self.noted.remove(&ended).unwrap_or_default();
                    self.read += found;
                    self.readings = self.readings.then(refused, found > 0);
                    self.reading = None;
                }
            }
            true
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Come,
        GoOn(usize),
        Read,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![Just(Step::Come), (0..8_usize).prop_map(Step::GoOn), Just(Step::Read)]
    }

    proptest! {
        #[test]
        fn whatever_was_dropped_is_read_whenever_it_came(steps in prop::collection::vec(step(), 0..60)) {
            let mut kernel = Kernel::default();
            for step in steps {
                match step {
                    Step::Come => kernel.come(),
                    Step::GoOn(packet) => kernel.go_on(packet),
                    Step::Read => {
                        kernel.read_on();
                    }
                }
            }
            let rest = (0..100).take_while(|_| kernel.read_on()).count();
            prop_assert!(rest < 100, "it reads for ever");
            kernel.settle();
            prop_assert_eq!(kernel.read, kernel.counted);
        }
    }

    #[test]
    fn a_packet_that_comes_while_nothing_is_found_is_read_though_no_other_follows() {
        let mut kernel = Kernel::default();
        // The first reading has turned the table, which was empty, and has not read it yet.
        assert!(kernel.read_on() && kernel.read_on());
        kernel.come();
        kernel.settle();
        while kernel.read_on() {}
        assert_eq!(kernel.read, 1);
    }

    #[test]
    fn a_quiet_node_is_not_read() {
        let mut kernel = Kernel::default();
        while kernel.read_on() {}
        assert!(kernel.readings.is_quiet(kernel.refused()));
        assert!(!kernel.readings.is_quiet(Count { packets: 1, bytes: 60 }));
    }
}
