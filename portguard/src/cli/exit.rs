//! How a run ends: exit codes, and errors as text.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use super::Rejected;
use crate::{daemon::DaemonError, input::InputError, reading::Colour};

/// What a verb answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Fine.
    Success,
    /// The question was understood and the answer is no.
    AnswerIsNo,
    /// The input is wrong, and the answer has said so already.
    WrongInput,
}

const ERROR: u8 = 2;

/// Turns a verb's answer into the process's: an error is told in full on standard error, unless it is only that
/// nobody reads standard output any more.
pub fn finish(answer: anyhow::Result<ExitStatus>) -> ExitCode {
    match answer {
        Ok(ExitStatus::Success) => ExitCode::SUCCESS,
        Ok(ExitStatus::AnswerIsNo) => ExitCode::from(1),
        Ok(ExitStatus::WrongInput) => ExitCode::from(ERROR),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&describe(&error, stderr_colour()));
            ExitCode::from(ERROR)
        }
    }
}

/// Writes to standard error. Where that is gone there is nobody left to tell.
pub(super) fn tell(text: &str) {
    let _: io::Result<()> = io::stderr().write_all(text.as_bytes());
}

/// Colour where standard error is a terminal and the user has not said otherwise (<https://no-color.org>).
pub(super) fn stderr_colour() -> Colour {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stderr().is_terminal() && !unwanted { Colour::Always } else { Colour::Never }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    // A daemon that hangs up is something else.
    !error.is::<DaemonError>()
        && error.chain().any(|cause| {
            let system = cause.downcast_ref::<io::Error>().map(io::Error::kind);
            // What JSON was written to is not among the causes that it gives.
            let json =
                || cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
            system.or_else(json) == Some(io::ErrorKind::BrokenPipe)
        })
}

/// An error as text: the diagnostics of wrong input, of anything else what went wrong and why.
fn describe(error: &anyhow::Error, colour: Colour) -> String {
    if let Some(input) = error.downcast_ref::<InputError>() {
        return input.render(colour);
    }
    if let Some(rejected) = error.downcast_ref::<Rejected>() {
        return rejected.render(colour);
    }
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        writeln!(text, "  because {cause}").expect("writing to a string does not fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_hangs_up_is_not_a_reader_that_went_away() {
        let source = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&source().into()));
        let hung_up = DaemonError::NotRunning { path: "control.sock".into(), source: source() };
        assert!(!is_broken_pipe(&hung_up.into()));
    }
}
