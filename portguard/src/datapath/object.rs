//! The eBPF object in the binary.

/// The object that was built before this binary was, if one was.
pub fn embedded() -> Option<&'static [u8]> {
    None
}
