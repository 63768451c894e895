//! Debian's kernel packages: fetched and unpacked, never installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};

use crate::process::output;

/// A kernel with its modules, unpacked.
pub(super) struct Kernel {
    release: String,
    directory: PathBuf,
    image: PathBuf,
}

/// Downloads the package `name`, or the one that it stands for, and says where it is.
pub(super) fn fetch(name: &str, directory: &Path) -> anyhow::Result<PathBuf> {
    let depends = output(Command::new("apt-cache").args(["--important", "depends", name]))
        .with_context(|| format!("there is no package {name}; is its release in apt's sources?"))?;
    // A package that always stands for the newest one depends on that.
    let name = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: ").filter(|on| on.starts_with("linux-image-")))
        .unwrap_or(name);
    println!("kernels: fetching {name}");
    let download = || {
        let mut apt = Command::new("apt-get");
        apt.args(["--quiet=2", "--option=APT::Sandbox::User=root", "download", name]);
        output(apt.current_dir(directory))
    };
    // What apt knows may be older than what its sources have.
    download().or_else(|_| {
        output(Command::new("apt-get").args(["--quiet=2", "update"])).and_then(|_| download())
    })?;
    let begin = format!("{name}_");
    let found = entries(directory)?
        .into_iter()
        .find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&begin)));
    found.with_context(|| format!("apt-get has put no {name} into {}", directory.display()))
}

impl Kernel {
    /// Unpacks `package` to `directory`, in the place of what an earlier run has left there.
    pub(super) fn unpack(package: &Path, directory: &Path) -> anyhow::Result<Self> {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        output(Command::new("dpkg-deb").arg("--extract").arg(package).arg(directory))?;
        let image = entries(&directory.join("boot"))?.into_iter().find_map(|path| {
            let release = path.file_name()?.to_str()?.strip_prefix("vmlinuz-")?.to_owned();
            Some((release, path))
        });
        let (release, image) =
            image.with_context(|| format!("there is no kernel in {}", package.display()))?;
        Ok(Self { release, directory: directory.to_owned(), image })
    }

    /// The release, as `uname` says it.
    pub(super) fn release(&self) -> &str {
        &self.release
    }

    /// The file to boot.
    pub(super) fn image(&self) -> &Path {
        &self.image
    }

    /// A module's file, as it can be loaded.
    pub(super) fn module(&self, place: &str, to: &Path) -> anyhow::Result<()> {
        let modules =
            ["lib/modules", "usr/lib/modules"].map(|at| self.directory.join(at).join(&self.release));
        let file = modules.iter().map(|modules| modules.join("kernel").join(place));
        let packed = |path: &PathBuf| path.with_added_extension("xz");
        for plain in file {
            if plain.is_file() {
                fs::copy(plain, to)?;
                return Ok(());
            }
            if packed(&plain).is_file() {
                let mut unpacked =
                    Command::new("xz").args(["--decompress", "--stdout"]).arg(packed(&plain)).output()?;
                ensure!(unpacked.status.success(), "xz cannot read {}", packed(&plain).display());
                fs::write(to, std::mem::take(&mut unpacked.stdout))?;
                return Ok(());
            }
        }
        anyhow::bail!("Linux {} has no module {place}", self.release)
    }
}

fn entries(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
