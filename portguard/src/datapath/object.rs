//! The eBPF object in the binary.

/// The object that had been built when this binary was, if one had.
pub fn embedded() -> Option<&'static [u8]> {
    #[cfg(embedded_object)]
    {
        Some(aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/portguard.o")))
    }
    #[cfg(not(embedded_object))]
    None
}
