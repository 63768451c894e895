//! `portguard status`: what is in force on this node, on one screen.

use std::{
    fmt::Write as _,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::bail;

use super::{ExitStatus, control::ControlArgs, format::Format};
use crate::{
    daemon::{BPFFS, DaemonError, GenerationInForce, Reply, Request, Status, ask},
    datapath::Survey,
    matrix::{Mode, Outbound},
};

const EXAMPLE: &str = "\
Example:
  portguard status

The exit code is 0 where the node is guarded and nothing is wrong, and 1 where an interface of the site file is not guarded, the
filter is off, or the daemon has something to tell.";

/// The options of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    control: ControlArgs,
    /// The BPF file system, where the filter is pinned: looked at where no daemon answers
    #[arg(long, value_name = "DIR", default_value = BPFFS)]
    bpffs: PathBuf,
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Asks the daemon and shows the answer.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let answer = ask(args.control.directory(), Request::Status);
    let Reply::Status(status) = answer.map_err(|error| without_daemon(error, &args.bpffs))? else {
        bail!("portguard answered another question than the one that was asked");
    };
    args.format.show(&status, |status| screen(status, now()), out)?;
    let sound = status.generation.is_some() && status.absent.is_empty() && status.troubles.is_empty();
    Ok(if sound { ExitStatus::Success } else { ExitStatus::AnswerIsNo })
}

/// Where no daemon answers: whether what it has pinned goes on without it, as far as this user may see.
fn without_daemon(error: DaemonError, bpffs: &Path) -> anyhow::Error {
    let interfaces = match (&error, Survey::of(bpffs)) {
        (DaemonError::NotRunning { .. }, Ok(Some(survey))) => survey.interfaces().len(),
        _ => 0,
    };
    let error = anyhow::Error::from(error);
    if interfaces == 0 {
        return error;
    }
    let plural = if interfaces == 1 { "" } else { "s" };
    error.context(format!(
        "what is in force cannot be told; the filter of {interfaces} interface{plural} is pinned in {} and goes on without a daemon: \
         `portguard drift` says whether all of it does",
        bpffs.display()
    ))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn screen(status: &Status, now: u64) -> String {
    let mut text = String::new();
    let mut line = |what: &str, says: &str| {
        writeln!(text, "{what:<12}{says}").expect("writing to a string does not fail");
    };
    if let Some(generation) = &status.generation {
        let GenerationInForce { number, image, since, by, .. } = generation;
        line("mode", mode(generation.mode));
        line("posture", &format!("{}: what no rule names", generation.posture));
        if let Some(Outbound { mode: outbound, posture, attach: _ }) = generation.outbound {
            line("outbound", &format!("{}, posture {posture}", mode(outbound)));
        }
        let since = ago(now, *since);
        line("generation", &format!("{number}, image {}, for {since}, by {by}", &image[..12]));
        line("site", &format!("{}, {} rules", status.site, generation.rules));
        for product in &generation.products {
            let name = format!("{}: {}", product.product, product.policy);
            line("", &format!("{name} ({}), {} rules", product.document, product.rules));
        }
    } else {
        line("mode", "OFF: nothing is guarded that this daemon could read");
        line("site", &status.site);
    }
    for interface in &status.interfaces {
        line("interface", &interface.text());
    }
    for name in &status.absent {
        line("interface", &format!("{name}: NOT guarded, it is not there or the filter cannot be put on it"));
    }
    let counted = &status.counted;
    line("passed", &format!("{} packets", counted.passed.packets));
    line("dropped", &format!("{} packets", counted.dropped.packets));
    line("would drop", &format!("{} packets", counted.would_drop.packets));
    line("last minute", &format!("{} packets dropped, or would have been", status.last_minute.packets));
    if let Some(seconds) = status.unconfirmed {
        line("WAITS", &format!("taken back in {seconds} s unless `portguard confirm` comes"));
    }
    for trouble in &status.troubles {
        line("TROUBLE", &format!("for {}: {}", ago(now, trouble.since), trouble.says));
    }
    text
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => "observe: nothing is dropped",
        Mode::Enforce => "enforce",
    }
}

/// How long ago it was, in the two largest units.
fn ago(now: u64, then: u64) -> String {
    let elapsed = Duration::from_secs(now.saturating_sub(then)).as_secs();
    let (days, hours, minutes) = (elapsed / 86_400, elapsed / 3600 % 24, elapsed / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{elapsed} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", elapsed % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn times_are_told_in_their_two_largest_units() {
        let told = [
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h 0 min"),
            (90_000, "1 d 1 h"),
        ];
        for (seconds, expected) in told {
            assert_eq!(ago(1_000_000 + seconds, 1_000_000), expected);
        }
        assert_eq!(ago(5, 10), "0 s", "a clock that was set back");
    }
}
