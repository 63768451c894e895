//! TOML with places: a tree that says of each value where it stands, and readers that note what does not fit.

use std::{collections::BTreeMap, ops::Range};

use miette::{Diagnostic, SourceSpan};
use toml::de::{DeTable, DeValue};

use super::{Fault, Faults, Located, closest, did_you_mean, suggest::shortened};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Value {
    /// The key it was given under, as messages name it: `mode`, `roles.internal`.
    pub path: String,
    /// Its place.
    pub at: SourceSpan,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A string.
    Text(String),
    /// An integer that fits in 64 bits.
    Integer(i64),
    /// A truth value.
    Flag(bool),
    /// An array.
    List(Vec<Value>),
    /// A table, in the order of the file.
    Table(Vec<(Located<String>, Value)>),
    /// What no file of ours holds: floats, dates, integers of more than 64 bits.
    Other(&'static str),
}

impl Kind {
    /// What it is, as a message says it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a number",
            Self::Flag(_) => "a truth value",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(name) => name,
        }
    }
}

/// A table that is being read: what it holds, and which keys were asked for.
#[derive(Debug)]
pub struct Table {
    /// What messages call it: `the file`, `[products.cache]`.
    name: String,
    /// Where to point when a key is missing.
    at: SourceSpan,
    entries: Vec<(Located<String>, Value)>,
    known: Vec<&'static str>,
}

/// Reads a whole file. Syntax errors are noted and what could be understood is returned.
pub fn parse<F: Diagnostic + From<Fault>>(text: &str, faults: &mut Faults<F>) -> Table {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().unwrap_or(text.len()..text.len());
        faults.push_syntax(error.message().to_owned(), at, text);
    }
    let entries = entries(root.into_inner(), "");
    Table { name: "the file".to_owned(), at: (0, 0).into(), entries, known: Vec::new() }
}

fn entries(table: DeTable<'_>, path: &str) -> Vec<(Located<String>, Value)> {
    let mut entries: Vec<(Located<String>, Value)> = table
        .into_iter()
        .map(|(key, value)| {
            let place = key.span();
            let key = Located::new(key.into_inner().into_owned(), place.into());
            let path = joined(path, &key.value);
            let at = value.span();
            (key, convert(value.into_inner(), path, at))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.at.offset());
    entries
}

/// The path of a key as messages name it. Every value has one, so that it must be short: a key of a thousand letters over a
/// thousand values would take a million.
fn joined(path: &str, key: &str) -> String {
    const LONGEST: usize = 80;
    let joined =
        if path.is_empty() { shortened(key, LONGEST) } else { format!("{path}.{}", shortened(key, LONGEST)) };
    match joined.char_indices().rev().nth(LONGEST) {
        Some((cut, _)) => format!("…{}", joined[cut..].trim_start_matches('…')),
        None => joined,
    }
}

fn convert(value: DeValue<'_>, path: String, at: Range<usize>) -> Value {
    let kind = match value {
        DeValue::String(text) => Kind::Text(text.into_owned()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Kind::Other("a number beyond 64 bits"), Kind::Integer),
        DeValue::Float(_) => Kind::Other("a number with a fraction"),
        DeValue::Boolean(flag) => Kind::Flag(flag),
        DeValue::Datetime(_) => Kind::Other("a date"),
        DeValue::Array(list) => Kind::List(
            list.into_iter()
                .map(|item| {
                    let at = item.span();
                    convert(item.into_inner(), path.clone(), at)
                })
                .collect(),
        ),
        DeValue::Table(table) => Kind::Table(entries(table, &path)),
    };
    Value { path, at: at.into(), kind }
}

impl Value {
    /// The string it must be.
    pub fn text<F: Diagnostic + From<Fault>>(&self, faults: &mut Faults<F>) -> Option<Located<String>> {
        if let Kind::Text(text) = &self.kind {
            return Some(Located::new(text.clone(), self.at));
        }
        self.wrong_type("a string", "\"text\"", faults)
    }

    /// The string it must be, with something in it.
    pub fn words<F: Diagnostic + From<Fault>>(&self, faults: &mut Faults<F>) -> Option<Located<String>> {
        let text = self.text(faults)?;
        if text.value.trim().is_empty() {
            let remedy = "say it in a few words";
            faults.push(Fault::Empty { key: self.path.clone(), at: self.at, remedy });
            return None;
        }
        Some(text)
    }

    /// The name of the writer's own that it must be.
    pub fn name<F: Diagnostic + From<Fault>>(&self, faults: &mut Faults<F>) -> Option<Located<String>> {
        let text = self.text(faults)?;
        if !is_name(text.as_str()) {
            faults.push(Fault::BadName { name: text.value.clone(), at: text.at });
        }
        Some(text)
    }

    /// The truth value it must be.
    pub fn flag<F: Diagnostic + From<Fault>>(&self, faults: &mut Faults<F>) -> Option<bool> {
        if let Kind::Flag(flag) = self.kind {
            return Some(flag);
        }
        self.wrong_type("true or false", "true", faults)
    }

    /// The number from `first` to `last` that it must be.
    pub fn number<F: Diagnostic + From<Fault>>(
        &self,
        first: u32,
        last: u32,
        faults: &mut Faults<F>,
    ) -> Option<Located<u32>> {
        let Kind::Integer(number) = self.kind else {
            return self.wrong_type("a number", "1", faults);
        };
        match u32::try_from(number) {
            Ok(number) if (first..=last).contains(&number) => Some(Located::new(number, self.at)),
            _ => {
                let (key, value) = (self.path.clone(), number.to_string());
                faults.push(Fault::OutOfRange { key, value, first, last, at: self.at });
                None
            }
        }
    }

    /// The values of the list it must be.
    pub fn list<F: Diagnostic + From<Fault>>(&self, faults: &mut Faults<F>) -> Option<&[Self]> {
        if let Kind::List(list) = &self.kind {
            return Some(list);
        }
        self.wrong_type("a list", "[\"one\", \"two\"]", faults)
    }

    /// The strings of the list it must be; those that are none are noted and left out.
    pub fn texts<F: Diagnostic + From<Fault>>(&self, faults: &mut Faults<F>) -> Option<Vec<Located<String>>> {
        Some(self.list(faults)?.iter().filter_map(|item| item.text(faults)).collect())
    }

    /// The different strings of the list it must be.
    pub fn names<F: Diagnostic + From<Fault>>(&self, faults: &mut Faults<F>) -> Option<Vec<Located<String>>> {
        let mut first: BTreeMap<String, SourceSpan> = BTreeMap::new();
        let mut names = Vec::new();
        for name in self.texts(faults)? {
            if let Some(&first) = first.get(&name.value) {
                let (name, at) = (name.value, name.at);
                faults.push(Fault::NameTwice { name, list: format!("`{}`", self.path), at, first });
            } else {
                first.insert(name.value.clone(), name.at);
                names.push(name);
            }
        }
        Some(names)
    }

    /// The one of `choices` that it must name.
    pub fn one_of<T: Copy, F: Diagnostic + From<Fault>>(
        &self,
        choices: &[(&str, T)],
        faults: &mut Faults<F>,
    ) -> Option<T> {
        let Kind::Text(_) = self.kind else {
            let example = choices.first().map_or(String::new(), |(name, _)| format!("\"{name}\""));
            return self.wrong_type("a string", &example, faults);
        };
        let text = self.text(faults)?;
        let found = choices.iter().find(|(name, _)| *name == text.value).map(|&(_, choice)| choice);
        if found.is_none() {
            let remedy = did_you_mean(text.as_str(), "values", choices.iter().map(|&(name, _)| name));
            faults.push(Fault::NotOneOf { key: self.path.clone(), value: text.value, at: text.at, remedy });
        }
        found
    }

    /// The table it must be.
    pub fn table<F: Diagnostic + From<Fault>>(self, faults: &mut Faults<F>) -> Option<Table> {
        match self.kind {
            Kind::Table(entries) => {
                Some(Table { name: format!("[{}]", self.path), at: self.at, entries, known: Vec::new() })
            }
            Kind::Text(_) | Kind::Integer(_) | Kind::Flag(_) | Kind::List(_) | Kind::Other(_) => {
                self.wrong_type("a table", "[name]", faults)
            }
        }
    }

    /// The tables of the array of tables it must be.
    pub fn tables<F: Diagnostic + From<Fault>>(self, faults: &mut Faults<F>) -> Vec<Table> {
        let name = format!("[[{}]]", self.path);
        let Kind::List(list) = self.kind else {
            let _: Option<()> = self.wrong_type("a list of tables", &name, faults);
            return Vec::new();
        };
        let tables = list.into_iter().filter_map(|item| item.table(faults));
        tables.map(|table| Table { name: name.clone(), ..table }).collect()
    }

    fn wrong_type<T, F: Diagnostic + From<Fault>>(
        &self,
        expected: &'static str,
        example: &str,
        faults: &mut Faults<F>,
    ) -> Option<T> {
        let (key, found, example) = (self.path.clone(), self.kind.name(), example.to_owned());
        faults.push(Fault::WrongType { key, expected, example, found, at: self.at });
        None
    }
}

impl Table {
    /// Where the table stands.
    pub fn at(&self) -> SourceSpan {
        self.at
    }

    /// The value under `key`, if the table has it. Asking makes the key a known one.
    pub fn get(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        let position = self.entries.iter().position(|(name, _)| name.value == key)?;
        Some(self.entries.remove(position).1)
    }

    /// The value under `key`, which the table must have.
    pub fn need<F: Diagnostic + From<Fault>>(
        &mut self,
        key: &'static str,
        remedy: &str,
        faults: &mut Faults<F>,
    ) -> Option<Value> {
        let value = self.get(key);
        if value.is_none() && !self.has_slip_of(key) {
            faults.push_absence(Fault::MissingKey {
                key: key.to_owned(),
                table: self.name.clone(),
                at: self.at,
                remedy: remedy.to_owned(),
            });
        }
        value
    }

    /// Whether the table has neither `key` nor a slip of it.
    pub fn lacks(&self, key: &str) -> bool {
        !self.entries.iter().any(|(name, _)| name.value == key) && !self.has_slip_of(key)
    }

    /// Whether `key` holds a list or a table without anything in it.
    pub fn is_empty(&self, key: &str) -> bool {
        let value = self.entries.iter().find(|(name, _)| name.value == key).map(|(_, value)| &value.kind);
        match value {
            Some(Kind::List(list)) => list.is_empty(),
            Some(Kind::Table(table)) => table.is_empty(),
            _ => false,
        }
    }

    /// Whether `key` is there but misspelt, which is one fault and not two: `finish` tells it.
    fn has_slip_of(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| closest(name.as_str(), [key]).is_some())
    }

    /// Everything in a table whose keys are names of the writer's choice.
    pub fn named<F: Diagnostic + From<Fault>>(self, faults: &mut Faults<F>) -> Vec<(Located<String>, Value)> {
        for (key, _) in &self.entries {
            if !is_name(key.as_str()) {
                faults.push(Fault::BadName { name: key.value.clone(), at: key.at });
            }
        }
        self.entries
    }

    /// Everything in a table whose keys some other file names.
    pub fn into_entries(self) -> Vec<(Located<String>, Value)> {
        self.entries
    }

    /// Notes the keys that nobody asked for.
    pub fn finish<F: Diagnostic + From<Fault>>(self, faults: &mut Faults<F>) {
        for (key, _) in self.entries {
            let remedy = did_you_mean(key.as_str(), "keys", self.known.iter().copied());
            let (key, at) = (key.value, key.at);
            faults.push(Fault::UnknownKey { key, table: self.name.clone(), at, remedy });
        }
    }
}

/// Whether `text` can name something of the writer's own.
pub fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    text.len() <= LONGEST
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
}
