//! What is handed to the store: harvests of the kernel's counts, and changes of what is enforced.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::Process;
use crate::observe::{Count, CounterReport};

/// What the kernel counted and whom it dropped, since the harvest before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Harvest {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Which filter counted. Another one begins at zero: after a reboot, or after the filter was taken off.
    pub instance: String,
    /// Everything that this instance has counted since it was put on.
    pub totals: CounterReport,
    /// Whom it dropped.
    pub details: Vec<Detail>,
}

/// One drained half of a generation's table of drops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The generation's number.
    pub generation: u64,
    /// Which filling of the table; ascending within an instance's generation.
    pub epoch: u64,
    /// By source and port.
    pub drops: Vec<SourceDrops>,
    /// What was dropped meanwhile, and the table had no place for its source.
    pub lost: Count,
}

/// What was dropped of one source at one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDrops {
    /// The source's address; `None` where the frames have none that can be read.
    pub source: Option<IpAddr>,
    /// The zone's name.
    pub zone: String,
    /// `8086/tcp`, `icmpv4/8`, `ip/47`; `-` where none can be read.
    pub port: String,
    /// The reason's name.
    pub reason: String,
    /// The rules that name the port, each with its place: `redis-enterprise/shards (redis-enterprise.md:46)`. Empty: no
    /// document names it.
    pub rules: Vec<String>,
    /// Who sent it, if it was to leave and the kernel tells.
    pub process: Option<Process>,
    /// Whether it passed all the same, since the mode was `observe`.
    pub would: bool,
    /// Packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the first came, in milliseconds since 1970.
    pub first: u64,
    /// When the last came.
    pub last: u64,
}

/// Something that changed what is enforced, or how sure the record is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When, in seconds since 1970.
    pub at: u64,
    /// What kind.
    pub kind: ChangeKind,
    /// The generation that it led to, or concerns.
    pub generation: Option<u64>,
    /// The digest of that generation's image.
    pub digest: Option<String>,
    /// Who asked: `start`, `portguard reload`, `SIGHUP`, with the user where it is known.
    pub by: String,
    /// One sentence.
    pub says: String,
    /// What opened and closed for whom, as text.
    pub diff: Option<String>,
}

/// What kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// The daemon started.
    Start,
    /// The daemon ended.
    Stop,
    /// Another generation is in force.
    Generation,
    /// The mode is another one.
    Mode,
    /// The filter was taken off.
    Detach,
    /// Something is missing in the record, or cannot be trusted.
    Gap,
    /// The clock went back, or far forward.
    Clock,
    /// Old records were rolled up or removed.
    Retention,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Start,
        Self::Stop,
        Self::Generation,
        Self::Mode,
        Self::Detach,
        Self::Gap,
        Self::Clock,
        Self::Retention,
    ];

    /// Its name in the file and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Generation => "generation",
            Self::Mode => "mode",
            Self::Detach => "detach",
            Self::Gap => "gap",
            Self::Clock => "clock",
            Self::Retention => "retention",
        }
    }

    /// The kind of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
