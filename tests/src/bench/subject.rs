//! Programs that can be run over a frame.

use std::time::Duration;

use portguard::{
    datapath::{Loaded, TestRun},
    matrix::Hook,
};

use crate::floor::Floor;

/// A loaded XDP program.
pub(super) trait Subject {
    /// Runs it `repeat` times over `frame`.
    fn test_run(&mut self, frame: &[u8], repeat: u32) -> anyhow::Result<TestRun>;

    /// The mean time of one of `repeat` runs, in nanoseconds.
    fn time(&mut self, frame: &[u8], repeat: u32) -> anyhow::Result<f64> {
        self.test_run(frame, repeat).map(|run| nanoseconds(run.duration))
    }
}

impl Subject for Loaded {
    fn test_run(&mut self, frame: &[u8], repeat: u32) -> anyhow::Result<TestRun> {
        Ok(self.test_run(Hook::Xdp, frame, repeat)?)
    }
}

impl Subject for Floor {
    fn test_run(&mut self, frame: &[u8], repeat: u32) -> anyhow::Result<TestRun> {
        self.run(frame, repeat)
    }
}

pub(super) fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
