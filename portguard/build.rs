//! Puts the eBPF object into the binary, if one has been built.
//!
//! It is looked for in the target directory, where `cargo xtask build-ebpf` puts it, or where PORTGUARD_EBPF_OBJECT
//! says. Without one the crate builds all the same, on a machine that has no eBPF tool; the binary then wants
//! `--ebpf-object`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=PORTGUARD_EBPF_OBJECT");
    println!("cargo::rustc-check-cfg=cfg(embedded_object)");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?);
    let object = match env::var_os("PORTGUARD_EBPF_OBJECT") {
        Some(path) => Some(PathBuf::from(path)),
        None => in_target(&out),
    };
    let Some(object) = object else { return Ok(()) };
    // A file that is not there yet makes cargo ask again each time, which is what finds it once it is.
    println!("cargo::rerun-if-changed={}", object.display());
    if object.exists() {
        fs::copy(&object, out.join("portguard.o"))?;
        println!("cargo::rustc-cfg=embedded_object");
    }
    Ok(())
}

/// Where the object is or would be: beside the profile's directory, some levels above OUT_DIR.
fn in_target(out: &Path) -> Option<PathBuf> {
    let candidates = || out.ancestors().skip(3).take(3).map(|directory| directory.join("ebpf/portguard.o"));
    candidates().find(|path| path.exists()).or_else(|| candidates().nth(1))
}
