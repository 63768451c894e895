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
        self.test_run_with(options)
    }

    /// Runs the program once over `frame`, of which only the first `linear` bytes (14 at least) are in one piece with the
    /// program's `data`: what a driver does that splits headers off, or that spreads a jumbo frame over several buffers.
    /// Linux 6.18 and later.
    pub fn test_run_split(&mut self, frame: &[u8], linear: u32) -> Result<TestRun, DatapathError> {
        // `struct xdp_md` of `include/uapi/linux/bpf.h`: `data`, `data_end`, and four fields that stay 0.
        let mut context = [0; 24];
        context[4..8].copy_from_slice(&linear.to_ne_bytes());
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.ctx_in = Some(&context);
        self.test_run_with(options)
    }

    fn test_run_with(&mut self, options: TestRunOptions<'_>) -> Result<TestRun, DatapathError> {
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
