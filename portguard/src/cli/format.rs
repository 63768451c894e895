//! How a verb shows what it has found out.

use std::{fmt::Display, io::Write};

use clap::ValueEnum;
use serde::Serialize;

/// For whom.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For a program
    Json,
}

impl Format {
    /// Writes `answer`, or what `text` makes of it.
    pub(super) fn show<A: Serialize, T: Display>(
        self,
        answer: &A,
        text: impl FnOnce(&A) -> T,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        match self {
            Self::Text => write!(out, "{}", text(answer))?,
            Self::Json => {
                serde_json::to_writer_pretty(&mut *out, answer)?;
                writeln!(out)?;
            }
        }
        Ok(())
    }
}
