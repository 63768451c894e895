//! The frame: from 80 by 24 on all is there, below that what there is room for.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Cell, Paragraph, Row, Sparkline, Table},
};

use super::{
    Sample, Top,
    rates::{PortRate, Rate, SourceRate},
    words::{count, rate, shortened},
};
use crate::{daemon::GenerationInForce, matrix::Mode};

/// The lines of the sparkline with its title.
const LINE: u16 = 5;
/// The width of a column of numbers.
const NUMBER: u16 = 9;

/// Whether there is colour. Whatever it says, a word says, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// There is.
    Colour,
    /// There is not: <https://no-color.org>.
    Plain,
}

impl Palette {
    fn of(self, colour: Color) -> Style {
        match self {
            Self::Colour => Style::new().fg(colour),
            Self::Plain => Style::new(),
        }
    }

    fn alarm(self) -> Style {
        self.of(Color::Red).add_modifier(Modifier::BOLD)
    }
}

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, top: &Top, palette: Palette) {
    let [head, line, ports, sources, foot] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(LINE),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let width = usize::from(head.width);
    let sample = top.last.as_ref().map(|(_, sample)| sample);
    let lines = vec![
        enforced(sample, width, palette),
        interfaces(sample, width, palette),
        state(top, width, palette),
    ];
    frame.render_widget(Paragraph::new(lines), head);
    draw_line(frame, line, top, palette);
    draw_ports(frame, ports, &top.rates.ports, palette);
    draw_sources(frame, sources, &top.rates.sources, palette);
    let foot_text =
        shortened("q, Esc or Ctrl-C: quit.  Packets a second; passed, dropped, would be dropped", width);
    frame.render_widget(Paragraph::new(foot_text).style(Style::new().add_modifier(Modifier::DIM)), foot);
}

fn enforced(sample: Option<&Sample>, width: usize, palette: Palette) -> Line<'static> {
    let Some(Sample { status, .. }) = sample else {
        return Line::from("portguard: waiting for the first answer");
    };
    let Some(GenerationInForce { number, mode, posture, image, .. }) = &status.generation else {
        let text = format!("portguard {}  mode OFF: nothing is guarded", status.portguard);
        return Line::styled(shortened(&text, width), palette.alarm());
    };
    let (mode, style) = match mode {
        Mode::Enforce => ("enforce", palette.of(Color::Green)),
        Mode::Observe => ("observe (nothing is dropped)", palette.of(Color::Yellow)),
    };
    let before = format!("portguard {}  mode ", status.portguard);
    let after =
        format!("  posture {posture}  generation {number}  image {}", image.get(..12).unwrap_or(image));
    let room = width.saturating_sub(before.chars().count() + mode.len());
    Line::from(vec![
        Span::raw(before),
        Span::styled(mode, style.add_modifier(Modifier::BOLD)),
        Span::raw(shortened(&after, room)),
    ])
}

fn interfaces(sample: Option<&Sample>, width: usize, palette: Palette) -> Line<'static> {
    let Some(Sample { status, .. }) = sample else { return Line::default() };
    let guarded: Vec<String> = status
        .interfaces
        .iter()
        .map(|interface| format!("{} ({})", interface.name, interface.attached))
        .collect();
    let mut text = if guarded.is_empty() { "guarding no interface".to_owned() } else { guarded.join(", ") };
    let (mut style, absent) = (Style::new(), &status.absent);
    if !absent.is_empty() {
        (text, style) = (format!("NOT guarded: {}; {text}", absent.join(", ")), palette.alarm());
    }
    if let Some(seconds) = status.unconfirmed {
        text = format!("WAITS: taken back in {seconds} s unless `portguard confirm` comes; {text}");
        style = palette.alarm();
    }
    Line::styled(shortened(&text, width), style)
}

fn state(top: &Top, width: usize, palette: Palette) -> Line<'static> {
    if let Some((silent, why)) = top.silence() {
        let text = format!("NO ANSWER for {} s, trying again: {why}", silent.as_secs());
        return Line::styled(shortened(&text, width), palette.alarm());
    }
    let Some((_, Sample { status, .. })) = &top.last else { return Line::default() };
    match status.troubles.as_slice() {
        [] => Line::styled("no trouble", palette.of(Color::Green)),
        [first, more @ ..] => {
            let many = if more.is_empty() { String::new() } else { format!(" (1 of {})", more.len() + 1) };
            let says = first.says.split_whitespace().collect::<Vec<&str>>().join(" ");
            Line::styled(shortened(&format!("TROUBLE{many}: {says}"), width), palette.alarm())
        }
    }
}

/// Drops over the last minutes, the latest at the right.
fn draw_line(frame: &mut Frame<'_>, area: Rect, top: &Top, palette: Palette) {
    let shown = top.history.len().min(usize::from(area.width));
    let history: Vec<Option<u64>> = top.history.iter().skip(top.history.len() - shown).copied().collect();
    let known = |rate: Option<&u64>| rate.map_or_else(|| "-".to_owned(), |rate| count(*rate));
    let title = format!(
        " dropped, or would be: {} a second; most {}; passed {} ",
        known(top.history.iter().flatten().next_back()),
        known(history.iter().flatten().max()),
        rate(top.rates.passed)
    );
    let block = Block::new().borders(Borders::TOP).title(shortened(&title, usize::from(area.width)));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let width = u16::try_from(shown).unwrap_or(u16::MAX).min(inside.width);
    let at_right = Rect { x: inside.x + inside.width - width, width, ..inside };
    let line = Sparkline::default().data(history).absent_value_symbol("?").style(palette.of(Color::Red));
    frame.render_widget(line, at_right);
}

fn draw_ports(frame: &mut Frame<'_>, area: Rect, ports: &[PortRate], palette: Palette) {
    let widths = [16, NUMBER, NUMBER, NUMBER];
    let rest = rest(area, widths);
    let rows = ports.iter().flat_map(|port| {
        let rules = port.rules.iter().map(|(rule, passed)| (rule.as_str(), *passed));
        let undocumented = (!port.documented).then_some(("no document names it", port.passed));
        rules.chain(undocumented).enumerate().map(move |(place, (rule, passed))| {
            let first = place == 0;
            let name = if first { shortened(&port.port, 16) } else { String::new() };
            Row::new([
                Cell::new(name),
                number(passed, palette.of(Color::Green)),
                if first { number(port.dropped, palette.of(Color::Red)) } else { Cell::new("") },
                if first { number(port.would_drop, palette.of(Color::Yellow)) } else { Cell::new("") },
                Cell::new(shortened(rule, rest)),
            ])
        })
    });
    let head = ["PORT", "PASSED/s", "DROPPED/s", "WOULD/s", "RULE"];
    draw_table(frame, area, " by port ", head, rows.collect(), widths);
}

fn draw_sources(frame: &mut Frame<'_>, area: Rect, sources: &[SourceRate], palette: Palette) {
    let name = |source: &SourceRate| source.source.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
    let longest = sources.iter().map(|source| name(source).len()).max().unwrap_or(0).clamp(16, 39);
    let widths = [u16::try_from(longest).unwrap_or(39), NUMBER, NUMBER, NUMBER];
    let rest = rest(area, widths);
    let rows = sources.iter().map(|source| {
        let more = if source.more == 0 { String::new() } else { format!(" and {} more", source.more) };
        Row::new([
            Cell::new(name(source)),
            right(count(source.packets), Style::new()),
            number(source.dropped, palette.of(Color::Red)),
            number(source.would_drop, palette.of(Color::Yellow)),
            Cell::new(shortened(&format!("{}{more} {}", source.port, source.reason), rest)),
        ])
    });
    let head = ["SOURCE", "PACKETS", "DROPPED/s", "WOULD/s", "TRIED"];
    draw_table(frame, area, " by source, within the last hour ", head, rows.collect(), widths);
}

fn draw_table(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    head: [&'static str; 5],
    rows: Vec<Row<'_>>,
    widths: [u16; 4],
) {
    let block = Block::new().borders(Borders::TOP).title(shortened(title, usize::from(area.width)));
    if rows.is_empty() {
        frame.render_widget(Paragraph::new("nothing yet").block(block), area);
        return;
    }
    let [name, numbers @ .., last] = head;
    let numbers = numbers.map(|text| right(text.to_owned(), Style::new()));
    let header = Row::new([Cell::new(name)].into_iter().chain(numbers).chain([Cell::new(last)]));
    let columns = widths.iter().map(|width| Constraint::Length(*width)).chain([Constraint::Fill(1)]);
    let table = Table::new(rows, columns).header(header.style(Style::new().add_modifier(Modifier::BOLD)));
    frame.render_widget(table.block(block), area);
}

/// What the last column has of the width, a space between all.
fn rest(area: Rect, widths: [u16; 4]) -> usize {
    let taken = widths.iter().map(|width| width + 1).sum::<u16>();
    usize::from(area.width.saturating_sub(taken))
}

fn number(of: Rate, style: Style) -> Cell<'static> {
    right(rate(of), if of == Rate::default() { Style::new() } else { style })
}

fn right(text: String, style: Style) -> Cell<'static> {
    Cell::new(Line::from(text).right_aligned()).style(style)
}
