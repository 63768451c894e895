//! When no portguard ran: the filter in the kernel guarded and counted on, and nobody wrote it down at the time.

use serde::Serialize;

use crate::audit::{Change, ChangeKind, Span};

/// A time in which no daemon ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Absence {
    /// When it ended, in seconds since 1970; `None`: it did not say so, since it was killed or the node lost its power.
    pub since: Option<u64>,
    /// When the next one began; `None`: none has.
    pub until: Option<u64>,
}

/// The absences of `span`, by all that was recorded until its end.
pub(super) fn absences(changes: &[Change], span: Span) -> Vec<Absence> {
    let mut absences = Vec::new();
    let mut running = false;
    let mut ended = None;
    for change in changes {
        match change.kind {
            ChangeKind::Start => {
                if running || ended.is_some() {
                    absences.push(Absence { since: ended.take(), until: Some(change.at) });
                }
                running = true;
            }
            ChangeKind::Stop => {
                running = false;
                ended = Some(change.at);
            }
            _ => {}
        }
    }
    if let Some(since) = ended {
        absences.push(Absence { since: Some(since), until: None });
    }
    absences.retain(|absence| absence.until.is_none_or(|until| until >= span.since));
    absences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: u64, kind: ChangeKind) -> Change {
        Change {
            at,
            kind,
            generation: None,
            digest: None,
            by: String::new(),
            says: String::new(),
            diff: None,
        }
    }

    #[test]
    fn a_daemon_that_stopped_was_killed_or_did_not_come_back_is_told() {
        use ChangeKind::{Generation, Start, Stop};
        let story = [(10, Start), (20, Stop), (30, Start), (35, Generation), (40, Start), (50, Stop)];
        let story = story.map(|(at, kind)| change(at, kind));
        let found = |since| {
            let found = absences(&story, Span { since, until: 60 });
            found.iter().map(|absence| (absence.since, absence.until)).collect::<Vec<_>>()
        };
        assert_eq!(found(0), [(Some(20), Some(30)), (None, Some(40)), (Some(50), None)]);
        assert_eq!(found(31), [(None, Some(40)), (Some(50), None)]);
        assert_eq!(absences(&[change(10, Start)], Span { since: 0, until: 60 }), []);
    }
}
