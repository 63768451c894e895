//! The vocabulary that PortGuard's kernel and user sides share.
//!
//! `wire` turns a frame's bytes into headers, `tables` looks sources, ports and cells up, `verdict` decides and names
//! a `reason`, `drops` notes who was dropped; `abi` is the layout of what lives in maps. Everything is generic over where the bytes come from
//! ([`wire::Frame`]) and where the tables are ([`tables::Tables`]), so that the eBPF program, `explain` and the tests
//! run the same code. Knows nobody: no allocation, no dependency that the BPF target can't take.
//!
//! All functions are inlined into those of the program that call them: the verifier follows packet bounds within a
//! function only.

#![no_std]
#![warn(clippy::wildcard_enum_match_arm)]

pub mod abi;
pub mod drops;
pub mod reason;
pub mod tables;
pub mod verdict;
pub mod wire;

pub use reason::{Action, Reason};
pub use verdict::{Arrival, Outcome, Plain, decide, general, is_transit, outgoing, plain, unless_transit};
