//! What is to be done from time to time: sealing days that are over, and taking what is too old or too much.

use super::{AuditError, Seal, Store, retention, seal};

/// The generations of a filter whose last filling is remembered. What is older is not harvested any more.
const GENERATIONS: i64 = 1000;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The days that were sealed. Who keeps their hashes elsewhere can tell a record that was rewritten from the true one.
    pub sealed: Vec<Seal>,
    /// What retention took, in sentences.
    pub taken: Vec<String>,
}

impl Store {
    /// Seals the days that are over at `now`, in seconds since 1970, and takes what is older, or more, than is to be kept.
    /// Costs next to nothing where there is nothing to do.
    pub fn keep(&mut self, now: u64) -> Result<Kept, AuditError> {
        let mut kept = Kept::default();
        let limits = self.limits;
        for day in self.transact(|connection, _| seal::due(connection, now))? {
            let (seal, taken) = self.transact(|connection, _| {
                let seal = seal::seal(connection, day, now)?;
                connection.execute(
                    "DELETE FROM epoch WHERE generation <= (SELECT max(generation) FROM epoch AS newest WHERE \
                     newest.instance = epoch.instance) - ?1",
                    [GENERATIONS],
                )?;
                Ok((seal, retention::by_age(connection, &limits, day, now)?))
            })?;
            kept.sealed.push(seal);
            kept.taken.extend(taken);
        }
        kept.taken.extend(self.transact(|connection, _| retention::by_size(connection, &limits, now))?);
        Ok(kept)
    }
}
