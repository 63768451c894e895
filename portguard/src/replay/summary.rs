//! What all packets came to: by rule and by source, and what a reader must know of it.

use std::{collections::HashMap, fmt, net::IpAddr};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::line::Verdict;
use crate::matrix::{Direction, Matrix, Mode, Rule, RuleId};

/// How many sources are counted each by itself, all rows together: a capture of a flood holds any number of them.
const MOST_SOURCES: usize = 1 << 16;
/// How many sources of a row are shown.
const SOURCES_SHOWN: usize = 4;

/// What packets of a row have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) direction: Direction,
    pub(super) verdict: Verdict,
    pub(super) reason: &'static str,
    pub(super) rule: Option<RuleId>,
}

#[derive(Debug, Default)]
struct Row {
    packets: u64,
    sources: HashMap<IpAddr, u64>,
    /// Packets of sources for which there was no place, or that cannot be read.
    elsewhere: u64,
}

/// Facts about the capture that change what its answers mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caveats {
    /// No address of the node was given, and the capture does not tell directions itself.
    pub(super) undirected: u64,
    /// Dropped packets that would pass if the node had opened their connection before the capture began.
    pub(super) midway: u64,
    /// The same of packets that leave, if a peer had opened it.
    pub(super) midway_out: u64,
    /// UDP replies.
    pub(super) udp_replies: u64,
    /// Judged packets neither from nor to one of the node's addresses.
    pub(super) of_others: u64,
    /// Packets that were cut off before the verdict was clear.
    pub(super) truncated: u64,
    /// Frames that the kernel's test run does not take.
    pub(super) left_out: u64,
}

/// What all packets came to.
#[derive(Debug)]
pub struct Summary<'a> {
    matrix: &'a Matrix,
    mode: Mode,
    rows: HashMap<Key, Row>,
    sources: usize,
    /// For each rule the first of the same name and place: one rule of a site file can become several of the matrix.
    named: Vec<RuleId>,
    pub(super) caveats: Caveats,
}

impl<'a> Summary<'a> {
    pub(super) fn new(matrix: &'a Matrix, mode: Mode) -> Self {
        let rules = &matrix.rules;
        let same =
            |rule: &Rule, other: &Rule| (&other.origin, other.direction) == (&rule.origin, rule.direction);
        let first = |rule: &Rule| rules.iter().position(|other| same(rule, other));
        let named = rules.iter().filter_map(first).map(RuleId::new).collect();
        Self { matrix, mode, rows: HashMap::new(), sources: 0, named, caveats: Caveats::default() }
    }

    pub(super) fn add(&mut self, key: Key, source: Option<IpAddr>) {
        let rule = key.rule.map(|rule| self.named[rule.index()]);
        let row = self.rows.entry(Key { rule, ..key }).or_default();
        row.packets += 1;
        match source {
            Some(source) if self.sources < MOST_SOURCES || row.sources.contains_key(&source) => {
                let count = row.sources.entry(source).or_default();
                self.sources += usize::from(*count == 0);
                *count += 1;
            }
            Some(_) | None => row.elsewhere += 1,
        }
    }

    fn sum(&self, verdict: Verdict) -> u64 {
        self.rows.iter().filter(|(key, _)| key.verdict == verdict).map(|(_, row)| row.packets).sum()
    }
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [pass, drop, skipped] = [Verdict::Pass, Verdict::Drop, Verdict::Skipped].map(|one| self.sum(one));
        if !self.rows.is_empty() {
            writeln!(f, "{}\n", self.table())?;
        }
        writeln!(f, "{}: {pass} pass, {drop} drop, {skipped} not judged", packets(pass + drop + skipped))?;
        self.write_caveats(f)
    }
}

impl Summary<'_> {
    /// What drops first, then by number of packets.
    fn table(&self) -> Table {
        let mut table = Table::new();
        let leaves = self.rows.keys().any(|key| key.direction == Direction::Out);
        let others = if leaves { "OTHER END" } else { "SOURCES" };
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(["VERDICT", "REASON", "RULE", "PACKETS", others]);
        if let Some(column) = table.column_mut(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let rank = |verdict| match verdict {
            Verdict::Drop => 0,
            Verdict::Pass => 1,
            Verdict::Skipped => 2,
        };
        let mut rows: Vec<(&Key, &Row)> = self.rows.iter().collect();
        rows.sort_by_key(|(key, row)| (rank(key.verdict), std::cmp::Reverse(row.packets), **key));
        for (key, row) in rows {
            let rule = key.rule.map(|id| self.matrix.cite(&self.matrix.rule(id).origin));
            let count = row.packets.to_string();
            let verdict = match key.direction {
                Direction::In => key.verdict.name().to_owned(),
                Direction::Out => format!("{}, out", key.verdict.name()),
            };
            table.add_row([
                verdict.as_str(),
                key.reason,
                rule.as_deref().unwrap_or("-"),
                &count,
                &row.sources(),
            ]);
        }
        table
    }

    fn write_caveats(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Caveats { undirected, midway, midway_out, udp_replies, of_others, truncated, left_out } =
            self.caveats;
        let mut note = |count: u64, what: &str, then: &str| match count {
            0 => Ok(()),
            count => writeln!(f, "note: {what}: {}{then}", packets(count)),
        };
        note(
            undirected,
            "judged as inbound",
            ", the node's own among them. With --node ADDRESS, once for each address that it has, those are left out, and \
             what answers them passes",
        )?;
        note(
            midway,
            "dropped as part of no connection that begins in this capture",
            ". Where the node itself had opened the connection before, they pass",
        )?;
        note(
            midway_out,
            "dropped on the way out as part of no connection that begins in this capture",
            ". Where a peer had opened the connection before, they pass",
        )?;
        note(
            udp_replies,
            "passed as replies over UDP",
            ". At the node they pass only if the socket that asked was connected",
        )?;
        note(
            of_others,
            "judged, neither from nor to an address of --node",
            ". Are these all addresses that the node has? What drops here and is for others passes at a node that sends it on, unless the site says transit = \"drop\"",
        )?;
        note(
            truncated,
            "not judged",
            ", of which the capture holds less than the verdict needs. Capture them whole: tcpdump -s 0",
        )?;
        note(left_out, "judged natively alone", " of a length that the kernel's test run does not take")?;
        if self.mode == Mode::Observe && self.sum(Verdict::Drop) > 0 {
            writeln!(f, "note: the site's mode is observe: what drops here is counted there, and passes")?;
        }
        Ok(())
    }
}

impl Row {
    /// The sources with the most packets, and how many there are beside.
    fn sources(&self) -> String {
        let mut sources: Vec<(IpAddr, u64)> =
            self.sources.iter().map(|(source, count)| (*source, *count)).collect();
        sources.sort_by_key(|&(source, count)| (std::cmp::Reverse(count), source));
        let more = sources.len().saturating_sub(SOURCES_SHOWN);
        let mut shown: Vec<String> =
            sources.iter().take(SOURCES_SHOWN).map(|(source, count)| format!("{source} ({count})")).collect();
        if more > 0 {
            shown.push(format!("{more} more"));
        }
        match (shown.is_empty(), self.elsewhere) {
            (false, 0) => {}
            (true, _) => shown.push("-".to_owned()),
            (false, elsewhere) => shown.push(format!("others ({elsewhere})")),
        }
        shown.join(", ")
    }
}

fn packets(count: u64) -> String {
    if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") }
}
