//! What each verb that only looks at files answers, in full.

mod diff;
mod explain;
#[path = "../support/mod.rs"]
mod support;

/// Exit code and standard output of a run, and standard error where it was refused: what a site's warnings are is for
/// other tests to say.
fn answer(arguments: &[&str]) -> String {
    let shown = support::portguard(arguments);
    if shown.starts_with("exit code 2") {
        return shown;
    }
    shown.split_once("--- stderr\n").map_or(shown.clone(), |(answer, _)| answer.to_owned())
}
