//! `portguard top` on a terminal, and without one.

mod support;

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::AsFd as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    pty::{OpenptyResult, Winsize, openpty},
    sys::{
        signal::{Signal, kill},
        termios::{LocalFlags, Termios, tcgetattr},
    },
    unistd::Pid,
};
use support::portguard;

/// A terminal of 80 by 24 on which `top` runs.
struct Terminal {
    pty: OpenptyResult,
    before: Termios,
    child: Child,
    /// Everything that was shown.
    screen: thread::JoinHandle<String>,
    keyboard: File,
}

impl Terminal {
    fn start() -> Self {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("there are pseudo-terminals");
        let before = tcgetattr(&pty.slave).expect("it is a terminal");
        let directory = tempfile::tempdir().expect("a directory");
        let slave = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        let child = Command::new(env!("CARGO_BIN_EXE_portguard"))
            .arg("top")
            .arg("--runtime-dir")
            .arg(directory.path())
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(slave())
            .stdout(slave())
            .stderr(slave())
            .spawn()
            .expect("the binary was built with this test");
        let mut shown = File::from(pty.master.try_clone().expect("a descriptor"));
        let screen = thread::spawn(move || {
            let (mut all, mut some) = (Vec::new(), [0; 4096]);
            // Until nobody has the terminal any more, which is an error to its reader.
            while let Ok(length @ 1..) = shown.read(&mut some) {
                all.extend_from_slice(&some[..length]);
            }
            String::from_utf8_lossy(&all).into_owned()
        });
        let keyboard = File::from(pty.master.try_clone().expect("a descriptor"));
        let terminal = Self { pty, before, child, screen, keyboard };
        terminal.wait_until(|flags| !flags.contains(LocalFlags::ICANON));
        terminal
    }

    fn flags(&self) -> LocalFlags {
        tcgetattr(self.pty.slave.as_fd()).expect("it is a terminal").local_flags
    }

    fn wait_until(&self, is_so: impl Fn(LocalFlags) -> bool) {
        let start = Instant::now();
        while !is_so(self.flags()) {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", self.flags());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The exit code, and what was shown in all, once it has ended and the terminal is as it was.
    fn end(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                break status;
            }
            if start.elapsed() > Duration::from_secs(20) {
                drop(self.child.kill());
            }
            thread::sleep(Duration::from_millis(10));
        };
        let after = tcgetattr(self.pty.slave.as_fd()).expect("it is a terminal");
        assert_eq!(after, self.before, "the terminal is as it was");
        drop(self.pty.slave);
        let shown = self.screen.join().expect("reading does not fail");
        assert!(shown.contains("\u{1b}[?1049h"), "it has a screen of its own: {shown:?}");
        assert!(
            shown.ends_with("\u{1b}[?25h") || shown.contains("\u{1b}[?1049l"),
            "and leaves it: {shown:?}"
        );
        let (_, left) = shown.rsplit_once("\u{1b}[?1049l").expect("it leaves its screen");
        assert!(!left.contains("portguard"), "nothing is drawn on what was there before: {left:?}");
        // Neither was said where it ended before anything was drawn.
        assert!(shown.rfind("\u{1b}[?25l") <= shown.rfind("\u{1b}[?25h"), "the cursor is back: {shown:?}");
        (status.code(), shown)
    }
}

#[test]
fn a_key_ends_it_and_gives_the_terminal_back() {
    for key in ["q", "\u{1b}", "\u{3}"] {
        let mut terminal = Terminal::start();
        thread::sleep(Duration::from_millis(500));
        terminal.keyboard.write_all(key.as_bytes()).unwrap();
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(0), "{key:?}: {shown:?}");
        assert!(
            shown.contains("waiting") && shown.contains("ANSWER"),
            "it says that nobody answers: {shown:?}"
        );
        assert!(!shown.contains("\u{1b}[31m") && !shown.contains("\u{1b}[38;5;1m"), "no colour: {shown:?}");
    }
}

#[test]
fn a_signal_gives_the_terminal_back_too() {
    let terminal = Terminal::start();
    let pid = Pid::from_raw(terminal.child.id().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn without_a_terminal_it_says_so() {
    let said = portguard(&["top"]);
    assert!(said.starts_with("exit code 2\n--- stdout\n--- stderr\nerror: top needs a terminal"), "{said}");
    let help = portguard(&["top", "--help"]);
    assert!(help.contains("portguard top") && help.contains("For scripts"), "{help}");
}
