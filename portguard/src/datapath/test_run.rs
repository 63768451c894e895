//! Frames through the loaded program without an interface: the kernel's `BPF_PROG_TEST_RUN`.

use std::{io, time::Duration};

use aya::programs::{ProgramError, TestRun as _, TestRunOptions};

use nix::{
    errno::Errno,
    sched::{CloneFlags, unshare},
};

use super::{DatapathError, Loaded};

/// What an XDP program answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpVerdict {
    /// `XDP_PASS`.
    Pass,
    /// `XDP_DROP`.
    Drop,
    /// Anything else, which this program never answers.
    Other(u32),
}

/// A run of the program over one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// The answer.
    pub verdict: XdpVerdict,
    /// The mean time of one run.
    pub duration: Duration,
}

impl Loaded {
    /// Runs the program `repeat` times over `frame` (14 bytes at least, or the kernel refuses it), as if it came in on
    /// the loopback interface.
    pub fn test_run(&mut self, frame: &[u8], repeat: u32) -> Result<TestRun, DatapathError> {
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.repeat = repeat;
        let result = self.program()?.test_run(options).map_err(|error| match error {
            ProgramError::SyscallError(call) => {
                DatapathError::System { call: "BPF_PROG_TEST_RUN", source: call.io_error }
            }
            other => DatapathError::Verify(Box::new(other)),
        })?;
        let verdict = match result.return_value {
            aya_action::XDP_PASS => XdpVerdict::Pass,
            aya_action::XDP_DROP => XdpVerdict::Drop,
            other => XdpVerdict::Other(other),
        };
        Ok(TestRun { verdict, duration: result.duration })
    }
}

/// Gives this thread a network of its own, without interfaces and sockets: what is run there knows no connection.
pub fn leave_network() -> Result<(), DatapathError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
        Errno::EPERM => DatapathError::NotPermitted,
        other => DatapathError::System { call: "unshare", source: io::Error::from(other) },
    })
}

/// `enum xdp_action` of `include/uapi/linux/bpf.h`.
mod aya_action {
    pub(super) const XDP_DROP: u32 = 1;
    pub(super) const XDP_PASS: u32 = 2;
}
