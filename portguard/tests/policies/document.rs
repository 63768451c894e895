//! A vendor's page as text with line numbers, and the numbers in it that could be ports.

use std::{collections::BTreeSet, fs, ops::Range, path::Path};

use portguard::policy::Policy;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The text of each line that a reader of the page sees: without front matter, the targets of links, and HTML tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    lines: Vec<String>,
    numbers: Vec<Vec<u16>>,
    headings: Vec<(u32, String)>,
}

/// A number of the page that could be a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mention {
    /// The line, counted from 1.
    pub(crate) line: u32,
    /// The number.
    pub(crate) number: u16,
}

impl Document {
    /// The page of a policy.
    pub(crate) fn of(policy: &Policy) -> Self {
        Self::new(&read(&policy.document))
    }

    pub(crate) fn new(text: &str) -> Self {
        let mut lines = vec![String::new(); text.lines().count()];
        let mut headings = Vec::new();
        let mut in_metadata = false;
        let options = Options::ENABLE_TABLES | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
        for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::MetadataBlock(_)) => in_metadata = true,
                Event::End(TagEnd::MetadataBlock(_)) => in_metadata = false,
                Event::Start(Tag::Heading { .. }) => {
                    let heading = text[place.clone()].trim_matches(['#', ' ', '\n']).to_owned();
                    headings.push((line_of(text, &place), heading));
                }
                Event::Text(_) | Event::Code(_) if !in_metadata => {
                    note(&mut lines, text, place, str::to_owned);
                }
                Event::Html(_) | Event::InlineHtml(_) => note(&mut lines, text, place, without_tags),
                _ => {}
            }
        }
        let numbers = lines.iter().map(|line| numbers(line)).collect();
        Self { lines, numbers, headings }
    }

    /// What a line says; nothing beyond the end.
    pub(crate) fn line(&self, line: u32) -> &str {
        self.lines.get(line as usize - 1).map_or("", String::as_str)
    }

    /// The heading that a line stands under.
    pub(crate) fn section(&self, line: u32) -> Option<&str> {
        self.headings.iter().rfind(|(at, _)| *at <= line).map(|(_, heading)| heading.as_str())
    }

    /// Every number that could be a port.
    pub(crate) fn mentions(&self) -> BTreeSet<Mention> {
        let lines = (1..).zip(&self.numbers);
        lines
            .flat_map(|(line, numbers)| numbers.iter().map(move |&number| Mention { line, number }))
            .collect()
    }

    /// Whether a line names this number.
    pub(crate) fn names(&self, line: u32, number: u16) -> bool {
        self.numbers.get(line as usize - 1).is_some_and(|numbers| numbers.contains(&number))
    }

    /// Whether these words stand on a line and on no other.
    pub(crate) fn says_only_on(&self, line: u32, words: &str) -> bool {
        let count = self.lines.iter().filter(|text| text.contains(words)).count();
        count == 1 && self.line(line).contains(words)
    }
}

/// The page as it was published.
pub(crate) fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/documents").join(name);
    fs::read_to_string(path).expect("the documents are part of the tests")
}

fn line_of(text: &str, place: &Range<usize>) -> u32 {
    let before = text[..place.start].matches('\n').count();
    u32::try_from(before).expect("a page is short") + 1
}

/// Adds the text at `place`, which may go over several lines, to each of its lines.
fn note(lines: &mut [String], text: &str, place: Range<usize>, seen: fn(&str) -> String) {
    let first = line_of(text, &place) as usize - 1;
    for (line, part) in lines[first..].iter_mut().zip(text[place].split('\n')) {
        line.push_str(&seen(part));
        line.push(' ');
    }
}

fn without_tags(html: &str) -> String {
    let mut rest = html;
    let mut seen = String::new();
    while let Some((before, (_, after))) =
        rest.split_once('<').and_then(|(before, tag)| Some((before, tag.split_once('>')?)))
    {
        seen.push_str(before);
        seen.push(' ');
        rest = after;
    }
    seen + rest
}

/// The numbers of a text that could be ports. A number stands by itself: what is part of a word (`log4j`, `H2O`,
/// `5000ms`) or of a dotted number (a version, an address) is none. `20K` is 20000, `10,000` is 10000.
fn numbers(text: &str) -> Vec<u16> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && !matches!(character, '.' | ',' | '_'))
        .flat_map(|word| split_list(word.trim_matches(['.', ','])))
        .filter_map(|word| {
            let (digits, unit) = match word.strip_suffix('K') {
                Some(digits) => (digits, 1000),
                None => (word.as_str(), 1),
            };
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = plain.then(|| digits.parse().ok()).flatten()?;
            u16::try_from(number * unit).ok().filter(|&port| port > 0)
        })
        .collect()
}

/// `10,000` is one number, `80,443` two.
fn split_list(word: &str) -> Vec<String> {
    let groups: Vec<&str> = word.split(',').collect();
    let thousands =
        groups.len() > 1 && groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    if thousands { vec![groups.concat()] } else { groups.into_iter().map(str::to_owned).collect() }
}

#[test]
fn a_number_stands_by_itself() {
    let cases: [(&str, &[u16]); 12] = [
        ("7711 + the offset", &[7711]),
        ("8280, 8243 - NIO", &[8280, 8243]),
        ("3333-3341,3343-3344", &[3333, 3341, 3343, 3344]),
        ("between 10,000 and 19,999", &[10_000, 19_999]),
        ("(20K+)", &[20_000]),
        ("https://localhost:9443/carbon", &[9443]),
        ("on port 5223.", &[5223]),
        ("-DportOffset=3", &[3]),
        ("log4j, H2O, EC2, 5000ms, 20KB", &[]),
        ("208.83.110.20 and 1.1.0", &[]),
        ("70000, 0", &[]),
        ("a+b 25 or 587", &[25, 587]),
    ];
    for (text, expected) in cases {
        assert_eq!(numbers(text), expected, "{text}");
    }
}

#[test]
fn a_page_is_read_as_a_reader_sees_it() {
    let page = "---\nweight: 120\n---\n# Ports 1\n\nSee [8080](#turn-8081)\n<!-- 1 -->and `80`\n\n| a | b |\n|--|--|\n| 443 | x |\n\n<table>\n<tr class=\"9\"><td><p>5228</p>\n<p>5229</p></td></tr>\n</table>\n";
    let page = Document::new(page);
    let found: Vec<(u32, u16)> =
        page.mentions().iter().map(|mention| (mention.line, mention.number)).collect();
    assert_eq!(found, [(4, 1), (6, 8080), (7, 80), (11, 443), (14, 5228), (15, 5229)]);
    assert_eq!((page.section(3), page.section(15)), (None, Some("Ports 1")));
}
