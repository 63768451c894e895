//! What a machine of qemu's finds in its memory when it boots: an initramfs of the tests, the static `portguard`, the programs
//! that the tests run, and a shell to start them.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use super::{CHECKS, image::Kernel};
use crate::{process::output, workspace::Workspace};

const INIT: &str = include_str!("init.sh");

/// What the lab's networks are made of, and clsact with its filters; each needs those before it.
const MODULES: [&str; 6] = [
    "net/llc/llc.ko",
    "net/802/stp.ko",
    "net/bridge/bridge.ko",
    "drivers/net/veth.ko",
    "net/sched/sch_ingress.ko",
    "net/sched/cls_bpf.ko",
];

/// Programs of this machine that the tests run.
const PROGRAMS: [&str; 3] = ["ip", "tc", "bpftool"];

/// All that goes into the machine but the modules, which are each kernel's own.
pub(super) struct Guest {
    portguard: PathBuf,
    tests: Vec<(&'static str, PathBuf)>,
    programs: Vec<(&'static str, PathBuf)>,
    busybox: PathBuf,
}

impl Guest {
    pub(super) fn new(workspace: &Workspace, portguard: &Path) -> anyhow::Result<Self> {
        let programs = PROGRAMS.iter().map(|name| anyhow::Ok((*name, find(name)?)));
        Ok(Self {
            portguard: portguard.to_owned(),
            tests: tests(workspace)?,
            programs: programs.collect::<Result<_, _>>()?,
            busybox: find("busybox")?,
        })
    }

    /// Lays it out at `root`, with the modules of `kernel`, and packs it to `initramfs`.
    pub(super) fn pack(&self, kernel: &Kernel, root: &Path, initramfs: &Path) -> anyhow::Result<()> {
        if root.exists() {
            fs::remove_dir_all(root)?;
        }
        for directory in ["bin", "tests", "modules"] {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::write(root.join("init"), INIT)?;
        fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755))?;
        fs::copy(&self.busybox, root.join("bin/busybox"))?;
        fs::copy(&self.portguard, root.join("bin/portguard"))?;
        let mut libraries = BTreeSet::new();
        for (name, path) in &self.programs {
            libraries.extend(needed(path)?);
            fs::copy(path, root.join("bin").join(name))?;
        }
        for (name, path) in &self.tests {
            libraries.extend(needed(path)?);
            output(Command::new("strip").arg("-o").arg(root.join("tests").join(name)).arg(path))?;
        }
        for library in libraries {
            let to = root.join(library.strip_prefix("/").unwrap_or(&library));
            fs::create_dir_all(to.parent().unwrap_or(root))?;
            fs::copy(&library, to).with_context(|| format!("cannot copy {}", library.display()))?;
        }
        let mut modules = Vec::new();
        for place in MODULES {
            let name = place.rsplit('/').next().unwrap_or(place);
            kernel.module(place, &root.join("modules").join(name))?;
            modules.push(name);
        }
        fs::write(root.join("modules/order"), modules.join("\n") + "\n")?;
        let order: Vec<_> =
            CHECKS.iter().map(|(file, names)| format!("{file} {}", names.join(" "))).collect();
        fs::write(root.join("tests/order"), order.join("\n") + "\n")?;
        let pack = "find . | cpio --quiet --create --format=newc --owner=0:0 | gzip -1 >\"$0\"";
        output(Command::new("sh").args(["-c", pack]).arg(initramfs).current_dir(root))?;
        Ok(())
    }
}

/// Builds the tests as `cargo xtask test` does and says where those are that will run.
fn tests(workspace: &Workspace) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    let mut build = workspace.cargo("test");
    build.args(["--workspace", "--exclude=portguard-ebpf", "--features=portguard-tests/kernel", "--no-run"]);
    let messages = output(build.args(["--quiet", "--message-format=json"]))?;
    let executables: Vec<(String, PathBuf)> = messages.lines().filter_map(executable).collect();
    let place = |(file, _): &(&'static str, _)| {
        let found = executables.iter().find(|(name, _)| name == file);
        found.map(|(_, path)| (*file, path.clone())).with_context(|| format!("there is no test `{file}`"))
    };
    CHECKS.iter().map(place).collect()
}

/// The name and the place of the test that a message of cargo's is about.
fn executable(message: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let target = message.get("target")?;
    let is_test = target.get("kind")?.as_array()?.iter().any(|kind| kind == "test");
    let path = message.get("executable")?.as_str()?;
    // Other packages have tests of the same names.
    let is_ours = target.get("src_path")?.as_str()?.contains("/tests/tests/");
    (is_test && is_ours).then_some((target.get("name")?.as_str()?.to_owned(), PathBuf::from(path)))
}

/// The libraries that a program needs, its loader too.
fn needed(program: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let said = output(Command::new("ldd").arg(program))?;
    Ok(said.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect())
}

fn find(name: &str) -> anyhow::Result<PathBuf> {
    let places = ["/bin", "/sbin", "/usr/bin", "/usr/sbin"].map(|place| Path::new(place).join(name));
    match places.into_iter().find(|place| place.is_file()) {
        Some(place) => Ok(place),
        None => bail!("there is no {name}; `cargo xtask setup` installs it"),
    }
}
