//! Vendors' Markdown pages, as `portguard policy import` reads them.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| portguard_fuzz::page(text));
