//! A site file with every file that it was read from, word for word: what it was when it was read, whatever becomes of the
//! files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    InputError, Loaded,
    files::{Files as _, Kept},
    site_from,
};
use crate::compile::Digest;

/// The texts that a site was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    site: PathBuf,
    texts: BTreeMap<PathBuf, String>,
}

impl Bundle {
    /// Reads the site file `site` with all that it refers to.
    pub fn read(site: &Path) -> Result<(Loaded, Self), InputError> {
        let text = Kept::default()
            .read(site)
            .map_err(|source| InputError::Unreadable { path: site.to_owned(), source })?;
        Self::of_text(site, text)
    }

    /// The same for a text that is, or is to be, the file `site`.
    pub fn of_text(site: &Path, text: String) -> Result<(Loaded, Self), InputError> {
        Self::of_file(site, text, site)
    }

    /// The same for a text that is to be the file `site`, and that somebody wrote into `written`: faults are told of that file.
    pub fn of_file(site: &Path, text: String, written: &Path) -> Result<(Loaded, Self), InputError> {
        let kept = Kept::default();
        let loaded = site_from(site, written, &text, &kept)?;
        let mut texts = kept.into_texts();
        texts.insert(site.to_owned(), text);
        Ok((loaded, Self { site: site.to_owned(), texts }))
    }

    /// What it says, read again from the texts alone.
    pub fn load(&self) -> Result<Loaded, InputError> {
        site_from(&self.site, &self.site, self.text(), &self.texts)
    }

    /// The site file.
    pub fn site(&self) -> &Path {
        &self.site
    }

    /// The site file's text.
    pub fn text(&self) -> &str {
        self.texts.get(&self.site).map(String::as_str).unwrap_or_default()
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.texts.keys().map(PathBuf::as_path)
    }

    /// What tells it from every other.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (path, text) in &self.texts {
            for part in [path.as_os_str().as_encoded_bytes(), text.as_bytes()] {
                hasher.update((part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        }
        Digest::new(hasher).to_string()
    }
}
