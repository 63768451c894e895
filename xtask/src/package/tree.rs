//! The package's files, each where Debian wants it. Completions and man pages are what the binary itself writes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::control::{self, Released};
use crate::process::output;

const PROGRAM: u32 = 0o755;
const FILE: u32 = 0o644;

/// Where a shell looks for what completes a command line.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/portguard"),
    ("zsh", "usr/share/zsh/vendor-completions/_portguard"),
    ("fish", "usr/share/fish/vendor_completions.d/portguard.fish"),
];

/// Files of the repository and where they are installed.
const FILES: [(&str, &str); 8] = [
    ("deploy/systemd/portguard.service", "usr/lib/systemd/system/portguard.service"),
    ("deploy/systemd/portguard.sysusers", "usr/lib/sysusers.d/portguard.conf"),
    ("deploy/site.toml", "etc/portguard/site.toml"),
    ("deploy/prometheus/portguard.rules.yml", "usr/share/portguard/prometheus/portguard.rules.yml"),
    ("deploy/grafana/portguard.json", "usr/share/portguard/grafana/portguard.json"),
    ("deploy/debian/lintian-overrides", "usr/share/lintian/overrides/portguard"),
    ("README.md", "usr/share/doc/portguard/README.md"),
    ("CHANGELOG.md", "usr/share/doc/portguard/CHANGELOG.md"),
];

/// Directories of the repository whose files of one kind are installed.
const DIRECTORIES: [(&str, &str, &str); 2] =
    [("policies", "toml", "usr/share/portguard/policies"), ("docs", "md", "usr/share/doc/portguard/docs")];

const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Fills `root` with the package's files, and with what tells dpkg about them.
pub(super) fn lay_out(
    repository: &Path,
    binary: &Path,
    released: &Released,
    root: &Path,
) -> anyhow::Result<()> {
    let tree = Tree { root };
    tree.copy(binary, "usr/bin/portguard", PROGRAM)?;
    for (from, to) in FILES {
        tree.copy(&repository.join(from), to, FILE)?;
    }
    for (from, kind, to) in DIRECTORIES {
        for path in files(&repository.join(from), kind)? {
            let name = path.file_name().context("a file has a name")?;
            tree.copy(&path, &Path::new(to).join(name).to_string_lossy(), FILE)?;
        }
    }
    for (shell, to) in COMPLETIONS {
        tree.write(to, output(Command::new(binary).args(["completions", shell]))?.as_bytes())?;
    }
    let pages = root.join("usr/share/man/man1");
    output(Command::new(binary).arg("man").arg("--output").arg(&pages))?;
    for page in files(&pages, "1")? {
        fs::set_permissions(&page, fs::Permissions::from_mode(FILE))?;
        pack(&page)?;
    }
    let licence = fs::read_to_string(repository.join("LICENSE-MIT"))?;
    tree.write("usr/share/doc/portguard/copyright", control::copyright(&licence).as_bytes())?;
    pack(&tree.write("usr/share/doc/portguard/changelog", control::changelog(released).as_bytes())?)?;
    describe(repository, released, &tree)
}

/// `DEBIAN/`: the control file, what an administrator may change, sums, and scripts.
fn describe(repository: &Path, released: &Released, tree: &Tree<'_>) -> anyhow::Result<()> {
    let mut installed = Vec::new();
    below(tree.root, &mut installed)?;
    installed.sort();
    let mut sums = Command::new("md5sum");
    let names = installed.iter().map(|path| path.strip_prefix(tree.root).expect("it is below the root"));
    let sums = output(sums.args(names).current_dir(tree.root))?;
    let bytes: u64 = installed.iter().map(|path| fs::metadata(path).map_or(0, |file| file.len())).sum();
    tree.write("DEBIAN/control", control::control(released, bytes.div_ceil(1024)).as_bytes())?;
    tree.write("DEBIAN/md5sums", sums.as_bytes())?;
    tree.write("DEBIAN/conffiles", b"/etc/portguard/site.toml\n")?;
    for script in SCRIPTS {
        tree.copy(&repository.join("deploy/debian").join(script), &format!("DEBIAN/{script}"), PROGRAM)?;
    }
    Ok(())
}

struct Tree<'a> {
    root: &'a Path,
}

impl Tree<'_> {
    fn copy(&self, from: &Path, to: &str, mode: u32) -> anyhow::Result<()> {
        let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        let path = self.write(to, &bytes)?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
    }

    fn write(&self, to: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.root.join(to);
        let directory = path.parent().context("a file lies in a directory")?;
        fs::create_dir_all(directory)?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        // Whatever the umask of whoever packs.
        fs::set_permissions(&path, fs::Permissions::from_mode(FILE))?;
        for directory in directory.ancestors().take_while(|directory| directory.starts_with(self.root)) {
            fs::set_permissions(directory, fs::Permissions::from_mode(PROGRAM))?;
        }
        Ok(path)
    }
}

/// Compresses a file, the same way every time.
fn pack(path: &Path) -> anyhow::Result<()> {
    output(Command::new("gzip").args(["--best", "--no-name"]).arg(path)).map(drop)
}

/// The files of a directory that end in `kind`.
fn files(directory: &Path, kind: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|found| found == kind)).collect())
}

/// All files below a directory.
fn below(directory: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            below(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}
