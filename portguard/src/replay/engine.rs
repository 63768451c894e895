//! Who judges: the verdict function natively, or beside it the kernel's program, which must say the same.

use std::collections::BTreeMap;

use portguard_common::{Action, Outcome};

use super::EngineError;
use crate::{
    compile::Image,
    datapath::{Answer, DatapathError, Link, Loaded, Placement, leave_network},
    matrix::Hook,
};

/// The shortest frame that the kernel's test run takes (an Ethernet header), and the longest that an interface has (the
/// longest IP packet, with tags).
const TEST_RUN: std::ops::RangeInclusive<usize> = 14..=65_535 + 14 + 4 * 4;

/// The kernel's number for the loopback interface, by which test runs come in, of any network.
const LOOPBACK: u32 = 1;

/// Who judges.
pub enum Engine {
    /// The verdict function, in this process.
    Native,
    /// The same, and the loaded program after it.
    Kernel(Box<KernelRuns>),
}

/// The program, and what its counters must say.
pub struct KernelRuns {
    loaded: Loaded,
    counted: BTreeMap<u32, u64>,
    frame: Vec<u8>,
    left_out: u64,
}

impl KernelRuns {
    /// Loads `image` with the program of `object`. From now on this thread's network is one without sockets: those of
    /// today must not answer for those of the capture.
    pub fn load(object: &[u8], image: &Image) -> Result<Self, DatapathError> {
        leave_network()?;
        let links: Vec<Link> = image
            .interfaces()
            .iter()
            .map(|interface| Link {
                name: interface.name.clone(),
                index: LOOPBACK,
                arrival: interface.arrival(),
                placement: Placement::In(interface.attach),
                program: None,
                ethernet: true,
                by_pattern: false,
                parts: Vec::new(),
            })
            .collect();
        let loaded = Loaded::new(object, image, &links)?;
        Ok(Self { loaded, counted: BTreeMap::new(), frame: Vec::new(), left_out: 0 })
    }

    /// How many frames the kernel's test run does not take, and were judged natively alone.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Runs the program over a frame, and compares what it does and what it counts with `native`, the outcome on a node
    /// without sockets. Of a frame that was not wholly captured, `native` rests on what was: the rest may be zeros.
    pub(super) fn check(
        &mut self,
        index: u64,
        captured: &[u8],
        wire_len: usize,
        native: Outcome,
    ) -> Result<(), EngineError> {
        if !TEST_RUN.contains(&wire_len) {
            self.left_out += 1;
            return Ok(());
        }
        self.frame.clear();
        self.frame.extend_from_slice(captured);
        self.frame.resize(wire_len, 0);
        let verdict = self.loaded.test_run(Hook::Xdp, &self.frame, 1)?.verdict;
        let expected = match native.reason.action() {
            Action::Pass => Answer::Pass,
            Action::Drop => Answer::Drop,
        };
        let differs = |kernel| EngineError::Disagree { index, native: native.reason.name(), kernel };
        if verdict != expected {
            return Err(differs(format!("answers {verdict:?}")));
        }
        let reason = (!native.reason.is_counted_by_port()).then_some(native.reason as u32);
        for slot in [reason, native.slot()].into_iter().flatten() {
            let expected = self.counted.entry(slot).or_default();
            *expected += 1;
            if self.loaded.counter(slot)?.packets != *expected {
                return Err(differs(format!("answers {verdict:?} and counts it elsewhere")));
            }
        }
        Ok(())
    }

    /// Compares every counter there is.
    pub(super) fn finish(&self) -> Result<(), EngineError> {
        let counters = self.loaded.counters()?;
        for slot in 0..self.loaded.legend().slots() {
            let kernel = counters.slot(slot).packets;
            let native = self.counted.get(&slot).copied().unwrap_or(0);
            if kernel != native {
                return Err(EngineError::Miscounted { slot, native, kernel });
            }
        }
        Ok(())
    }
}
