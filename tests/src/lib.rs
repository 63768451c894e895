//! PortGuard end to end: what the tests, the demo and the measurements share.

pub mod floor;
pub mod sample;
