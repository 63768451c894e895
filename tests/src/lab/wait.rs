//! Waiting for something to become true.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How often a wait looks.
const INTERVAL: Duration = Duration::from_millis(10);

/// Asks `ready` again and again until it says yes, for as long as `patience` lasts. Whether it did.
pub fn wait_until(patience: Duration, mut ready: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + patience;
    loop {
        if ready() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(INTERVAL);
    }
}
