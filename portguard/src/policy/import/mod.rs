//! A policy drafted from a vendor's Markdown page.
//!
//! A page is read in three steps. `page` (with `html` for tables that are written in HTML) takes the Markdown apart
//! into headings, tables, list items and paragraphs, each with its lines. `rows` and `items` find the ports in tables
//! and elsewhere and make a `Candidate` of each place that holds some; what they cannot read they say. `draft` gives
//! the candidates names, puts those together that say the same, and writes the TOML. What the page does not say is
//! chosen, marked as inferred and commented, so that a person looks at it: a draft is never a policy to enforce unread.

mod cells;
mod columns;
mod draft;
mod html;
mod items;
mod page;
mod peers;
mod ports;
mod protocols;
mod rows;
mod shape;

use std::fmt;

use super::PolicyName;
use crate::matrix::Direction;
use page::{Page, Part};

pub use shape::Misshapen;

/// A policy to be looked through.
#[derive(Debug)]
pub struct Draft {
    /// Its TOML, which is sound; `None` where the page holds no port that could be read.
    pub text: Option<String>,
    /// How many rules it has.
    pub rules: usize,
    /// How many of them hold something that the page does not say.
    pub doubtful: usize,
    /// How many tables the page has.
    pub tables: usize,
    /// Places that seem to speak of ports and could not be read, in the order of the page.
    pub unread: Vec<Unread>,
}

/// A place that seems to speak of ports and could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its line, counted from 1.
    pub line: u32,
    /// What is in the way.
    pub why: &'static str,
    /// What it says, shortened.
    pub text: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.why, self.text)
    }
}

/// A rule in the making.
#[derive(Debug)]
struct Candidate {
    /// The heading it stands under.
    section: String,
    /// The lines that hold its ports.
    lines: Vec<u32>,
    /// What the page calls the service, if it does so shortly.
    name: Option<String>,
    ports: Vec<String>,
    protocol: &'static str,
    direction: Direction,
    peers: Vec<Peer>,
    /// The page's own words for the peers.
    says: Option<String>,
    description: String,
    doubts: Vec<Doubt>,
}

/// The other end of a rule, as the page has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    /// The page names nobody.
    Unnamed,
    /// The node itself.
    Node,
    /// Some addresses.
    Address(ipnet::IpNet),
    /// Whoever it calls so.
    Named(String),
}

/// A field of a rule that the page leaves open, and why it is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Doubt {
    field: Field,
    why: String,
}

/// The fields that a page can leave open, in the order in which rules name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Ports,
    Protocol,
    Direction,
    From,
    To,
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ports => "ports",
            Self::Protocol => "protocol",
            Self::Direction => "direction",
            Self::From => "from",
            Self::To => "to",
        }
    }
}

impl Doubt {
    fn new(field: Field, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

/// What was found on a page.
#[derive(Default)]
struct Findings {
    candidates: Vec<Candidate>,
    unread: Vec<Unread>,
    prose: Vec<Prose>,
}

/// A line of prose that speaks of ports. It is worth a look if the rules do not name them.
struct Prose {
    line: u32,
    ports: Vec<u16>,
    text: String,
}

/// Drafts a policy called `name` from `text`, the page that goes by the file name `document`.
pub fn import(text: &str, document: &str, name: &PolicyName) -> Result<Draft, Misshapen> {
    // Lines are what `str::lines` and editors take for lines.
    let text = text.replace("\r\n", "\n").replace('\r', " ");
    shape::check(&text)?;
    let page = Page::read(&text);
    let mut findings = Findings::default();
    let mut tables = 0;
    let mut section = Section::default();
    let mut parts = page.parts.iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            Part::Heading(heading) => {
                if !items::read_heading(heading, parts.peek().copied(), &section, &mut findings) {
                    section.0 = cells::shortened(&heading.joined());
                }
            }
            Part::Table(table) => {
                tables += 1;
                rows::read(table, &section, &mut findings);
            }
            Part::Item(item) => items::read_item(item, &section, &mut findings),
            Part::Paragraph(paragraph) => items::read_prose(paragraph, &mut findings),
        }
    }
    Ok(draft::write(findings, &page, tables, document, name))
}

/// The heading that what follows stands under.
#[derive(Default)]
struct Section(String);

impl Section {
    fn name(&self) -> String {
        if self.0.is_empty() { "the page's beginning".to_owned() } else { self.0.clone() }
    }
}
