//! The audit store: that nothing is lost or doubled, whatever happens to whom, and what it answers.

mod clock;
mod crash;
mod formats;
mod kernel;
mod once;
mod queries;
mod retention;
mod seals;
mod tampering;
