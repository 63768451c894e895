//! `portguard drift`: what listens on this node, held against what its documents say, and what holds the filter.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::{ExitStatus, NameArgs, format::Format, load, surroundings::local_ports};
use crate::{
    daemon::BPFFS,
    datapath::{DatapathError, Network, Present, Survey, filters_before, tcx_before},
    drift::{Drift, Mooring, Pins, Silence},
    lint::LocalPorts,
    matrix::Hook,
    sockets::listeners,
};

const EXAMPLE: &str = "\
Examples:
  portguard drift --site /etc/portguard/site.toml
  portguard drift --site /etc/portguard/site.toml --allow-silent --format json

Changes nothing and needs no privilege; without root the processes of other users have no name, and links and pins of the \
filter are not looked at. Looks at the sockets of the network namespace that it runs in. Exit code 0 when nothing is odd, 1 when \
listeners and documents differ, or a link or a pin is not as loaded.";

/// The options of `drift`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The site file
    #[arg(long, value_name = "FILE")]
    site: PathBuf,
    /// Documented ports where nobody listens are shown and are no drift: the node does not run everything
    #[arg(long)]
    allow_silent: bool,
    /// The BPF file system, where the filter is pinned; no daemon need run
    #[arg(long, value_name = "DIR", default_value = BPFFS)]
    bpffs: PathBuf,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Compares and tells.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let matrix = load(&args.site, &NameArgs::default())?.matrix;
    let ephemeral = local_ports().unwrap_or_else(LocalPorts::usual).range;
    let mut drift = Drift::new(&matrix, &listeners()?, ephemeral);
    match filter(&args.bpffs) {
        Ok(Some((moorings, pins))) => drift = drift.and_filter(&matrix, &moorings, &pins),
        // Nothing is pinned, or it is not for everybody to see.
        Ok(None) | Err(DatapathError::NotPermitted) => {}
        Err(error) => return Err(error.into()),
    }
    args.format.show(&drift, ToString::to_string, out)?;
    let silence = if args.allow_silent { Silence::IsAllowed } else { Silence::IsDrift };
    Ok(if drift.is_found(silence) { ExitStatus::AnswerIsNo } else { ExitStatus::Success })
}

/// The interfaces with their programs, and what is pinned; none, if nothing is.
fn filter(bpffs: &Path) -> Result<Option<(Vec<Mooring>, Pins)>, DatapathError> {
    let Some(Survey { programs, links }) = Survey::of(bpffs)? else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| DatapathError::Pins { path: bpffs.to_owned(), source })?;
    let present = runtime.block_on(async { Network::open()?.present().await })?;
    // Of tc, where there may be many programs, the link, or the filter, tells whether it has ours on the interface.
    let held = |hook, index: u32| match links.get(&(index, hook)) {
        Some(Ok(link)) if link.interface == Some(index) => Some(link.program),
        _ => None,
    };
    let mut moorings = Vec::new();
    for Present { name, index, program, .. } in present {
        for hook in Hook::ALL {
            let program = match hook {
                Hook::Xdp => program.map(|program| program.id),
                Hook::Tcx | Hook::Egress | Hook::Clsact => held(hook, index),
            };
            let before = match (hook, program) {
                (Hook::Tcx, Some(program)) => tcx_before(&name, program)?,
                (Hook::Clsact, Some(_)) => filters_before(index)?,
                _ => Vec::new(),
            };
            moorings.push(Mooring { name: name.clone(), index, hook, program, before });
        }
    }
    let links = links.into_iter().map(|(place, link)| (place, link.map(|link| link.program)));
    Ok(Some((moorings, Pins { programs, links: links.collect() })))
}
