//! What `portguard explain` says about an attempt: its verdict, and the line of the document that it cites.

use std::{fmt, process::Command};

use anyhow::Context as _;
use serde_json::Value;

use super::Attempt;
use crate::lab::{Guard, binary};

/// An answer of `portguard explain`.
pub(super) struct Explained(Value);

impl Explained {
    pub(super) fn ask(guard: &Guard, attempt: &Attempt<'_>) -> anyhow::Result<Self> {
        let mut explain = Command::new(binary()?);
        explain.args(["explain", "--format", "json", "--from", &attempt.source().to_string()]);
        explain.args(["--to", &attempt.port(), "--site"]).arg(guard.directory().join("site.toml"));
        let output = explain.output().context("starting portguard")?;
        let answer = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("portguard explain: {}", String::from_utf8_lossy(&output.stderr)))?;
        Ok(Self(answer))
    }

    pub(super) fn passes(&self) -> bool {
        self.0["verdict"] == "pass"
    }

    /// The row of the document that admits the source, or else one that names the port.
    fn origin(&self) -> Option<&Value> {
        let rule = [&self.0["rule"], &self.0["near"][0]["rule"]].into_iter().find(|rule| !rule.is_null())?;
        Some(&rule["origin"]["Document"])
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(origin) = self.origin() else { return f.write_str("no line names the port") };
        let text = |key: &str| origin[key].as_str().unwrap_or("?").to_owned();
        write!(f, "\"{}\" ({}:{})", text("says"), text("document"), origin["line"])
    }
}
