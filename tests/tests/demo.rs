//! `cargo xtask demo`: it says what it saw, notices what should not be, and cleans up whatever happens.

use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portguard_tests::lab::{binary, script, wait_until};
use tempfile::TempDir;

fn start(report: &Path) -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    demo.arg("--report")
        .arg(report)
        .env("PORTGUARD", binary().expect("the binary is built"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    demo
}

/// Waits for the demo's end; nothing of it may be there then.
fn end(demo: Child) -> (Output, String) {
    let name = format!("portguard-{}-", demo.id());
    let output = demo.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
    for directory in ["/run/netns".into(), env::temp_dir()] {
        for entry in fs::read_dir(directory).expect("a readable directory") {
            let entry = entry.expect("a readable directory").file_name();
            assert!(!entry.to_string_lossy().starts_with(&name), "{} is left: {said}", entry.display());
        }
    }
    (output, said)
}

#[test]
fn two_demos_at_once_come_out_as_the_documents_say() {
    let directory = TempDir::new().unwrap();
    let reports = ["one.html", "two.html"].map(|name| directory.path().join(name));
    let demos = reports.each_ref().map(|report| start(report).spawn().unwrap());
    for (demo, report) in demos.into_iter().zip(&reports) {
        let (output, said) = end(demo);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("SURPRISE") && said.contains("came out as the documents say"), "{said}");
        assert!(said.contains(&format!("The report: {}", report.display())), "{said}");
        let page = fs::read_to_string(report).unwrap();
        assert!(page.contains("8086/tcp") && page.contains("influxdb-enterprise.md"), "{page}");
    }
}

#[test]
fn a_filter_that_lets_too_much_through_is_a_surprise() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("portguard");
    // The real one, but told to observe.
    let observing = format!(
        "#!/bin/sh\n[ \"$1\" = run ] && sed -i s/enforce/observe/ \"$3\"\nexec {} \"$@\"\n",
        binary().unwrap().display()
    );
    script(&path, &observing).unwrap();
    let (output, said) =
        end(start(&directory.path().join("report.html")).env("PORTGUARD", &path).spawn().unwrap());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("SURPRISE") && said.contains("differently than the documents say"), "{said}");
}

#[test]
fn a_filter_that_does_not_start_is_told_in_its_own_words() {
    let nowhere = Path::new("/nowhere/report.html");
    let (output, said) = end(start(nowhere).env("PORTGUARD", "/bin/false").spawn().unwrap());
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`/bin/false run --site") && said.contains("exit status: 1"), "{said}");
}

#[test]
fn a_signal_at_any_moment_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    let report = directory.path().join("report.html");
    let moments = [100, 400, 800, 1500, 2500].map(Duration::from_millis);
    thread::scope(|scope| {
        for (moment, signal) in moments.into_iter().zip([Signal::SIGINT, Signal::SIGTERM].into_iter().cycle())
        {
            let report = &report;
            scope.spawn(move || {
                let demo = start(report).spawn().unwrap();
                let pid = Pid::from_raw(demo.id().try_into().unwrap());
                // Before that it has made nothing, and does not listen for signals.
                let mark = env::temp_dir().join(format!("portguard-{pid}-0"));
                assert!(wait_until(Duration::from_secs(10), || mark.exists()));
                thread::sleep(moment);
                kill(pid, signal).unwrap();
                let (output, said) = end(demo);
                assert_eq!(output.status.code(), Some(130), "{signal} after {moment:?}: {said}");
            });
        }
    });
}
