//! Frames and tables, for the verdict function itself.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portguard_fuzz::verdict(input));
