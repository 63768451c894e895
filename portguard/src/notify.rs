//! What a service manager wants to hear: ready, reloading, stopping, alive (`sd_notify(3)`).
//!
//! Without a manager, which sets `NOTIFY_SOCKET`, nothing is said. A manager that cannot be told is logged and no reason
//! to stop guarding. The moment of [`ready`] is when the interfaces are guarded, not before: what is ordered after the
//! service begins then.

use std::{io, time::Duration};

use sd_notify::NotifyState;

/// The interfaces are guarded; also what ends a reload.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&line(status))]);
}

/// A reload begins. To be followed by [`ready`], whether it succeeds or not: a file that cannot be used changes nothing,
/// and the old one is still in force.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => untold(&error),
    }
}

/// The process ends. The interfaces stay as they are.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(&line(status))]);
}

/// One line for `systemctl status`.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(&line(status))]);
}

/// How often to call [`alive`], where somebody watches: half the time after which the service counts as hung.
pub fn watchdog() -> Option<Duration> {
    Some(sd_notify::watchdog_enabled()? / 2)
}

/// The daemon's loop still turns.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        untold(&error);
    }
}

fn untold(error: &io::Error) {
    tracing::warn!(%error, "the service manager could not be told");
}

/// A newline would begin another assignment.
fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        os::unix::net::UnixDatagram,
        process::{Command, Stdio},
        time::Duration,
    };

    use super::*;

    /// What the next test's processes are to say.
    const SAY: &str = "PORTGUARD_TEST_SAY";

    /// Not a test of its own: what the other ones run as a service, since a service's environment is its own.
    #[test]
    fn service() {
        match env::var(SAY).as_deref() {
            Ok("ready") => ready("guarding eth0\nREADY=0"),
            Ok("reloading") => reloading(),
            Ok("stopping") => stopping("eth0 stays guarded"),
            Ok("status") => status("12 drops in the last minute"),
            Ok("alive") => {
                assert_eq!(watchdog(), Some(Duration::from_secs(15)));
                alive();
            }
            _ => assert_eq!(watchdog(), None),
        }
    }

    /// What the manager hears from a service that says this.
    fn heard(say: &str) -> String {
        let path = env::temp_dir().join(format!("portguard-notify-{}-{say}", std::process::id()));
        drop(std::fs::remove_file(&path));
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let service = Command::new(env::current_exe().unwrap())
            .args(["--exact", "notify::tests::service"])
            .env(SAY, say)
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "30000000")
            .stdout(Stdio::null())
            .status();
        assert!(service.unwrap().success());
        let mut buffer = [0; 512];
        let length = manager.recv(&mut buffer).unwrap();
        std::fs::remove_file(&path).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_manager_hears_when_the_node_is_guarded_and_a_newline_says_nothing_more() {
        assert_eq!(heard("ready"), "READY=1\nSTATUS=guarding eth0 READY=0\n");
    }

    #[test]
    fn a_reload_is_told_with_its_time() {
        let said = heard("reloading");
        let micros = said.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
        assert!(micros.parse::<u64>().unwrap() > 0);
    }

    #[test]
    fn the_end_a_status_and_a_sign_of_life_are_told() {
        assert_eq!(heard("stopping"), "STOPPING=1\nSTATUS=eth0 stays guarded\n");
        assert_eq!(heard("status"), "STATUS=12 drops in the last minute\n");
        assert_eq!(heard("alive"), "WATCHDOG=1\n");
    }
}
