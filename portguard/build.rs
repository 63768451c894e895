//! Puts the eBPF object into the binary, if one has been built.
//!
//! It is looked for where `cargo xtask build-ebpf` puts it, in the target directory, or where PORTGUARD_EBPF_OBJECT
//! says. Without one the crate builds all the same, on a machine that has no eBPF tool; the binary then wants
//! `--ebpf-object`.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=PORTGUARD_EBPF_OBJECT");
    println!("cargo::rustc-check-cfg=cfg(embedded_object)");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?);
    if let Some(object) = named()?.or_else(|| built(&out)) {
        fs::copy(&object, out.join("portguard.o"))?;
        println!("cargo::rustc-cfg=embedded_object");
    }
    Ok(())
}

/// The object that the environment names; naming one that is not there is a mistake to tell.
fn named() -> io::Result<Option<PathBuf>> {
    let Some(object) = env::var_os("PORTGUARD_EBPF_OBJECT").map(PathBuf::from) else { return Ok(None) };
    println!("cargo::rerun-if-changed={}", object.display());
    if object.is_file() {
        Ok(Some(object))
    } else {
        Err(io::Error::other(format!("PORTGUARD_EBPF_OBJECT: no file at {}", object.display())))
    }
}

/// The object in the target directory, if it has been built.
///
/// Cargo is told to watch the directory and not the file: told of a file that does not exist, it would build this crate
/// anew each time.
fn built(out: &Path) -> Option<PathBuf> {
    let directory = target_directory(out)?.join("ebpf");
    if !directory.exists() {
        fs::create_dir(&directory).ok()?;
        // Its birth is not a change.
        File::open(&directory).and_then(|opened| opened.set_modified(SystemTime::UNIX_EPOCH)).ok()?;
    }
    println!("cargo::rerun-if-changed={}", directory.display());
    Some(directory.join("portguard.o")).filter(|object| object.is_file())
}

/// The target directory: OUT_DIR is `TARGET_DIR[/TRIPLE]/PROFILE/build/CRATE/out`.
fn target_directory(out: &Path) -> Option<&Path> {
    let directory = out.ancestors().nth(4)?;
    let is_triple = env::var_os("TARGET").is_some_and(|triple| directory.ends_with(triple));
    if is_triple { directory.parent() } else { Some(directory) }
}
