//! PortGuard end to end: what the tests, the demo and the measurements share.

pub mod demo;
pub mod floor;
pub mod lab;
pub mod sample;
