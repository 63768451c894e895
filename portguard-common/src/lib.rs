#![no_std]
//! The vocabulary.
