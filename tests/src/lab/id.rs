//! A lab's name, which says whose it is.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process,
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

/// `portguard-PID-NUMBER`: the process that made the lab, and how many it had made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pid: u32,
    number: u32,
}

/// A name that is not a lab's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotALab;

impl Id {
    /// A name that no lab has had.
    pub(super) fn next() -> Self {
        static LABS: AtomicU32 = AtomicU32::new(0);
        Self { pid: process::id(), number: LABS.fetch_add(1, Ordering::Relaxed) }
    }

    /// The lab that `name` belongs to, which is the lab's name or begins with it and a dash.
    pub(super) fn owning(name: &str) -> Option<Self> {
        let mut parts = name.splitn(4, '-');
        let id = [parts.next()?, parts.next()?, parts.next()?].join("-");
        id.parse().ok()
    }

    /// Whether the process that made the lab is there, or another that has got its number since.
    pub(super) fn owner_lives(self) -> bool {
        Path::new("/proc").join(self.pid.to_string()).exists()
    }

    /// The lab's directory.
    pub(super) fn directory(self) -> PathBuf {
        env::temp_dir().join(self.to_string())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "portguard-{}-{}", self.pid, self.number)
    }
}

impl FromStr for Id {
    type Err = NotALab;

    fn from_str(text: &str) -> Result<Self, NotALab> {
        let (pid, number) =
            text.strip_prefix("portguard-").and_then(|rest| rest.split_once('-')).ok_or(NotALab)?;
        let number_of = |text: &str| text.parse().map_err(|_| NotALab);
        let id = Self { pid: number_of(pid)?, number: number_of(number)? };
        // `+1` and `01` are numbers, but not as a lab writes them.
        if id.to_string() == text { Ok(id) } else { Err(NotALab) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_it_is() {
        let id = Id { pid: 12, number: 3 };
        assert_eq!("portguard-12-3".parse(), Ok(id));
        assert_eq!(Id::owning("portguard-12-3"), Some(id));
        assert_eq!(Id::owning("portguard-12-3-node"), Some(id));
    }

    #[test]
    fn other_names_are_nobody_s() {
        for name in [
            "",
            "portguard",
            "portguard-12",
            "portguard-12-x-node",
            "portguard--1-3",
            "portguard-012-3",
            "portguard-+1-3",
            "xportguard-12-3",
            "podman-1-2",
        ] {
            assert_eq!(Id::owning(name), None, "{name}");
        }
    }
}
