//! The questions that `init` asks on a terminal, for what no flag has said.

use std::{collections::BTreeMap, fmt::Display, path::PathBuf};

use anyhow::Context as _;
use dialoguer::{Input, MultiSelect, theme::ColorfulTheme};
use ipnet::IpNet;
use nix::net::if_::if_nameindex;

use super::{Answers, OUTPUT, read_prefixes};
use crate::{
    draft::DraftProduct,
    lint::SshSession,
    policy::{Policy, ProfileChoice},
};

/// The answers, with everything asked that they do not hold yet.
pub(super) fn complete(
    mut answers: Answers,
    policies: &BTreeMap<&str, Policy>,
    session: Option<&SshSession>,
) -> anyhow::Result<Answers> {
    if answers.products.is_empty() {
        let titles: Vec<String> =
            policies.iter().map(|(name, policy)| format!("{} ({name})", policy.title)).collect();
        let names: Vec<&str> = policies.keys().copied().collect();
        answers.products = select("Which products run on this node? Space chooses", &titles, &names)?;
    }
    let policies: Vec<&Policy> = answers.products.iter().map(|name| &policies[name.as_str()]).collect();
    for policy in &policies {
        if policy.profile_choice == ProfileChoice::Required
            && !answers.profiles.iter().any(|profile| policy.profiles.contains_key(profile))
        {
            let titles: Vec<String> = policy
                .profiles
                .iter()
                .map(|(name, profile)| format!("{name}: {}", profile.meaning))
                .collect();
            let names: Vec<&str> = policy.profiles.keys().map(String::as_str).collect();
            let question = format!("What is this node, of {}? Space chooses", policy.title);
            answers.profiles.extend(select(&question, &titles, &names)?);
        }
    }
    if answers.interfaces.is_empty() {
        let names = interfaces()?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        answers.interfaces = select("Which interfaces are to be guarded? Space chooses", &names, &names)?;
    }
    if answers.nodes.is_empty() {
        answers.nodes = addresses(
            "The cluster's nodes, this one included: addresses or prefixes, with commas",
            "",
            Empty::Refuse,
        )?;
    }
    for policy in policies {
        let profiles =
            answers.profiles.iter().filter(|profile| policy.profiles.contains_key(*profile)).cloned();
        let product = DraftProduct { policy, profiles: profiles.collect() };
        for role in product.open_roles() {
            if !answers.roles.contains_key(role) {
                let question = format!("{role}: {} (empty: nobody yet)", policy.roles[role].meaning);
                answers.roles.insert(role.to_owned(), addresses(&question, "", Empty::Accept)?);
            }
        }
    }
    if answers.ssh_from.is_empty() {
        let here = session.map(|session| session.client.to_string()).unwrap_or_default();
        answers.ssh_from = addresses("Who may log in by SSH? (empty: no rule for it)", &here, Empty::Accept)?;
    }
    if answers.output.is_none() {
        let path: String = Input::with_theme(&theme())
            .with_prompt("Where does the file go?")
            .default(OUTPUT.to_owned())
            .interact_text()?;
        answers.output = Some(PathBuf::from(path));
    }
    Ok(answers)
}

fn theme() -> ColorfulTheme {
    ColorfulTheme::default()
}

/// The chosen of `names`, which are shown by their `titles`; asked again until there is one.
fn select<T: Display>(question: &str, titles: &[T], names: &[&str]) -> anyhow::Result<Vec<String>> {
    loop {
        let chosen = MultiSelect::with_theme(&theme()).with_prompt(question).items(titles).interact()?;
        if !chosen.is_empty() {
            return Ok(chosen.into_iter().map(|position| names[position].to_owned()).collect());
        }
    }
}

/// Whether no address at all is an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Accept,
    Refuse,
}

fn addresses(question: &str, proposed: &str, empty: Empty) -> anyhow::Result<Vec<IpNet>> {
    let theme = theme();
    let mut input = Input::<String>::with_theme(&theme)
        .with_prompt(question)
        .allow_empty(empty == Empty::Accept)
        .validate_with(|text: &String| match read_prefixes(text) {
            Ok(prefixes) if prefixes.is_empty() && empty == Empty::Refuse => Err("at least one".to_owned()),
            read => read.map(drop),
        });
    if !proposed.is_empty() {
        input = input.with_initial_text(proposed);
    }
    let text = input.interact_text()?;
    read_prefixes(&text).map_err(anyhow::Error::msg)
}

/// The node's interfaces but the loopback, which no packet from outside comes by.
fn interfaces() -> anyhow::Result<Vec<String>> {
    let interfaces = if_nameindex().context("cannot list the interfaces; name them with --interface")?;
    let names = interfaces.iter().map(|interface| interface.name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name != "lo").collect())
}
