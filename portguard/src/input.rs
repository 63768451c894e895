//! The edge where files are read: a site file and the policies it refers to become a matrix.
//!
//! Everything behind this edge takes text and a name. What is wrong with any of the files is told at once, each file
//! under its own name.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    matrix::{self, Availability, Library, Matrix},
    policy::{self, Policy, built_in},
    reading::{Colour, Faults, FileReport, Report, Source},
    site::{self, PolicyReference, Site},
};

/// Files beyond this size are refused: a million addresses take about 20 megabytes.
const LARGEST: u64 = 256 << 20;

/// A site that holds together.
#[derive(Debug)]
pub struct Loaded {
    /// The site with its policies.
    pub matrix: Matrix,
    /// What is odd about it, for people.
    pub warnings: Report,
    /// The files it was read from, the site file first. Policies that come with the binary are not among them.
    pub files: Vec<PathBuf>,
}

/// Why there is no matrix.
#[derive(Debug, Error)]
pub enum InputError {
    /// The site file itself cannot be read.
    #[error("cannot read {}: {source}", path.display())]
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
}

impl InputError {
    /// The whole story for a terminal or a log: every diagnostic of every file, then the sum.
    pub fn render(&self, colour: Colour) -> String {
        match self {
            Self::Unreadable { .. } => format!("error: {self}\n"),
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
    let source = Source::new(&path.display().to_string(), &read_document(path)?);
    let mut faults = Faults::default();
    let site = site::read(&source, &mut faults);
    let mut report = Report::default();
    let mut files = vec![path.to_owned()];
    let library = read_policies(&site, path, &mut files, &mut report);
    let (matrix, warnings) = matrix::resolve(&site, &library, &mut faults);
    report.add(FileReport::new(source.clone(), faults.into_sorted()));
    match matrix {
        Some(matrix) if report.is_empty() => {
            let mut odd = Report::default();
            odd.add(FileReport::new(source, warnings));
            Ok(Loaded { matrix, warnings: odd, files })
        }
        _ => Err(InputError::Faulty { faults: report }),
    }
}

fn read_policies(site: &Site, path: &Path, files: &mut Vec<PathBuf>, report: &mut Report) -> Library {
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
                let text = read_text(&path);
                let source = text.map(|text| Source::new(&path.display().to_string(), &text));
                files.push(path);
                source
            }
        };
        library.insert(reference.value.clone(), read_policy(source, report));
    }
    library
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
fn read_text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
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
