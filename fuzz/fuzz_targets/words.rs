//! Ports, addresses, destinations, names.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| portguard_fuzz::words(text));
