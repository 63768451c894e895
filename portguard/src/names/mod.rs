//! Names: what the host names in a site's groups stand for, asked of `/etc/hosts` and of DNS, and kept.
//!
//! [`Resolver`] asks, [`NameCache`] keeps: the last answer of each name for as long as there is no newer one, and when to
//! ask again. A name that stops resolving keeps its addresses, with the failure beside them; one that never resolved has
//! none, and admits nobody. The room knows what a name is (`site`), and nothing of groups or rules.

mod cache;
mod connected;
mod hosts;
mod lookup;

use std::{collections::BTreeSet, time::SystemTime};

pub use cache::{Known, NameCache};
pub use hosts::of_hosts_file;
pub use lookup::{FamilyAnswer, LookedUp, PATIENCE, Resolver};
use tokio::runtime::Builder;

use crate::site::{Answers, HostName};

/// Asks the system once, for a command that keeps nothing. It takes no longer than [`PATIENCE`].
pub fn resolve_once(names: &BTreeSet<HostName>) -> Answers {
    let mut cache = NameCache::default();
    if !names.is_empty() {
        let looked_up = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(async { Resolver::from_system().look_up_all(names).await }),
            Err(error) => {
                let failed = LookedUp::failed(&format!("the system refuses what asking needs: {error}"));
                names.iter().map(|name| (name.clone(), failed.clone())).collect()
            }
        };
        cache.learn(looked_up, SystemTime::now());
    }
    cache.answers(names)
}
