//! The members of groups: addresses as written, those of a file, those that host names stand for.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{
    Fault,
    host::{Answers, HostName, can_be_peer},
    model::{Group, GroupFile, Host, Site},
};
use crate::reading::{self, Located, Source, Value, disjoint_prefixes, outermost, prefix};

type Faults = reading::Faults<Fault>;

/// What a member begins with that is a file.
const FILE: char = '@';
/// What a member begins with that is a host name. Without it a mistyped address could pass for one.
const HOST: &str = "name:";

/// What editors of other systems begin a file with, and nobody sees.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What group files hold, by the paths that the site file names.
pub type GroupFiles = BTreeMap<String, Vec<IpNet>>;

pub(super) fn read_members(name: Located<String>, value: &Value, faults: &mut Faults) -> Group {
    let (mut listed, mut files, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
    for text in value.texts(faults).unwrap_or_default() {
        if let Some(path) = text.value.strip_prefix(FILE) {
            let path = path.to_owned();
            read_file(text, path, &mut files, faults);
        } else if let Some(host) = text.value.strip_prefix(HOST) {
            match HostName::new(host) {
                Ok(host) => hosts.push(Located::new(Host { name: host, answer: None }, text.at)),
                Err(why) => faults.push(Fault::BadHostName {
                    text: text.value.clone(),
                    at: text.at,
                    remedy: why.to_string(),
                }),
            }
        } else {
            listed.extend(prefix(&text, faults));
        }
    }
    twice(&name, files.iter().map(|file| (file.value.path.as_str(), file.at)), faults);
    twice(&name, hosts.iter().map(|host| (host.value.name.as_str(), host.at)), faults);
    let listed = disjoint_prefixes(&format!("the group `{}`", name.value), &listed, faults);
    Group { name, prefixes: listed.clone(), listed, files, hosts }
}

fn read_file(text: Located<String>, path: String, files: &mut Vec<Located<GroupFile>>, faults: &mut Faults) {
    if path.trim().is_empty() {
        let remedy = "name a file, for example \"@peers.txt\"";
        faults.push(reading::Fault::Empty { key: text.value, at: text.at, remedy });
        return;
    }
    files.push(text.map(|_| GroupFile { path, prefixes: Vec::new() }));
}

fn twice<'m>(
    group: &Located<String>,
    members: impl Iterator<Item = (&'m str, reading::SourceSpan)>,
    faults: &mut Faults,
) {
    let mut seen = BTreeMap::new();
    for (name, at) in members {
        match seen.get(name) {
            Some(&first) => faults.push(reading::Fault::NameTwice {
                name: name.to_owned(),
                list: format!("the group `{}`", group.value),
                at,
                first,
            }),
            None => drop(seen.insert(name, at)),
        }
    }
}

/// Reads a group file: an address or a prefix a line; `#` begins a comment.
pub fn read_group_file(source: &Source) -> (Vec<IpNet>, Vec<reading::Fault>) {
    let mut faults: reading::Faults<reading::Fault> = reading::Faults::default();
    let mut prefixes = Vec::new();
    let text = source.text();
    let members = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut start = text.len() - members.len();
    for line in members.split_inclusive('\n') {
        let member = line.split('#').next().unwrap_or_default();
        let text = member.trim();
        if !text.is_empty() {
            let indent = member.len() - member.trim_start().len();
            let text = Located::new(text.to_owned(), (start + indent, text.len()).into());
            prefixes.extend(prefix(&text, &mut faults));
        }
        start += line.len();
    }
    let prefixes = disjoint_prefixes("this file", &prefixes, &mut faults);
    (prefixes.into_iter().map(|prefix| prefix.value).collect(), faults.into_sorted())
}

impl Site {
    /// The files that groups name, each once, with a place where it is named.
    pub fn group_files(&self) -> BTreeMap<&str, reading::SourceSpan> {
        let files = self.groups.iter().flat_map(|group| &group.files).rev();
        files.map(|file| (file.value.path.as_str(), file.at)).collect()
    }

    /// The host names in groups.
    pub fn host_names(&self) -> BTreeSet<HostName> {
        let hosts = self.groups.iter().flat_map(|group| &group.hosts);
        hosts.map(|host| host.value.name.clone()).collect()
    }

    /// Puts into the groups what their files hold.
    pub fn fill(&mut self, files: &GroupFiles) {
        for group in &mut self.groups {
            for file in &mut group.files {
                file.value.prefixes = files.get(&file.value.path).cloned().unwrap_or_default();
            }
            group.settle();
        }
    }

    /// Puts into the groups what their host names stand for, in place of what these stood for before.
    pub fn answer(&mut self, answers: &Answers) {
        for group in &mut self.groups {
            for host in &mut group.hosts {
                host.value.answer = answers.get(&host.value.name).cloned();
            }
            group.settle();
        }
    }
}

impl Group {
    /// All members together. What several of them hold is no fault: files and answers change by themselves.
    fn settle(&mut self) {
        if self.files.is_empty() && self.hosts.is_empty() {
            return;
        }
        let mut members = self.listed.clone();
        for file in &self.files {
            members.extend(file.value.prefixes.iter().map(|&prefix| Located::new(prefix, file.at)));
        }
        for host in &self.hosts {
            let answer = host.value.answer.iter().flat_map(|answer| &answer.addresses);
            let usable = answer.copied().filter(|&address| can_be_peer(address));
            members.extend(usable.map(|address| Located::new(IpNet::from(address), host.at)));
        }
        self.prefixes = outermost(&members);
    }
}
