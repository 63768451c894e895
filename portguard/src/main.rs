//! The `portguard` binary.

fn main() {}
