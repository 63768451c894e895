//! `cargo xtask demo`: shows PortGuard at work, and cleans up whatever happens.

use std::process::ExitCode;

use portguard_tests::{demo, lab};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        result = tokio::task::spawn_blocking(demo::run) => {
            result??;
            Ok(ExitCode::SUCCESS)
        }
        _ = interrupt.recv() => interrupted(),
        _ = terminate.recv() => interrupted(),
    }
}

/// The demo's own thread still holds the lab; it is not waited for, so what it has made is removed here.
fn interrupted() -> anyhow::Result<ExitCode> {
    lab::sweep_own()?;
    std::process::exit(130);
}
