//! Frames through the loaded program without an interface: the kernel's `BPF_PROG_TEST_RUN`.

use std::{io, time::Duration};

use aya::programs::{ProgramError, TestRun as _, TestRunOptions};

use nix::{
    errno::Errno,
    sched::{CloneFlags, unshare},
};

use super::{DatapathError, Loaded};
use crate::matrix::Hook;

/// What a program answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `XDP_PASS`; at tcx `TCX_NEXT`, which leaves the packet to the programs behind it.
    Pass,
    /// `XDP_DROP`, `TCX_DROP`; where packets leave also `TCX_REDIRECT`: it comes back as its answer.
    Drop,
    /// Anything else, which these programs never answer.
    Other(u32),
}

impl Answer {
    fn new(hook: Hook, value: u32) -> Self {
        match (hook, value) {
            (Hook::Xdp, actions::XDP_PASS) | (Hook::Tcx | Hook::Egress | Hook::Clsact, actions::TCX_NEXT) => {
                Self::Pass
            }
            (Hook::Xdp, actions::XDP_DROP)
            | (Hook::Tcx | Hook::Egress | Hook::Clsact, actions::TCX_DROP)
            | (Hook::Egress, actions::TCX_REDIRECT) => Self::Drop,
            (_, other) => Self::Other(other),
        }
    }
}

/// A run of the program over one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// The answer.
    pub verdict: Answer,
    /// The mean time of one run.
    pub duration: Duration,
}

impl Loaded {
    /// Runs the program of `hook` `repeat` times over `frame` (14 bytes at least, or the kernel refuses it), as if it came in
    /// on the loopback interface. At tcx the kernel refuses frames of nearly a page, and those that claim to be IP and end
    /// within its header.
    pub fn test_run(&mut self, hook: Hook, frame: &[u8], repeat: u32) -> Result<TestRun, DatapathError> {
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.repeat = repeat;
        self.test_run_with(hook, options)
    }

    /// Runs the XDP program once over `frame`, of which only the first `linear` bytes (14 at least) are in one piece with the
    /// program's `data`: what a driver does that splits headers off, or that spreads a jumbo frame over several buffers.
    /// Linux 6.18 and later.
    pub fn test_run_split(&mut self, frame: &[u8], linear: u32) -> Result<TestRun, DatapathError> {
        // `struct xdp_md` of `include/uapi/linux/bpf.h`: `data`, `data_end`, and four fields that stay 0.
        let mut context = [0; 24];
        context[4..8].copy_from_slice(&linear.to_ne_bytes());
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.ctx_in = Some(&context);
        self.test_run_with(Hook::Xdp, options)
    }

    fn test_run_with(&mut self, hook: Hook, options: TestRunOptions<'_>) -> Result<TestRun, DatapathError> {
        let result = match hook {
            Hook::Xdp => self.xdp()?.test_run(options),
            Hook::Tcx | Hook::Egress | Hook::Clsact => self.tc(hook)?.test_run(options),
        };
        let result = result.map_err(|error| match error {
            ProgramError::SyscallError(call) => {
                DatapathError::System { call: "BPF_PROG_TEST_RUN", source: call.io_error }
            }
            other => DatapathError::Verify(Box::new(other)),
        })?;
        Ok(TestRun { verdict: Answer::new(hook, result.return_value), duration: result.duration })
    }
}

/// Gives this thread a network of its own, without interfaces and sockets: what is run there knows no connection.
pub fn leave_network() -> Result<(), DatapathError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| match errno {
        Errno::EPERM => DatapathError::NotPermitted,
        other => DatapathError::System { call: "unshare", source: io::Error::from(other) },
    })
}

/// `enum xdp_action` and `enum tcx_action_base` of `include/uapi/linux/bpf.h`.
mod actions {
    pub(super) const XDP_DROP: u32 = 1;
    pub(super) const XDP_PASS: u32 = 2;
    pub(super) const TCX_NEXT: u32 = (-1_i32).cast_unsigned();
    pub(super) const TCX_DROP: u32 = 2;
    pub(super) const TCX_REDIRECT: u32 = 7;
}
