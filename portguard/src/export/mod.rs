//! Export: the matrix in the words of another firewall, for where eBPF can't run.
//!
//! Pure and deterministic: the same matrix gives the same text. What the other firewall does differently stands at the head
//! of what is written.

pub mod nft;
