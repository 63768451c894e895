//! Running the binary and putting what it did into one text.

use std::{path::Path, process::Command};

/// The directory that the tests' files are in; the binary runs there, so that no path of this machine is shown.
pub(crate) fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}

/// Exit code, standard output and standard error of a run.
pub(crate) fn portguard(arguments: &[&str]) -> String {
    portguard_in(&[], arguments)
}

/// The same, in an environment of its own.
pub(crate) fn portguard_in(environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portguard"))
        .args(arguments)
        .current_dir(directory())
        .env_remove("COLUMNS")
        .env_remove("SSH_CONNECTION")
        .env_remove("SSH_CLIENT")
        .envs(environment.iter().copied())
        .output()
        .expect("the binary was built with this test");
    let code = output.status.code().map_or("none".to_owned(), |code| code.to_string());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("portguard writes UTF-8");
    format!("exit code {code}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}
