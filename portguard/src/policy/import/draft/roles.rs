//! The roles of a draft: each way in which a page names a peer, with the words it uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::{Candidate, LOOK, Names, Peer, SELF, cells};
use crate::{
    policy::import::page::{Page, Part},
    reading::short_prefix,
};

/// The roles that have been named so far.
pub(super) struct Roles {
    /// What items of lists say of a word: `Internal - the traffic is between nodes`.
    glossary: HashMap<String, Explained>,
    names: Names,
    by_peer: BTreeMap<Peer, Role>,
}

struct Explained {
    section: String,
    line: u32,
    meaning: String,
}

struct Role {
    name: String,
    /// The page's words, in the order of the alphabet.
    words: BTreeSet<String>,
    section: String,
    line: u32,
}

impl Roles {
    pub(super) fn new(page: &Page) -> Self {
        let mut glossary = HashMap::new();
        let mut section = String::new();
        for part in &page.parts {
            let item = match part {
                Part::Item(item) => item,
                Part::Heading(heading) => {
                    section = cells::shortened(&heading.joined());
                    continue;
                }
                Part::Table(_) | Part::Paragraph(_) => continue,
            };
            let text = item.joined();
            if let Some((word, meaning)) = text.split_once(" - ").or_else(|| text.split_once(": ")) {
                let meaning = cells::shortened(meaning);
                if !meaning.is_empty() && !section.is_empty() {
                    let (section, line) = (section.clone(), item.line());
                    glossary.entry(key(word)).or_insert(Explained { section, line, meaning });
                }
            }
        }
        let mut names = Names::default();
        names.claim(SELF).expect("no name has been given yet");
        Self { glossary, names, by_peer: BTreeMap::new() }
    }

    /// The name of the role that a candidate's peer plays.
    pub(super) fn name(&mut self, peer: &Peer, candidate: &Candidate) -> String {
        let (peer, wanted, words) = match peer {
            Peer::Node => return SELF.to_owned(),
            Peer::Unnamed => (Peer::Unnamed, "peers".to_owned(), String::new()),
            Peer::Address(net) => {
                (peer.clone(), cells::slug(&format!("address {}", short_prefix(net))), short_prefix(net))
            }
            Peer::Named(words) => {
                let slug = cells::slug(&spelled_out(words));
                let wanted = if slug.is_empty() { "role".to_owned() } else { slug };
                (Peer::Named(key(words)), wanted, cells::shortened(words))
            }
        };
        if let Some(role) = self.by_peer.get_mut(&peer) {
            role.words.insert(words);
            return role.name.clone();
        }
        let name = self.names.give(&wanted);
        let (section, line) = (candidate.section.clone(), candidate.lines[0]);
        self.by_peer.insert(peer, Role { name: name.clone(), words: BTreeSet::from([words]), section, line });
        name
    }

    /// Writes `[roles.NAME]` for each, in the order of the alphabet.
    pub(super) fn write(&self, text: &mut DocumentMut) {
        if self.by_peer.is_empty() {
            return;
        }
        let mut tables = Table::new();
        tables.set_implicit(true);
        let by_name: BTreeMap<&str, (&Peer, &Role)> =
            self.by_peer.iter().map(|(peer, role)| (role.name.as_str(), (peer, role))).collect();
        for (name, (peer, role)) in by_name {
            tables.insert(name, Item::Table(self.table(peer, role)));
        }
        text.insert("roles", Item::Table(tables));
    }

    fn table(&self, peer: &Peer, role: &Role) -> Table {
        let mut table = Table::new();
        let words = role.words.iter().cloned().collect::<Vec<_>>().join("; ");
        let explained = role.words.iter().find_map(|word| self.glossary.get(&key(word)));
        let (meaning, section, line) = match (peer, explained) {
            (Peer::Unnamed, _) => ("whom the document does not name".to_owned(), &role.section, role.line),
            (_, Some(Explained { section, line, meaning })) => {
                (format!("{words}: {meaning}"), section, *line)
            }
            (_, None) => (words, &role.section, role.line),
        };
        table.insert("meaning", value(cells::shortened(&meaning)));
        table.insert("section", value(section));
        table.insert("line", value(i64::from(line)));
        table.insert("basis", value(if *peer == Peer::Unnamed { "inferred" } else { "documented" }));
        let comment = match peer {
            Peer::Unnamed => {
                format!(
                    "\n# {LOOK} the document does not say who these are: make roles of your own for them.\n"
                )
            }
            Peer::Address(net) => {
                table.insert("addresses", value(Array::from_iter([short_prefix(net)])));
                "\n".to_owned()
            }
            Peer::Named(_) | Peer::Node => {
                "\n# If the document keeps it within the cluster, add: cluster_only = true\n".to_owned()
            }
        };
        table.decor_mut().set_prefix(comment);
        table
    }
}

/// `Administrator` and `Admins` are the same; so are `All nodes` and `all nodes`.
fn key(words: &str) -> String {
    let slug = cells::slug(&spelled_out(words));
    if slug.is_empty() { words.to_lowercase() } else { slug.trim_end_matches('s').to_owned() }
}

fn spelled_out(words: &str) -> String {
    if matches!(words.to_lowercase().as_str(), "admin" | "admins" | "administrator") {
        return "administrators".to_owned();
    }
    words.to_owned()
}
