#![no_std]
//! k
