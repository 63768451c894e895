//! A second opinion on every verdict: policies read from their TOML and rules scanned in order, without a line of the
//! code that PortGuard reads, resolves, compiles or decides with.
//!
//! Sites and questions are drawn from a seed: every role bound to groups that overlap, parameters set at random,
//! questions near the edges of what the rules and groups name.

mod draw;
mod judge;
mod ports;
mod question;

pub use draw::{Policy, Site};
pub use judge::Opinion;
pub use question::{Kind, Question};

/// The first value of `PORTGUARD_SEED`, else the same each time.
///
/// # Panics
/// When the variable is no number.
pub fn seed() -> u64 {
    std::env::var("PORTGUARD_SEED")
        .map_or(0x5eed, |text| text.parse().expect("PORTGUARD_SEED is a number of 64 bits"))
}
