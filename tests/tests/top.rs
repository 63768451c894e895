//! `portguard top` with a daemon that answers: real packets, seen on a terminal.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::UdpSocket,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use nix::pty::{Winsize, openpty};
use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, binary, wait_until},
};

/// The daemon is asked every two seconds.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn what_is_dropped_shows_up_and_a_daemon_that_is_gone_is_told_until_it_is_back() {
    let lab = Lab::new().unwrap();
    let guard = Guard::start(&lab.node, SITE).unwrap();
    let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).unwrap();
    let side = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
    let mut command = Command::new(binary().unwrap());
    command.arg("top").arg("--runtime-dir").arg(guard.directory()).env("TERM", "xterm");
    let mut top = command.stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
    let screen = Arc::new(Mutex::new(vt100::Parser::new(size.ws_row, size.ws_col, 0)));
    let (drawn, mut reader) = (Arc::clone(&screen), File::from(pty.master.try_clone().unwrap()));
    thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(length @ 1..) = reader.read(&mut some) {
            drawn.lock().expect("nobody panics").process(&some[..length]);
        }
    });
    let shown = || screen.lock().expect("nobody panics").screen().contents();
    let said = |text: &str| assert!(wait_until(PATIENCE, || shown().contains(text)), "{text}: {}", shown());
    said("generation 1");
    let sent = lab.stranger.within(|| {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).expect("a free port");
        (0..1000).filter(|_| socket.send_to(b"x", (lab.node.v4(), 9)).is_ok()).count()
    });
    assert_eq!(sent.unwrap(), 1000);
    said("9/udp no_socket");
    let row = |text: &str| shown().lines().find(|line| line.contains(text)).unwrap_or_default().to_owned();
    assert!(row("no_socket").starts_with("10.88.0.4 ") && row("no_socket").contains("1.0k"), "{}", shown());
    assert!(row("no document names it").starts_with("9/udp "), "{}", shown());
    let directory = guard.directory().to_owned();
    drop(guard);
    said("NO ANSWER");
    let guard = Guard::again(&lab.node, &directory).unwrap();
    said("no trouble");
    File::from(pty.master).write_all(b"q").unwrap();
    assert!(top.wait().unwrap().success());
    guard.stop().unwrap();
}
