//! Commands that prepare the lab: each must succeed, and a failure says what the command said.

use std::{
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, ensure};

/// `ip` with these arguments, and with these lines, if any, as its input; what it prints.
pub(super) fn ip(arguments: &[&str], lines: &str) -> anyhow::Result<String> {
    let mut command = Command::new("ip");
    command.args(arguments);
    let output = output(&mut command, lines)
        .with_context(|| format!("cannot run `{}` (`cargo xtask setup` installs it)", typed(&command)))?;
    ensure!(
        output.status.success(),
        "`{}`{} failed: {}",
        typed(&command),
        if lines.is_empty() {
            String::new()
        } else {
            format!(" of `{}`", lines.trim_end().replace('\n', "; "))
        },
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn output(command: &mut Command, lines: &str) -> io::Result<Output> {
    // A Ctrl-C is for the process that owns the lab, which may need this very command to clean up.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(lines.as_bytes()) {
            // It has ended early; its status says why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    child.wait_with_output()
}

/// The command as one would type it.
pub(super) fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
