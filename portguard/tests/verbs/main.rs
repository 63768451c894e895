//! What each verb that only looks at files answers, in full.

mod diff;
mod explain;
mod export;
mod generated;
mod matrix;
#[path = "../support/mod.rs"]
mod support;

/// Exit code and standard output of a run, and the errors of one that was refused. What a site's warnings are is for
/// other tests to say.
fn answer(arguments: &[&str]) -> String {
    let shown = support::portguard(arguments);
    let (answer, told) = shown.split_once("--- stderr\n").expect("support writes it");
    if !shown.starts_with("exit code 2") {
        return answer.to_owned();
    }
    format!("{answer}--- stderr\n{}", without_warnings(told))
}

/// The text without the diagnostics that are warnings: a diagnostic begins with its code and goes on with lines that are
/// empty or indented.
fn without_warnings(told: &str) -> String {
    let mut blocks: Vec<String> = Vec::new();
    for line in told.split_inclusive('\n') {
        let goes_on = line.starts_with([' ', '\n']);
        match blocks.last_mut() {
            Some(block) if goes_on => block.push_str(line),
            _ => blocks.push(line.to_owned()),
        }
    }
    blocks.retain(|block| !block.contains('⚠'));
    blocks.concat()
}
