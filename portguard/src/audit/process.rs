//! Who sent what was to leave.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The process whose socket a packet came from, as far as the kernel tells it: nobody's number is told where that has ended by now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Process {
    /// The number of the user who opened the socket.
    pub uid: u32,
    /// Its cgroup in the unified hierarchy, as `/system.slice/cron.service`; `None` where there is no such directory.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cgroup: Option<String>,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid, cgroup } = self;
        match cgroup {
            // Whoever may make cgroups gives them their names, and terminals obey what has control characters.
            Some(cgroup) if cgroup.contains(char::is_control) => {
                write!(f, "uid {uid} in {}", cgroup.escape_debug())
            }
            Some(cgroup) => write!(f, "uid {uid} in {cgroup}"),
            None => write!(f, "uid {uid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_cgroup_is_obeyed_by_a_terminal() {
        let process = |cgroup: &str| Process { uid: 33, cgroup: Some(cgroup.to_owned()) }.to_string();
        assert_eq!(process("/user.slice/a b"), "uid 33 in /user.slice/a b");
        assert_eq!(process("/user.slice/\u{1b}[2J"), "uid 33 in /user.slice/\\u{1b}[2J");
    }
}
