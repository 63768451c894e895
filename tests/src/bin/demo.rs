//! `cargo xtask demo`: shows PortGuard at work, and cleans up whatever happens.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use portguard_tests::{demo, lab::Stop};
use tokio::signal::unix::{SignalKind, signal};

/// Shows PortGuard at work between network namespaces
#[derive(Parser)]
struct Options {
    /// Where the report goes that the demo ends with
    #[arg(long, value_name = "FILE", default_value = "portguard-report.html")]
    report: PathBuf,
}

/// What a shell gives for a program that SIGINT has ended.
const INTERRUPTED: u8 = 130;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let Options { report } = Options::parse();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let stop = Stop::default();
    let mut shown = tokio::task::spawn_blocking({
        let stop = stop.clone();
        move || demo::run(&stop, &report)
    });
    let result = tokio::select! {
        result = &mut shown => Some(result?),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        _ = hang_up.recv() => None,
    };
    let Some(result) = result else {
        stop.set();
        // The demo takes its lab down itself, and then ends with the error that it was stopped.
        let _: anyhow::Result<()> = shown.await?;
        writeln!(io::stderr(), "stopped by a signal")?;
        return Ok(ExitCode::from(INTERRUPTED));
    };
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            writeln!(io::stderr(), "error: {error:#}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
