//! Where things are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// The repository and its target directory.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The workspace that this program was built from.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?.to_owned();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target));
        Ok(Self { root, target })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The linker that `setup` installs.
    pub(crate) fn bpf_linker(&self) -> PathBuf {
        self.target.join("tools/bin/bpf-linker")
    }

    /// The eBPF object; the build script of `portguard` looks for it here.
    pub(crate) fn ebpf_object(&self) -> PathBuf {
        self.target.join("ebpf/portguard.o")
    }

    /// The toolchain that `rust-toolchain.toml` pins.
    pub(crate) fn toolchain(&self) -> anyhow::Result<String> {
        let path = self.root.join("rust-toolchain.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        text.lines()
            .find_map(|line| line.strip_prefix("channel = "))
            .map(|channel| channel.trim_matches('"').to_owned())
            .with_context(|| format!("{} names no channel", path.display()))
    }
}
