//! The examination as people read it.

use std::fmt;

use super::{Check, Examination, State};

impl fmt::Display for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.subject.chars().count()).max().unwrap_or_default();
        for Check { subject, state, found, needed_for, remedy } in &self.checks {
            writeln!(f, "{:<7}  {subject:<width$}  {found}", word(*state))?;
            if let Some(remedy) = remedy {
                writeln!(f, "{:<7}  {:<width$}  for {needed_for}", "", "")?;
                writeln!(f, "{:<7}  {:<width$}  -> {remedy}", "", "")?;
            }
        }
        let count = |state| self.checks.iter().filter(|check| check.state == state).count();
        let (missing, unseen) = (count(State::Missing), count(State::Unseen));
        writeln!(f)?;
        match (missing, unseen) {
            (0, 0) => writeln!(f, "This machine can be guarded."),
            (0, unseen) => writeln!(
                f,
                "Nothing is known to be missing; {unseen} of {} could not be seen.",
                self.checks.len()
            ),
            (missing, _) => {
                writeln!(f, "This machine can't be guarded yet: {missing} of {} missing.", self.checks.len())
            }
        }
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Fine => "ok",
        State::Notice => "notice",
        State::Unseen => "unseen",
        State::Missing => "MISSING",
    }
}
