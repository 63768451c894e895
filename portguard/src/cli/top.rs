//! `portguard top`: what is dropped and passed, live, on a terminal.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers},
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{ExitStatus, control::ControlArgs};
use crate::{
    audit::{DropFilter, Order, Span},
    daemon::{DaemonError, Reply, Request, ask},
    observe::Idle,
    top::{Palette, Sample, Top, draw},
};

const EXAMPLE: &str = "\
Example:
  portguard top

By port and rule, and by source: packets a second that pass, are dropped, or would be in mode observe; drops over the last
minutes; mode, generation and troubles. q, Esc or Ctrl-C ends it. For scripts there are `status`, `counters` and `drops`.";

/// How often the daemon is asked.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a key is waited for until the picture is looked after.
const TURN: Duration = Duration::from_millis(200);
/// How far back sources are looked for.
const BACK: u64 = 3600;
/// The most sources and ports that are asked for.
const MOST: usize = 256;

/// The options of `top`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    control: ControlArgs,
}

/// Shows it until somebody has seen enough.
pub fn run(args: &Args, _out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        bail!(
            "top needs a terminal; for scripts there are `portguard status`, `counters` and `drops`, with --format json"
        );
    }
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&ended)).context("cannot wait for signals")?;
    }
    let answers = asking(args.control.directory().to_owned())?;
    let mut screen = Screen::open()?;
    show(&mut screen.0, &answers, &ended)?;
    Ok(ExitStatus::Success)
}

/// The terminal while it is ours; dropping it gives it back, and so does a panic before it is told.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> anyhow::Result<Self> {
        Ok(Self(ratatui::try_init().context("cannot draw on this terminal")?))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone wants nothing back.
        let _: io::Result<()> = ratatui::try_restore();
    }
}

fn show(
    terminal: &mut DefaultTerminal,
    answers: &mpsc::Receiver<Result<Sample, String>>,
    ended: &AtomicBool,
) -> anyhow::Result<()> {
    let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let palette = if unwanted { Palette::Plain } else { Palette::Colour };
    let (start, mut top) = (Instant::now(), Top::default());
    while !ended.load(Ordering::Relaxed) {
        for answer in answers.try_iter() {
            top.take(start.elapsed(), answer);
        }
        top.pass(start.elapsed());
        terminal.draw(|frame| draw(frame, &top, palette))?;
        if event::poll(TURN)? && is_end(&event::read()?) {
            break;
        }
    }
    Ok(())
}

fn is_end(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}

/// Asks again and again, on a thread of its own: a daemon that hangs does not keep a key from being heard. The thread ends with
/// the process.
fn asking(directory: PathBuf) -> io::Result<mpsc::Receiver<Result<Sample, String>>> {
    let (tell, answers) = mpsc::channel();
    thread::Builder::new().name("asking".to_owned()).spawn(move || {
        while tell.send(sample(&directory).map_err(|error| error.to_string())).is_ok() {
            thread::sleep(INTERVAL);
        }
    })?;
    Ok(answers)
}

fn sample(directory: &Path) -> Result<Sample, DaemonError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let filter = DropFilter {
        span: Span { since: now.saturating_sub(BACK), until: now + 1 },
        source: None,
        port: None,
        rule: None,
        reason: None,
        order: Order::Latest,
        limit: MOST,
    };
    let Reply::Status(status) = ask(directory, Request::Status)? else { return Err(other_answer()) };
    let counters = match ask(directory, Request::Counters { idle: Idle::Hide }) {
        Ok(Reply::Counters(report)) => Some(report),
        // The filter is off, which the status says.
        Err(DaemonError::Refused(_)) => None,
        Ok(_) => return Err(other_answer()),
        Err(error) => return Err(error),
    };
    let drops = match ask(directory, Request::Drops { filter }) {
        Ok(Reply::Drops(drops)) => Some(drops),
        // The store cannot be read, which the status says.
        Err(DaemonError::Refused(_)) => None,
        Ok(_) => return Err(other_answer()),
        Err(error) => return Err(error),
    };
    Ok(Sample { status: *status, counters, drops })
}

fn other_answer() -> DaemonError {
    DaemonError::Refused("something else than was asked".to_owned())
}
