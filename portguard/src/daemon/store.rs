//! What outlives a reboot: the site that was last in force, the one before it, one that waits to be confirmed.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::replacement::Replacement;
use crate::{
    input::{Bundle, InputError, Loaded},
    names::NameCache,
};

const FILE: &str = "state.json";
/// Raised when [`Kept`] changes its meaning.
const FORMAT: u32 = 1;

/// What is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    format: u32,
    /// What is in force for good.
    pub(super) in_force: Option<Bundle>,
    /// What was before that.
    pub(super) before: Option<Bundle>,
    /// What is in force until it is confirmed, or taken back.
    pub(super) pending: Option<Pending>,
    /// The digest of files that were taken back: a start does not put them in force again.
    pub(super) shunned: Option<String>,
    /// What host names stand for, so that a start needs no DNS.
    pub(super) names: NameCache,
}

/// A site that waits to be confirmed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The site.
    pub(super) bundle: Bundle,
    /// The boot in which it waits.
    boot: String,
    /// Until when, in milliseconds since that boot.
    deadline: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            format: FORMAT,
            in_force: None,
            before: None,
            pending: None,
            shunned: None,
            names: NameCache::default(),
        }
    }
}

impl Kept {
    /// Makes `bundle` what is in force for good.
    pub(super) fn settle(&mut self, bundle: Bundle) {
        (self.pending, self.shunned) = (None, None);
        if self.in_force.as_ref().is_some_and(|known| *known != bundle) {
            self.before = self.in_force.take();
        }
        self.in_force = Some(bundle);
    }
}

impl Pending {
    /// A site that waits for `patience`. No clock that people set can make that longer or shorter.
    pub(super) fn new(bundle: Bundle, patience: Duration) -> io::Result<Self> {
        let patience = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        Ok(Self { bundle, boot: boot()?, deadline: uptime()?.saturating_add(patience) })
    }

    /// How long it still waits. `None`: it waits no more, or the node was booted since.
    pub(super) fn remaining(&self) -> Option<Duration> {
        if boot().ok()? != self.boot {
            return None;
        }
        self.deadline.checked_sub(uptime().ok()?).filter(|&left| left > 0).map(Duration::from_millis)
    }
}

/// The site that the daemon of `state_dir` has put in force, word for word as it kept it; `None` where it has kept none.
pub fn site_in_force(state_dir: &Path) -> Result<Option<Loaded>, InputError> {
    let Kept { pending, in_force, names, .. } = Store::new(state_dir.to_owned()).load();
    let pending = pending.filter(|pending| pending.remaining().is_some()).map(|pending| pending.bundle);
    let Some(bundle) = pending.or(in_force) else { return Ok(None) };
    let mut loaded = bundle.load()?;
    loaded.answer(&names.answers(&loaded.host_names()));
    Ok(Some(loaded))
}

/// The directory where it is kept.
#[derive(Clone, Debug)]
pub(super) struct Store(PathBuf);

impl Store {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The directory, for people.
    pub(super) fn directory(&self) -> impl std::fmt::Display {
        self.0.display()
    }

    /// What was kept last; nothing the first time, and where it can't be read, which is told.
    pub(super) fn load(&self) -> Kept {
        let path = self.0.join(FILE);
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Kept>(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Kept::default(),
            Err(error) => Err(error),
        };
        match kept {
            Ok(kept) if kept.format == FORMAT => kept,
            Ok(kept) => {
                tracing::warn!(path = %path.display(), format = kept.format, "kept by another version, and not used");
                Kept::default()
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "what was kept cannot be read, and is not used");
                Kept::default()
            }
        }
    }

    /// Keeps it in the place of what was kept before: the one or the other, also if the power fails.
    pub(super) fn save(&self, kept: &Kept) -> io::Result<()> {
        DirBuilder::new().mode(0o700).recursive(true).create(&self.0)?;
        Replacement::private(&self.0.join(FILE), &serde_json::to_vec(kept)?)?.take_place()?;
        File::open(&self.0)?.sync_all()
    }
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Milliseconds since the boot, those asleep included.
fn uptime() -> io::Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME)?;
    Ok(u64::try_from(Duration::from(now).as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn bundle(text: &str) -> Bundle {
        let text = format!("# {text}\nmode = \"observe\"\nposture = \"pass\"\n[interfaces.eth0]\n");
        Bundle::of_text(Path::new("/nowhere/site.toml"), text).expect("it holds together").1
    }

    #[test]
    fn what_is_kept_is_found_again_and_what_is_garbled_is_not_used() {
        let directory = TempDir::new().unwrap();
        let store = Store::new(directory.path().join("deep"));
        assert!(store.load().in_force.is_none());
        let mut kept = Kept::default();
        for text in ["one", "two", "two"] {
            kept.settle(bundle(text));
        }
        store.save(&kept).unwrap();
        let found = store.load();
        assert_eq!((found.in_force, found.before), (Some(bundle("two")), Some(bundle("one"))));
        fs::write(directory.path().join("deep").join(FILE), b"{\"format\":").unwrap();
        assert!(store.load().in_force.is_none());
    }

    #[test]
    fn a_site_waits_in_its_own_boot_only_and_no_longer_than_it_may() {
        let waiting = Pending::new(bundle("one"), Duration::from_mins(1)).unwrap();
        let left = waiting.remaining().unwrap();
        assert!(left <= Duration::from_mins(1) && left > Duration::from_secs(50), "{left:?}");
        assert_eq!(Pending { boot: "another".to_owned(), ..waiting.clone() }.remaining(), None);
        assert_eq!(Pending { deadline: 1, ..waiting }.remaining(), None);
    }
}
