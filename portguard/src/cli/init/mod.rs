//! `portguard init`: a first site file.

mod ask;

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::builder::PossibleValuesParser;
use ipnet::IpNet;

use super::{
    ExitStatus,
    exit::{stderr_colour, tell},
    surroundings::surroundings,
};
use crate::{
    draft::{Draft, DraftProduct},
    input::site_of_text,
    policy::{self, BUILT_IN, Policy, ProfileChoice, built_in},
    reading::{Fault, Faults, Located, Source, did_you_mean, prefix},
};

const EXAMPLE: &str = "\
Examples:
  portguard init
  portguard init --product redis-enterprise --interface eth0 --node 10.20.0.1,10.20.0.2 \\
      --role external=10.30.0.0/16 --ssh-from 10.99.0.0/24 --output site.toml

On a terminal it asks for what is missing. The file is in mode observe, which drops nothing; roles
that nobody is given for are bound to nobody, with a comment that says what to fill in. A file that
exists is left alone unless --force is given.";

/// The options of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A product that runs on this node, by its policy
    #[arg(long, value_name = "POLICY", value_parser = built_in_names())]
    product: Vec<String>,
    /// What kind of node this is, for products that know several
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// An interface to guard
    #[arg(long, value_name = "NAME")]
    interface: Vec<String>,
    /// A node of the cluster, this one included: an address or a prefix
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = read_prefix)]
    node: Vec<IpNet>,
    /// Who plays a role of the product's document that is not the cluster's own
    #[arg(long, value_name = "ROLE=ADDRESS,...", value_parser = read_role)]
    role: Vec<RoleBinding>,
    /// Who may log in by SSH
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', value_parser = read_prefix)]
    ssh_from: Vec<IpNet>,
    /// Where the file goes; `-` is standard output [default: site.toml]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long)]
    force: bool,
}

/// `external=10.30.0.0/16,10.31.0.0/16`
type RoleBinding = (String, Prefixes);
/// A list that clap takes for one value.
type Prefixes = Box<[IpNet]>;

const OUTPUT: &str = "site.toml";

fn built_in_names() -> PossibleValuesParser {
    PossibleValuesParser::new(BUILT_IN.iter().map(|policy| policy.name))
}

fn read_prefix(text: &str) -> Result<IpNet, String> {
    let mut faults: Faults<Fault> = Faults::default();
    let read = prefix(&Located::new(text.trim().to_owned(), (0, text.len()).into()), &mut faults);
    let faults = faults.into_sorted().into_iter().map(|fault| {
        let help = miette::Diagnostic::help(&fault).map(|help| format!("; {help}"));
        format!("{fault}{}", help.unwrap_or_default())
    });
    read.map(|prefix| prefix.value).ok_or_else(|| faults.collect())
}

fn read_prefixes(text: &str) -> Result<Vec<IpNet>, String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(read_prefix).collect()
}

fn read_role(text: &str) -> Result<RoleBinding, String> {
    let (role, addresses) =
        text.split_once('=').ok_or("write ROLE=ADDRESS, for example external=10.30.0.0/16")?;
    Ok((role.trim().to_owned(), read_prefixes(addresses)?.into()))
}

/// What flags or answers say.
#[derive(Debug, Default)]
struct Answers {
    products: Vec<String>,
    profiles: Vec<String>,
    interfaces: Vec<String>,
    nodes: Vec<IpNet>,
    roles: BTreeMap<String, Vec<IpNet>>,
    ssh_from: Vec<IpNet>,
    output: Option<PathBuf>,
}

/// Writes the file.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let around = surroundings();
    let policies: BTreeMap<&str, Policy> =
        BUILT_IN.iter().map(|it| (it.name, read_policy(it.name))).collect();
    let mut answers = Answers::from(args);
    let is_complete =
        !answers.products.is_empty() && !answers.interfaces.is_empty() && !answers.nodes.is_empty();
    if !is_complete && io::stdin().is_terminal() {
        answers = ask::complete(answers, &policies, around.ssh.as_ref())?;
    }
    let output = answers.output.clone().unwrap_or_else(|| OUTPUT.into());
    let mut draft = draft(answers, &policies)?;
    draft.ssh_port = around.ssh.as_ref().map(|session| session.port);
    let text = draft.to_string();
    // Whatever the flags said: a file that cannot be used is not written.
    let to_standard_output = output == Path::new("-");
    let loaded = site_of_text(if to_standard_output { Path::new(OUTPUT) } else { &output }, &text)?;
    if to_standard_output {
        out.write_all(text.as_bytes())?;
    } else {
        write(&output, &text, args.force)?;
        let file = output.display();
        writeln!(
            out,
            "{file}: written, in mode observe\n\nFill in what is marked, then: portguard check --site {file}"
        )?;
    }
    tell(&loaded.report(loaded.lint(&around).warnings).render(stderr_colour()));
    Ok(ExitStatus::Success)
}

impl From<&Args> for Answers {
    fn from(args: &Args) -> Self {
        let Args { product, profile, interface, node, role, ssh_from, output, force: _ } = args;
        let mut roles: BTreeMap<String, Vec<IpNet>> = BTreeMap::new();
        for (role, addresses) in role {
            roles.entry(role.clone()).or_default().extend(addresses);
        }
        Self {
            products: product.clone(),
            profiles: profile.clone(),
            interfaces: interface.clone(),
            nodes: node.clone(),
            roles,
            ssh_from: ssh_from.clone(),
            output: output.clone(),
        }
    }
}

fn read_policy(name: &str) -> Policy {
    let policy = built_in(name).expect("the name is of the list");
    policy::parse(&Source::new(policy.file, policy.text))
        .expect("policies that come with the binary are sound")
}

/// The draft that the answers make, if they say enough.
fn draft<'a>(answers: Answers, policies: &'a BTreeMap<&str, Policy>) -> anyhow::Result<Draft<'a>> {
    let Answers { products, profiles, interfaces, nodes, roles, ssh_from, output: _ } = answers;
    let missing: Vec<&str> = [
        (products.is_empty(), "--product"),
        (interfaces.is_empty(), "--interface"),
        (nodes.is_empty(), "--node"),
    ]
    .into_iter()
    .filter_map(|(is_missing, flag)| is_missing.then_some(flag))
    .collect();
    ensure!(missing.is_empty(), "not said: {}; `portguard init --help` shows how", missing.join(", "));
    let mut chosen: Vec<DraftProduct<'a>> = Vec::new();
    for name in &products {
        if chosen.iter().any(|product| product.policy.name == *name) {
            continue;
        }
        let policy = &policies[name.as_str()];
        let profiles: Vec<String> =
            profiles.iter().filter(|profile| policy.profiles.contains_key(*profile)).cloned().collect();
        if profiles.is_empty() && policy.profile_choice == ProfileChoice::Required {
            let known: Vec<&str> = policy.profiles.keys().map(String::as_str).collect();
            bail!(
                "{name} knows several kinds of nodes: say with --profile which this one is, of {}",
                known.join(", ")
            );
        }
        chosen.push(DraftProduct { policy, profiles });
    }
    for profile in &profiles {
        let known = chosen.iter().flat_map(|product| product.policy.profiles.keys().map(String::as_str));
        ensure!(
            known.clone().any(|name| name == profile),
            "no product has a profile `{profile}`: {}",
            did_you_mean(profile, "profiles", known)
        );
    }
    for role in roles.keys() {
        ensure!(
            !chosen.iter().any(|product| product.is_of_the_cluster(role)),
            "`{role}` is the cluster's own role, and bound to what --node says"
        );
        let known: Vec<&str> = chosen.iter().flat_map(DraftProduct::open_roles).collect();
        ensure!(
            known.contains(&role.as_str()),
            "there is no role `{role}` to bind: {}",
            did_you_mean(role, "roles", known)
        );
    }
    Ok(Draft { interfaces, nodes, products: chosen, roles, ssh_from, ssh_port: None })
}

fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} exists, and was left alone; --force overwrites it", path.display());
        }
        opened => opened.with_context(|| format!("cannot write {}", path.display()))?,
    };
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}
