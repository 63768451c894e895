//! Where things are.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::process;

/// The repository and its target directory.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The workspace that this program was built from, and the target directory that cargo uses for it: the environment
    /// and the user's configuration have a say in that.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut metadata = Command::new(cargo());
        metadata.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]).arg(manifest);
        let metadata = process::output(&mut metadata)?;
        let metadata: serde_json::Value =
            serde_json::from_str(&metadata).context("reading what `cargo metadata` says")?;
        let path = |key: &str| {
            let path = metadata.get(key).and_then(serde_json::Value::as_str).map(PathBuf::from);
            path.with_context(|| format!("`cargo metadata` says no {key}"))
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")? })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// `cargo` in the root. What it builds goes to the places that this type names, whatever is configured.
    pub(crate) fn cargo(&self, verb: &str) -> Command {
        let mut command = Command::new(cargo());
        command.arg(verb).current_dir(&self.root);
        command.env("CARGO_TARGET_DIR", &self.target).env_remove("CARGO_BUILD_TARGET");
        command
    }

    /// A binary that has been built.
    pub(crate) fn binary(&self, profile: &str, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.target.join(profile).join(name);
        ensure!(path.is_file(), "{name} was built, but not as {}: is `build.target` set?", path.display());
        Ok(path)
    }

    /// The linker that `setup` installs.
    pub(crate) fn bpf_linker(&self) -> PathBuf {
        self.target.join("tools/bin/bpf-linker")
    }

    /// The eBPF object; the build script of `portguard` looks for it here.
    pub(crate) fn ebpf_object(&self) -> PathBuf {
        self.target.join("ebpf/portguard.o")
    }

    /// The same, saying what becomes of each packet.
    pub(crate) fn logging_ebpf_object(&self) -> PathBuf {
        self.target.join("ebpf/portguard-log.o")
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

/// The cargo that runs this program.
fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
