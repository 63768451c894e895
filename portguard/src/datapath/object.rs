//! The eBPF object in the binary: one file to deploy. The build script puts it there.

/// The object, if one had been built when this binary was; `cargo xtask build` builds both in that order.
pub fn embedded() -> Option<&'static [u8]> {
    #[cfg(embedded_object)]
    {
        // Aligned, since the parser reads the ELF's records in place.
        Some(aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/portguard.o")))
    }
    #[cfg(not(embedded_object))]
    None
}
