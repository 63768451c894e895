//! Memory that is not needed any more: compiling a site takes many times what is kept of it.

/// Gives back to the system what was freed. Without this the C library keeps it, for as long as the daemon runs.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        #![expect(unsafe_code, reason = "the C library's function has no safe wrapper")]
        // SAFETY: it touches free memory of the allocator alone, under the allocator's locks (malloc_trim(3), MT-Safe).
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
