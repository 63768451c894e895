//! Policy files.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| portguard_fuzz::policy(text));
