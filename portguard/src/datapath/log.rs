//! What the program itself says, where it was built to say something (`cargo xtask build-ebpf --log`).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use aya::Ebpf;
use aya_log::EbpfLogger;

/// The messages of a program.
pub struct ProgramLog(EbpfLogger<ToLog>);

impl ProgramLog {
    /// That of a program that was just loaded; `None` for one that says nothing, as the one does that is shipped.
    pub(super) fn of(ebpf: &mut Ebpf) -> Option<Self> {
        EbpfLogger::init_with_logger(ebpf, ToLog).ok().map(Self)
    }

    /// Hands all messages that have come to the log, at level debug.
    pub fn flush(&mut self) {
        self.0.flush();
    }
}

impl AsFd for ProgramLog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for ProgramLog {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// To the log of everything else.
struct ToLog;

impl log::Log for ToLog {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        tracing::enabled!(target: "portguard::program", tracing::Level::DEBUG)
    }

    fn log(&self, record: &log::Record<'_>) {
        tracing::debug!(target: "portguard::program", "{}", record.args());
    }

    fn flush(&self) {}
}
