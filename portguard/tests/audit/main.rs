//! The audit store: that nothing is lost or doubled, whatever happens to whom, and what it answers.

mod crash;
mod kernel;
mod once;
mod queries;
mod seals;
mod tampering;
