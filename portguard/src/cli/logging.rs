//! Where the daemon's log goes, and in which form.
//!
//! By default to the journal where standard error is the journal's, so that fields stay fields, else to standard error as
//! text. `PORTGUARD_LOG` says how much, by level and target, in the words of `tracing_subscriber::filter::Targets`.

use std::{
    env,
    io::{self, IsTerminal as _},
    os::unix::fs::MetadataExt as _,
};

use anyhow::Context as _;
use clap::ValueEnum;
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Says how much is logged.
const FILTER: &str = "PORTGUARD_LOG";
const DEFAULT_LEVEL: LevelFilter = LevelFilter::INFO;
/// Set by systemd for services whose standard error is the journal.
const JOURNAL_STREAM: &str = "JOURNAL_STREAM";

/// Options of a verb that logs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Where the log goes; `PORTGUARD_LOG` says how much of it (`debug`, `portguard::daemon=debug,warn`)
    #[arg(long, value_enum, value_name = "WHERE", default_value_t = Destination::Auto)]
    log: Destination,
    /// The form of the log on standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Destination {
    /// To the journal where standard error is the journal's and the format is text, else to standard error
    Auto,
    /// To standard error
    Stderr,
    /// To the journal
    Journald,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For a program: one object a line
    Json,
}

/// Begins to log. To be called once.
pub(super) fn begin(args: LogArgs) -> anyhow::Result<()> {
    let filter = match env::var(FILTER) {
        Ok(text) => text.parse().with_context(|| format!("{FILTER}={text} is no filter"))?,
        Err(_) => Targets::new().with_default(DEFAULT_LEVEL),
    };
    let LogArgs { log, log_format } = args;
    let journal = match log {
        Destination::Stderr => false,
        Destination::Journald => true,
        Destination::Auto => log_format == Format::Text && stderr_is_the_journal(),
    };
    let layer = if journal {
        tracing_journald::layer().context("cannot reach the journal; use --log stderr")?.boxed()
    } else {
        on(io::stderr, log_format)
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .context("the log has begun already")
}

fn on<W>(writer: W, format: Format) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    match format {
        // Colours are for a terminal, and not for a file that somebody searches.
        Format::Text => fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(writer).boxed(),
        Format::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    }
}

fn stderr_is_the_journal() -> bool {
    let Ok(stream) = env::var(JOURNAL_STREAM) else { return false };
    let Ok(stderr) = std::fs::metadata("/proc/self/fd/2") else { return false };
    names(&stream, stderr.dev(), stderr.ino())
}

/// Whether `JOURNAL_STREAM` names this file: a process whose standard error was redirected inherits the variable, too.
fn names(stream: &str, device: u64, inode: u64) -> bool {
    stream == format!("{device}:{inode}")
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics with it").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format) -> String {
        let shared = Shared::default();
        let writer = shared.clone();
        let registry = tracing_subscriber::registry().with(on(move || writer.clone(), format));
        tracing::subscriber::with_default(registry, || {
            tracing::warn!(interface = "eth0", "it is gone");
        });
        let bytes = shared.0.lock().expect("nobody panics with it").clone();
        String::from_utf8(bytes).expect("the log is text")
    }

    #[test]
    fn json_is_one_object_a_line_with_fields_beside_the_message() {
        let line = logged(Format::Json);
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(event["level"], "WARN");
        assert_eq!(event["message"], "it is gone");
        assert_eq!(event["interface"], "eth0");
    }

    #[test]
    fn text_has_the_message_and_its_fields() {
        let line = logged(Format::Text);
        assert!(line.contains("it is gone") && line.contains("eth0"), "{line}");
    }

    #[test]
    fn a_redirected_standard_error_is_not_the_journal() {
        assert!(names("8:4711", 8, 4711));
        assert!(!names("8:4711", 8, 4712));
        assert!(!names("", 0, 0));
    }
}
