//! The edge where files are read: a site file and the policies it refers to become a matrix.
//!
//! Everything behind this edge takes text and a name. What is wrong with any of the files is told at once, each file
//! under its own name.

mod bundle;
mod files;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use miette::Diagnostic;
use thiserror::Error;

use crate::{
    compile::CompileError,
    lint::{self, Findings, Surroundings, Warning},
    matrix::{self, Availability, Library, Matrix},
    policy::{self, Policy, built_in},
    reading::{Colour, Entry, Faults, FileReport, Report, Source},
    site::{self, Answers, Audit, GroupFiles, HostName, PolicyReference, Site, read_group_file},
};

use files::{Disk, Files};

pub use bundle::Bundle;

/// Files beyond this size are refused: a million addresses take about 20 megabytes.
const LARGEST: u64 = 256 << 20;

/// A site that holds together.
#[derive(Debug)]
pub struct Loaded {
    /// The site with its policies.
    pub matrix: Matrix,
    /// The files it was read from, the site file first, then policies and the files of groups. Policies that come with the
    /// binary are not among them.
    pub files: Vec<PathBuf>,
    source: Source,
    site: Site,
    library: Library,
}

impl Loaded {
    /// The host names in its groups. Until [`Loaded::answer`] says what they stand for they admit nobody.
    pub fn host_names(&self) -> BTreeSet<HostName> {
        self.site.host_names()
    }

    /// Makes the matrix anew with what the host names stand for now. No file is read again.
    pub fn answer(&mut self, answers: &Answers) {
        self.site.answer(answers);
        self.matrix = matrix::resolve(&self.site, &self.library, &mut Faults::default())
            .expect("the site held together, and answers only change addresses");
    }

    /// Whether the site wants its files to be followed while the daemon runs.
    pub fn watch(&self) -> bool {
        self.site.watch
    }

    /// What the site wants to be kept of drops.
    pub fn audit(&self) -> &Audit {
        &self.site.audit
    }

    /// Where the site wants its metrics to be served.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.site.metrics.as_ref().map(|listen| listen.value)
    }

    /// What is odd about the answers for its host names, less what the site accepts.
    pub fn odd_answers(&self) -> Vec<Warning> {
        lint::odd_answers(&self.site)
    }

    /// What is odd about it, and what of that it accepts.
    pub fn lint(&self, around: &Surroundings) -> Findings {
        lint::lint(&self.site, &self.library, &self.matrix, around)
    }

    /// `diagnostics` about the site file, ready to be shown.
    pub fn report<D: Diagnostic + Send + Sync + 'static>(&self, diagnostics: Vec<D>) -> Report {
        let mut report = Report::default();
        report.add(FileReport::new(self.source.clone(), diagnostics));
        report
    }
}

/// Why there is no matrix.
#[derive(Debug, Error, Diagnostic)]
pub enum InputError {
    /// The site file itself cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    #[diagnostic(code(PG0018), help("see whether the path is right and whether you may read it"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something is wrong with what the files say.
    #[error("{}", summary(faults))]
    Faulty {
        /// Every fault of every file. What is merely odd is told once the files hold together.
        faults: Report,
    },
    /// The site holds together, and there are no tables for it.
    #[error("{}: {source}", path.display())]
    #[diagnostic(code(PG0401), help("{}", source.remedy()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CompileError,
    },
}

impl InputError {
    /// Every diagnostic, as programs read it.
    pub fn entries(&self) -> Vec<Entry> {
        match self {
            Self::Unreadable { path, .. } | Self::TooLarge { path, .. } => {
                vec![Entry::of_file(&path.display().to_string(), self)]
            }
            Self::Faulty { faults } => faults.entries(),
        }
    }

    /// The whole story for a terminal or a log: every diagnostic of every file, then the sum.
    pub fn render(&self, colour: Colour) -> String {
        match self {
            Self::Unreadable { .. } | Self::TooLarge { .. } => {
                let code = self.code().expect("only faults of a file have codes of their own");
                format!("error {code}: {self}\n")
            }
            Self::Faulty { faults } => format!("{}error: {self}\n", faults.render(colour)),
        }
    }
}

fn summary(faults: &Report) -> String {
    let names: Vec<&str> = faults.files().iter().map(|file| file.source.name()).collect();
    let plural = if faults.count() == 1 { "fault" } else { "faults" };
    format!("{} {plural} in {}; nothing was loaded", faults.count(), names.join(" and "))
}

/// Reads a policy file alone, without a site.
pub fn read_policy_file(path: &Path) -> Result<Policy, InputError> {
    let source = Source::new(&path.display().to_string(), &read_document(path)?);
    policy::parse(&source).map_err(|diagnostics| {
        let mut faults = Report::default();
        faults.add(FileReport::new(source, diagnostics));
        InputError::Faulty { faults }
    })
}

/// Reads a vendor's page, or any other text.
pub fn read_document(path: &Path) -> Result<String, InputError> {
    read_text(path).map_err(|source| InputError::Unreadable { path: path.to_owned(), source })
}

/// Reads a site file and the policies it refers to.
pub fn read_site(path: &Path) -> Result<Loaded, InputError> {
    site_of_text(path, &read_document(path)?)
}

/// The same for a text that is, or is to be, the file `path`.
pub fn site_of_text(path: &Path, text: &str) -> Result<Loaded, InputError> {
    site_from(path, path, text, &Disk)
}

/// The site that the file `path` is, or is to be; its text stands in the file `written`.
fn site_from(path: &Path, written: &Path, text: &str, from: &dyn Files) -> Result<Loaded, InputError> {
    let source = Source::new(&written.display().to_string(), text);
    let mut faults = Faults::default();
    let mut site = site::read(&source, &mut faults);
    let mut report = Report::default();
    let mut files = vec![path.to_owned()];
    let library = read_policies(&site, path, from, &mut files, &mut report);
    let groups = read_group_files(&site, path, from, &mut files, &mut faults, &mut report);
    site.fill(&groups);
    let matrix = matrix::resolve(&site, &library, &mut faults);
    report.add(FileReport::new(source.clone(), faults.into_sorted()));
    match matrix {
        Some(matrix) if report.is_empty() => Ok(Loaded { matrix, files, source, site, library }),
        _ => Err(InputError::Faulty { faults: report }),
    }
}

fn read_policies(
    site: &Site,
    path: &Path,
    from: &dyn Files,
    files: &mut Vec<PathBuf>,
    report: &mut Report,
) -> Library {
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut library: Library = BTreeMap::new();
    for reference in site.products.iter().filter_map(|product| product.policy.as_ref()) {
        if library.contains_key(&reference.value) {
            continue;
        }
        let source = match &reference.value {
            PolicyReference::BuiltIn(name) => match built_in(name) {
                Some(policy) => Ok(Source::new(policy.file, policy.text)),
                None => continue,
            },
            PolicyReference::File(name) => {
                let path = directory.join(name);
                let text = from.read(&path);
                let source = text.map(|text| Source::new(&path.display().to_string(), &text));
                files.push(path);
                source
            }
        };
        library.insert(reference.value.clone(), read_policy(source, report));
    }
    library
}

fn read_group_files(
    site: &Site,
    path: &Path,
    from: &dyn Files,
    files: &mut Vec<PathBuf>,
    faults: &mut Faults<site::Fault>,
    report: &mut Report,
) -> GroupFiles {
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut read = GroupFiles::new();
    for (name, at) in site.group_files() {
        let path = directory.join(name);
        match from.read_regular(&path) {
            Ok(text) => {
                let source = Source::new(&path.display().to_string(), &text);
                let (prefixes, faults) = read_group_file(&source);
                report.add(FileReport::new(source, faults));
                read.insert(name.to_owned(), prefixes);
            }
            Err(why) => {
                faults.push(site::Fault::UnreadableGroupFile {
                    path: path.display().to_string(),
                    why: why.to_string(),
                    at,
                });
            }
        }
        files.push(path);
    }
    read
}

fn read_policy(source: io::Result<Source>, report: &mut Report) -> Availability {
    let source = match source {
        Ok(source) => source,
        Err(error) => return Availability::Unreadable(error.to_string()),
    };
    match policy::parse(&source) {
        Ok(policy) => Availability::Sound(Box::new(policy)),
        Err(faults) => {
            report.add(FileReport::new(source, faults));
            Availability::Faulty
        }
    }
}

/// A file's text, if it is a file of bearable size that holds UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    Disk.read(path)
}

/// The same of standard input.
pub(crate) fn read_standard_input() -> io::Result<String> {
    text_of(io::stdin().lock())
}

fn text_of(file: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST {
        let megabytes = LARGEST >> 20;
        return Err(io::Error::other(format!("it is larger than {megabytes} MB")));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].split(|&byte| byte == b'\n').count();
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is not UTF-8 text")))
        }
    }
}
