//! Keeping: the last answer for each name, and when it is to be asked for again. The time is the caller's to tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{FamilyAnswer, LookedUp};
use crate::site::{Answer, Answers, HostName, can_be_peer};

/// However short a life time DNS gives, a name is not asked for again before.
const SHORTEST: Duration = Duration::from_secs(5);
/// However long it gives, a name is asked for again then.
const LONGEST: Duration = Duration::from_hours(1);
/// After failures it is asked for again after [`SHORTEST`], then twice as long, and so on up to this.
const LONGEST_AFTER_FAILURE: Duration = Duration::from_mins(5);
/// More addresses of one family than this are no answer: nobody lists so many nodes under one name.
const MOST: usize = 256;

/// What is known of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The last answer: its IPv4 addresses, ascending.
    v4: Vec<IpAddr>,
    /// Its IPv6 addresses, ascending.
    v6: Vec<IpAddr>,
    /// When there last was an answer for at least one family.
    resolved: Option<SystemTime>,
    /// When it was last asked for.
    asked: SystemTime,
    /// When it is to be asked for again.
    due: SystemTime,
    /// Why not everything could be found out when it was last asked for.
    failure: Option<String>,
    /// How many times that was so, one after the other.
    failures: u32,
}

impl Known {
    /// Its addresses by the last answer that there was; none, if there never was one.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.v4.iter().chain(&self.v6).copied()
    }

    /// When there last was an answer.
    pub fn resolved(&self) -> Option<SystemTime> {
        self.resolved
    }

    /// Why not everything could be found out when it was last asked for.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    fn new(now: SystemTime) -> Self {
        Self {
            v4: Vec::new(),
            v6: Vec::new(),
            resolved: None,
            asked: now,
            due: now,
            failure: None,
            failures: 0,
        }
    }

    /// Takes what was found out; whether its addresses are others now.
    fn learn(&mut self, LookedUp { v4, v6 }: LookedUp, now: SystemTime) -> bool {
        let (v4, v6) = (judged(v4), judged(v6));
        let mut reasons: Vec<String> = Vec::new();
        let mut ttl = LONGEST;
        let mut changed = false;
        let is_answer = |answer: &&FamilyAnswer| {
            matches!(answer, FamilyAnswer::Addresses { .. } | FamilyAnswer::Listed { .. })
        };
        let answered = [&v4, &v6].iter().any(is_answer);
        for (kept, answer) in [(&mut self.v4, v4), (&mut self.v6, v6)] {
            let found = match answer {
                FamilyAnswer::Addresses { addresses, ttl: of_family }
                | FamilyAnswer::Listed { addresses, ttl: of_family } => {
                    ttl = ttl.min(of_family);
                    addresses
                }
                // The name is there, and has none of this family. Where it has none at all it is gone, by an accident more
                // often than on purpose.
                FamilyAnswer::None(_) if answered => Vec::new(),
                FamilyAnswer::None(why) | FamilyAnswer::Failed(why) => {
                    if !reasons.contains(&why) {
                        reasons.push(why);
                    }
                    continue;
                }
            };
            changed |= *kept != found;
            *kept = found;
        }
        if answered {
            self.resolved = Some(now);
        }
        self.failure = (!reasons.is_empty()).then(|| reasons.join("; "));
        self.failures = if self.failure.is_some() { self.failures.saturating_add(1) } else { 0 };
        self.asked = now;
        self.due = now + self.failures.checked_sub(1).map_or(ttl.max(SHORTEST), after_failure);
        changed
    }

    /// A clock that was set back must not make anybody wait until it has caught up.
    fn is_due(&self, now: SystemTime) -> bool {
        self.due <= now || self.asked > now
    }
}

/// An answer as far as it is one: ascending, each address once.
fn judged(answer: FamilyAnswer) -> FamilyAnswer {
    let is_listed = matches!(answer, FamilyAnswer::Listed { .. });
    let (FamilyAnswer::Addresses { mut addresses, ttl } | FamilyAnswer::Listed { mut addresses, ttl }) =
        answer
    else {
        return answer;
    };
    addresses.sort_unstable();
    addresses.dedup();
    match addresses.as_slice() {
        [] if is_listed => FamilyAnswer::Listed { addresses, ttl },
        [] => FamilyAnswer::None("the name has no address".to_owned()),
        // What blocks a name answers so; the answer before is the better one.
        [first, ..] if !addresses.iter().any(|&address| can_be_peer(address)) => {
            FamilyAnswer::Failed(format!("the answer is {first}, which no peer can have"))
        }
        _ if addresses.len() > MOST => FamilyAnswer::Failed(format!(
            "the answer has {} addresses, and {MOST} are the most that are taken",
            addresses.len()
        )),
        _ => FamilyAnswer::Addresses { addresses, ttl },
    }
}

fn after_failure(times_before: u32) -> Duration {
    let factor = 2_u32.saturating_pow(times_before);
    SHORTEST.saturating_mul(factor).min(LONGEST_AFTER_FAILURE)
}

/// What is known of many names. It can be stored and read again, so that a start needs no DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameCache(BTreeMap<HostName, Known>);

impl NameCache {
    /// Forgets every name but `names`.
    pub fn keep_only(&mut self, names: &BTreeSet<HostName>) {
        self.0.retain(|name, _| names.contains(name));
    }

    /// Those of `names` that are to be looked up now.
    pub fn due(&self, names: &BTreeSet<HostName>, now: SystemTime) -> BTreeSet<HostName> {
        names.iter().filter(|name| self.0.get(name).is_none_or(|known| known.is_due(now))).cloned().collect()
    }

    /// How long until the first of `names` is to be looked up; none without names.
    pub fn next_due(&self, names: &BTreeSet<HostName>, now: SystemTime) -> Option<Duration> {
        let wait = |name| match self.0.get(name) {
            Some(known) if !known.is_due(now) => known.due.duration_since(now).unwrap_or_default(),
            Some(_) | None => Duration::ZERO,
        };
        names.iter().map(wait).min()
    }

    /// Takes what was found out. Whether the addresses of any name are others now, so that the matrix is another one.
    pub fn learn(
        &mut self,
        looked_up: impl IntoIterator<Item = (HostName, LookedUp)>,
        now: SystemTime,
    ) -> bool {
        let mut changed = false;
        for (name, found) in looked_up {
            changed |= self.0.entry(name).or_insert_with(|| Known::new(now)).learn(found, now);
        }
        changed
    }

    /// What is known of one name; nothing, if it was never asked for.
    pub fn known(&self, name: &HostName) -> Option<&Known> {
        self.0.get(name)
    }

    /// What a site takes for its names.
    pub fn answers(&self, names: &BTreeSet<HostName>) -> Answers {
        let answer = |name: &HostName| match self.0.get(name) {
            Some(known) => Answer { addresses: known.addresses().collect(), failure: known.failure.clone() },
            None => Answer { addresses: Vec::new(), failure: Some("nobody was asked yet".to_owned()) },
        };
        names.iter().map(|name| (name.clone(), answer(name))).collect()
    }
}

#[cfg(test)]
mod tests;
