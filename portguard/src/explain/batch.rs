//! Many questions at once: a CSV file in, one short answer a row out.
//!
//! Every row is read before the first is answered, and every fault is told, so that nobody takes half an answer for the
//! whole.

use std::net::IpAddr;

use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use portguard_common::Action;
use serde::Serialize;
use thiserror::Error;

use super::{Destination, Question, QuestionError, verdict::judge};
use crate::{
    compile::Image,
    matrix::{Direction, Matrix, Origin, ZoneId},
    reading::did_you_mean,
};

/// What holds for a row that leaves its zone or its direction empty.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// The zone; none where the site has several and none was named.
    pub zone: Option<ZoneId>,
    /// Who opens the connection.
    pub direction: Direction,
}

/// A row: the question, and its words for the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    from: String,
    to: String,
    question: Question,
}

/// The answer to a row, as a line of JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer<'a> {
    /// The other end, as asked.
    pub from: &'a str,
    /// The port, as asked.
    pub to: &'a str,
    /// `pass` or `drop`, as mode `enforce` does it.
    pub verdict: &'static str,
    /// The reason's name.
    pub reason: &'static str,
    /// The policy of the rule; none for a rule of the site's own.
    pub policy: Option<&'a str>,
    /// The rule that decided: it admits the packet or declares it, or is the first of those that name the port and do not
    /// admit the source.
    pub rule: Option<&'a str>,
    /// Its line in the document, or in the site file.
    pub line: Option<u32>,
}

/// Why a file of questions cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchFault {
    /// There is no header.
    #[error("the file is empty: begin with the header from,to,zone,direction")]
    Empty,
    /// The header lacks a column.
    #[error("line 1: the header has no column `{0}`: from and to must be there, zone and direction may be")]
    NoColumn(&'static str),
    /// The header has a column that means nothing here.
    #[error("line 1, column `{name}`: no such column is known; {remedy}")]
    UnknownColumn {
        /// Its name.
        name: String,
        /// What to do.
        remedy: String,
    },
    /// The header names a column twice.
    #[error("line 1, column `{0}`: it is there twice; leave one of them out")]
    ColumnTwice(&'static str),
    /// A row has more or fewer fields than the header.
    #[error(
        "line {line}: it has {found} fields, and the header has {expected}; write an empty field as nothing between two commas"
    )]
    Fields {
        /// The row's line.
        line: u64,
        /// How many it has.
        found: u64,
        /// How many the header has.
        expected: u64,
    },
    /// A field that must say something.
    #[error("line {line}, column `{column}`: it is empty; {remedy}")]
    Nothing {
        /// The row's line.
        line: u64,
        /// The column.
        column: &'static str,
        /// What to do.
        remedy: String,
    },
    /// A field that is no address.
    #[error(
        "line {line}, column `from`: `{text}` is no address; write one, for example 10.0.0.7 or 2001:db8::7"
    )]
    Address {
        /// The row's line.
        line: u64,
        /// The field.
        text: String,
    },
    /// A field that is no port.
    #[error("line {line}, column `to`: {error}")]
    Destination {
        /// The row's line.
        line: u64,
        /// What is wrong with it.
        error: QuestionError,
    },
    /// A zone that the site does not have.
    #[error("line {line}, column `zone`: this site has no zone `{zone}`; {remedy}")]
    Zone {
        /// The row's line.
        line: u64,
        /// The field.
        zone: String,
        /// What to do.
        remedy: String,
    },
    /// A direction that is none.
    #[error("line {line}, column `direction`: `{text}` is no direction; write in or out, or leave it empty")]
    Direction {
        /// The row's line.
        line: u64,
        /// The field.
        text: String,
    },
}

/// Reads a file of questions about `matrix`; on failure every fault it has.
pub fn read_batch(text: &str, defaults: Defaults, matrix: &Matrix) -> Result<Vec<Asked>, Vec<BatchFault>> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| vec![BatchFault::Empty])?.clone();
    let columns = Columns::find(&header)?;
    let (mut asked, mut faults) = (Vec::new(), Vec::new());
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let row = Row { line: line_of(record.position()), record: &record, columns: &columns };
                asked.extend(row.read(defaults, matrix, &mut faults));
            }
            Err(error) => faults.extend(fault(&error)),
        }
    }
    if faults.is_empty() { Ok(asked) } else { Err(faults) }
}

/// The text is UTF-8 and in memory, so a row can only have the wrong number of fields.
fn fault(error: &csv::Error) -> Option<BatchFault> {
    let ErrorKind::UnequalLengths { pos, expected_len, len } = error.kind() else { return None };
    Some(BatchFault::Fields { line: line_of(pos.as_ref()), found: *len, expected: *expected_len })
}

fn line_of(position: Option<&csv::Position>) -> u64 {
    position.map_or(1, csv::Position::line)
}

/// Which field of a row is which.
struct Columns {
    from: usize,
    to: usize,
    zone: Option<usize>,
    direction: Option<usize>,
}

impl Columns {
    const NAMES: [&'static str; 4] = ["from", "to", "zone", "direction"];

    fn find(header: &StringRecord) -> Result<Self, Vec<BatchFault>> {
        if header.is_empty() {
            return Err(vec![BatchFault::Empty]);
        }
        let mut faults = Vec::new();
        let [from, to, zone, direction] = Self::NAMES.map(|name| {
            let mut positions = header.iter().enumerate().filter(|(_, field)| *field == name);
            let first = positions.next().map(|(position, _)| position);
            if positions.next().is_some() {
                faults.push(BatchFault::ColumnTwice(name));
            }
            first
        });
        for name in header.iter().filter(|name| !Self::NAMES.contains(name)) {
            let remedy = did_you_mean(name, "columns", Self::NAMES);
            faults.push(BatchFault::UnknownColumn { name: name.to_owned(), remedy });
        }
        for (name, position) in [("from", from), ("to", to)] {
            if position.is_none() {
                faults.push(BatchFault::NoColumn(name));
            }
        }
        match (from, to) {
            (Some(from), Some(to)) if faults.is_empty() => Ok(Self { from, to, zone, direction }),
            _ => Err(faults),
        }
    }
}

struct Row<'a> {
    line: u64,
    record: &'a StringRecord,
    columns: &'a Columns,
}

impl Row<'_> {
    /// The question of the row, unless it has faults.
    fn read(&self, defaults: Defaults, matrix: &Matrix, faults: &mut Vec<BatchFault>) -> Option<Asked> {
        let from = self.field(Some(self.columns.from));
        let to = self.field(Some(self.columns.to));
        let parts = (
            keep(self.address(from), faults),
            keep(self.destination(to), faults),
            keep(self.zone(defaults, matrix), faults),
            keep(self.direction(defaults), faults),
        );
        let (Some(address), Some(destination), Some(zone), Some(direction)) = parts else { return None };
        let destination = keep(self.of(destination, address), faults)?;
        let question = Question { from: address, to: destination, zone, direction };
        Some(Asked { from: from.to_owned(), to: to.to_owned(), question })
    }

    fn field(&self, column: Option<usize>) -> &str {
        column.and_then(|column| self.record.get(column)).unwrap_or("")
    }

    fn nothing(&self, column: &'static str, remedy: &str) -> BatchFault {
        BatchFault::Nothing { line: self.line, column, remedy: remedy.to_owned() }
    }

    fn address(&self, text: &str) -> Result<IpAddr, BatchFault> {
        if text.is_empty() {
            return Err(self.nothing("from", "write an address, for example 10.0.0.7 or 2001:db8::7"));
        }
        text.parse().map_err(|_| BatchFault::Address { line: self.line, text: text.to_owned() })
    }

    fn destination(&self, text: &str) -> Result<Destination, BatchFault> {
        if text.is_empty() {
            return Err(self.nothing("to", "write a port, for example 8086/tcp"));
        }
        text.parse().map_err(|error| BatchFault::Destination { line: self.line, error })
    }

    fn of(&self, destination: Destination, address: IpAddr) -> Result<Destination, BatchFault> {
        destination.of(address).map_err(|error| BatchFault::Destination { line: self.line, error })
    }

    fn zone(&self, defaults: Defaults, matrix: &Matrix) -> Result<ZoneId, BatchFault> {
        let names = || matrix.zones.iter().map(|zone| zone.name.as_str());
        let (line, text) = (self.line, self.field(self.columns.zone));
        if text.is_empty() {
            return defaults.zone.ok_or_else(|| {
                let known = names().collect::<Vec<_>>().join(", ");
                self.nothing("zone", &format!("this site has several zones ({known}): name one"))
            });
        }
        let position = names().position(|name| name == text);
        position.map(ZoneId::new).ok_or_else(|| BatchFault::Zone {
            line,
            zone: text.to_owned(),
            remedy: did_you_mean(text, "zones", names()),
        })
    }

    fn direction(&self, defaults: Defaults) -> Result<Direction, BatchFault> {
        match self.field(self.columns.direction) {
            "" => Ok(defaults.direction),
            "in" => Ok(Direction::In),
            "out" => Ok(Direction::Out),
            text => Err(BatchFault::Direction { line: self.line, text: text.to_owned() }),
        }
    }
}

fn keep<T>(read: Result<T, BatchFault>, faults: &mut Vec<BatchFault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

impl Asked {
    /// The question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The answer. `image` is `matrix` compiled.
    pub fn answer<'a>(&'a self, matrix: &'a Matrix, image: &Image) -> Answer<'a> {
        let verdict = judge(&self.question, matrix, image);
        let enforced = matrix.enforces(self.question.direction);
        let decided = verdict.rule.or_else(|| verdict.named.first().copied().filter(|_| enforced));
        let (policy, rule, line) = match decided.map(|id| &matrix.rule(id).origin) {
            Some(Origin::Document { policy, rule, line, .. }) => {
                (Some(policy.as_str()), Some(rule.as_str()), Some(*line))
            }
            Some(Origin::Failsafe { line }) => (None, Some("failsafe"), Some(*line)),
            Some(Origin::Site { rule, line }) => (None, Some(rule.as_str()), Some(*line)),
            None => (None, None, None),
        };
        let verdict_text = match verdict.action {
            Action::Pass => "pass",
            Action::Drop => "drop",
        };
        let (from, to) = (self.from.as_str(), self.to.as_str());
        Answer { from, to, verdict: verdict_text, reason: verdict.reason, policy, rule, line }
    }
}
