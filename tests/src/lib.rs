//! PortGuard end to end: what the tests, the demo and the measurements share.

pub mod bench;
pub mod cases;
pub mod craft;
pub mod demo;
pub mod floor;
pub mod lab;
pub mod oracle;
pub mod pinned;
#[path = "../../portguard/tests/policies/rows/mod.rs"]
pub mod rows;
pub mod sample;
pub mod second;
pub mod stack;
pub mod twin;
