//! Site files, with the policies that come with portguard.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| portguard_fuzz::site(text));
