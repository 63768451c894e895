//! `portguard check`: is this site file sound, what does it hold, and what would a careful colleague ask about it?

mod describe;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde::Serialize;

use self::describe::{describe, describe_accepted, describe_tables};
use super::{
    ExitStatus, NameArgs, Rejected,
    exit::{stderr_colour, tell},
    surroundings::surroundings,
};
use crate::{
    compile::{Image, Node, compile},
    input::{InputError, Loaded, read_site},
    lint::{Accepted, LocalPorts, Surroundings},
    matrix::PortRange,
    policy::parse_range,
    reading::{Entry, Located, Report, Severity},
};

const EXAMPLE: &str = "\
Examples:
  portguard check --site /etc/portguard/site.toml
  portguard check --deny-warnings --format json sites/*.toml

Exit code 2 with one diagnostic a fault, all faults at once, if a site file or one of its policies
is wrong. Warnings do not change the exit code unless --deny-warnings is given: then it is 1. A site
file accepts a warning with [[accept]], a code and a reason; docs/diagnostics.md has a section for
each code.

Run it in the SSH session that you work in, and it looks whether that session would survive; sudo
hides the session.";

/// The options of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Site files to judge
    #[arg(value_name = "SITE", required_unless_present = "site")]
    sites: Vec<PathBuf>,
    /// The same, as the other verbs take it
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Exit code 1 if there is a warning that the site does not accept
    #[arg(long)]
    deny_warnings: bool,
    /// The ephemeral ports of the node that the site is for; this machine's, unless given
    #[arg(long, value_name = "FIRST-LAST", value_parser = read_range)]
    local_ports: Option<PortRange>,
    #[command(flatten)]
    names: NameArgs,
    /// How to tell
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: what the site holds on standard output, diagnostics on standard error
    Text,
    /// For editors and pipelines: every diagnostic with its place, on standard output
    Json,
}

fn read_range(text: &str) -> Result<PortRange, String> {
    parse_range(&Located::new(text.to_owned(), (0, text.len()).into())).map_err(|fault| fault.to_string())
}

/// A site that can be used, and what there is to say about it.
struct Sound {
    loaded: Loaded,
    image: Image,
    warnings: Report,
    accepted: Vec<Accepted>,
}

/// Judges each file.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let paths: Vec<&Path> = args.site.iter().chain(&args.sites).map(PathBuf::as_path).collect();
    let around = match args.local_ports {
        // The node is another machine than this one.
        Some(range) => Surroundings {
            local_ports: Some(LocalPorts { range, reserved: None }),
            leased: Vec::new(),
            ..surroundings()
        },
        None => surroundings(),
    };
    let judged: Vec<(&Path, Result<Sound, InputError>)> =
        paths.into_iter().map(|path| (path, judge(path, &args.names, &around))).collect();
    let sound = judged.iter().filter_map(|(_, judged)| judged.as_ref().ok());
    let warnings: usize = sound.map(|sound| sound.warnings.warnings()).sum();
    let answer =
        if args.deny_warnings && warnings > 0 { ExitStatus::AnswerIsNo } else { ExitStatus::Success };
    match args.format {
        Format::Text => {
            tell_people(judged, out)?;
            if answer == ExitStatus::AnswerIsNo {
                let noun = if warnings == 1 { "warning" } else { "warnings" };
                tell(&format!("{warnings} {noun}, and --deny-warnings is given\n"));
            }
            Ok(answer)
        }
        Format::Json => tell_programs(judged, answer, out),
    }
}

fn judge(path: &Path, names: &NameArgs, around: &Surroundings) -> Result<Sound, InputError> {
    let mut loaded = read_site(path)?;
    loaded.answer(&names.answers(&loaded.host_names())?);
    // What a matrix can be too large for shows only here.
    let image = compile(&loaded.matrix, &Node::default())
        .map_err(|source| InputError::TooLarge { path: path.to_owned(), source })?;
    let findings = loaded.lint(around);
    Ok(Sound { warnings: loaded.report(findings.warnings), accepted: findings.accepted, image, loaded })
}

fn tell_people(judged: Vec<(&Path, Result<Sound, InputError>)>, out: &mut dyn Write) -> anyhow::Result<()> {
    let asked = judged.len();
    let mut faults = Vec::new();
    for (path, judged) in judged {
        match judged {
            Ok(Sound { loaded, image, warnings, accepted }) => {
                tell(&warnings.render(stderr_colour()));
                describe(path, &loaded.matrix, out)?;
                describe_tables(&image, out)?;
                describe_accepted(&accepted, out)?;
            }
            Err(error) => faults.push(error),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Rejected { asked, faults }.into()) }
}

/// What `check` says, as a program reads it.
#[derive(Default, Serialize)]
struct Document {
    /// Every diagnostic of every file, less what is accepted.
    diagnostics: Vec<Entry>,
    accepted: Vec<AcceptedEntry>,
    errors: usize,
    warnings: usize,
    advice: usize,
}

#[derive(Serialize)]
struct AcceptedEntry {
    #[serde(flatten)]
    entry: Entry,
    reason: String,
}

fn tell_programs(
    judged: Vec<(&Path, Result<Sound, InputError>)>,
    answer: ExitStatus,
    out: &mut dyn Write,
) -> anyhow::Result<ExitStatus> {
    let mut document = Document::default();
    for (_, judged) in judged {
        match judged {
            Ok(Sound { loaded, warnings, accepted, .. }) => {
                document.diagnostics.extend(warnings.entries());
                for Accepted { warning, reason, .. } in accepted {
                    let entries = loaded.report(vec![warning]).entries();
                    document.accepted.extend(
                        entries.into_iter().map(|entry| AcceptedEntry { entry, reason: reason.clone() }),
                    );
                }
            }
            Err(error) => document.diagnostics.extend(error.entries()),
        }
    }
    for entry in &document.diagnostics {
        *match entry.severity {
            Severity::Error => &mut document.errors,
            Severity::Warning => &mut document.warnings,
            Severity::Advice => &mut document.advice,
        } += 1;
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)?;
    Ok(if document.errors > 0 { ExitStatus::WrongInput } else { answer })
}
