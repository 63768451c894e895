//! `init`: what it writes, for every product, and what it leaves alone.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    fs::File,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use insta::assert_snapshot;
use nix::pty::openpty;
use portguard::{
    draft::{Draft, DraftProduct},
    input::{Loaded, site_of_text},
    lint::{LocalPorts, Surroundings},
    matrix::Mode,
    policy::{self, BUILT_IN, Policy, ProfileChoice},
    reading::{Severity, Source},
};
use support::{directory, portguard};

fn policy(name: &str, text: &str) -> Policy {
    policy::parse(&Source::new(name, text)).expect("the policy is sound")
}

fn draft<'a>(policy: &'a Policy, profiles: &[String]) -> Draft<'a> {
    Draft {
        interfaces: vec!["eth0".to_owned()],
        nodes: vec!["10.20.0.0/28".parse().expect("a prefix")],
        products: vec![DraftProduct { policy, profiles: profiles.to_vec() }],
        roles: BTreeMap::new(),
        ssh_from: vec!["10.99.0.0/24".parse().expect("a prefix")],
        ssh_port: None,
    }
}

fn load(draft: &Draft<'_>) -> Loaded {
    let text = draft.to_string();
    site_of_text(Path::new("tests/site.toml"), &text)
        .unwrap_or_else(|error| panic!("{}\n{text}", error.render(portguard::reading::Colour::Never)))
}

fn assert_no_warnings(loaded: &Loaded, draft: &Draft<'_>) {
    let around = Surroundings { local_ports: Some(LocalPorts::usual()), ..Surroundings::default() };
    let entries = loaded.report(loaded.lint(&around).warnings).entries();
    let warnings: Vec<_> = entries.iter().filter(|entry| entry.severity != Severity::Advice).collect();
    assert!(warnings.is_empty(), "{warnings:?}\n{draft}");
}

/// The choices of profiles that a site can make: none where the policy allows it, and each by itself.
fn profile_choices(policy: &Policy) -> Vec<Vec<String>> {
    let none = (policy.profile_choice == ProfileChoice::All).then(Vec::new);
    none.into_iter().chain(policy.profiles.keys().map(|name| vec![name.clone()])).collect()
}

#[test]
fn every_product_gets_a_file_that_check_accepts_without_warnings_in_mode_observe() {
    for built_in in BUILT_IN {
        let policy = policy(built_in.file, built_in.text);
        for profiles in profile_choices(&policy) {
            let mut draft = draft(&policy, &profiles);
            let loaded = load(&draft);
            assert_eq!(loaded.matrix.mode, Mode::Observe);
            assert_no_warnings(&loaded, &draft);

            let roles = draft.products[0].open_roles().into_iter().map(str::to_owned).enumerate();
            draft.roles = roles
                .map(|(number, role)| (role, vec![format!("10.30.{number}.0/24").parse().unwrap()]))
                .collect();
            assert_no_warnings(&load(&draft), &draft);
        }
    }
}

#[test]
fn all_products_together_get_a_file_that_holds_together() {
    let policies: Vec<Policy> = BUILT_IN.iter().map(|it| policy(it.file, it.text)).collect();
    let products = policies.iter().map(|policy| {
        let profiles = profile_choices(policy).remove(0);
        DraftProduct { policy, profiles }
    });
    let draft = Draft { products: products.collect(), ..draft(&policies[0], &[]) };
    let loaded = load(&draft);
    for name in policies.iter().map(|policy| &policy.name) {
        let text = draft.to_string();
        assert_eq!(text.matches(&format!("[products.{name}]\n")).count(), 1, "{text}");
    }
    assert!(!loaded.matrix.rules.is_empty());
}

#[test]
fn profiles_random_ports_and_outbound_roles_are_said() {
    let text = fs::read_to_string(directory().join("policies/offsets.toml")).unwrap();
    let policy = policy("offsets.toml", &text);
    assert_snapshot!(draft(&policy, &["gateway".to_owned()]).to_string());
}

#[test]
fn interfaces_by_pattern_are_written_as_the_file_needs_them() {
    let policy = policy(BUILT_IN[0].file, BUILT_IN[0].text);
    let profiles = profile_choices(&policy).remove(0);
    let draft =
        Draft { interfaces: vec!["eth*".to_owned(), "bond?".to_owned()], ..draft(&policy, &profiles) };
    let loaded = load(&draft);
    assert_eq!(loaded.matrix.interface_for("bond0").map(|interface| interface.name.as_str()), Some("bond?"));
    assert_eq!(loaded.matrix.interface_for("lo"), None);
}

#[test]
fn names_that_mean_something_already_are_not_taken_for_a_role() {
    let text = fs::read_to_string(directory().join("policies/zones.toml")).unwrap();
    let policy = policy(
        "zones.toml",
        &text.replace("[\"clients\"]", "[\"ssh\"]").replace("roles.clients", "roles.ssh"),
    );
    let mut draft = draft(&policy, &[]);
    draft.interfaces.push("bond0.100".to_owned());
    draft.roles = BTreeMap::from([("ssh".to_owned(), vec!["10.1.0.0/16".parse().unwrap()])]);
    let text = draft.to_string();
    assert!(
        text.contains("ssh-peers = [\"10.1.0.0/16\"]\n") && text.contains("ssh = [\"ssh-peers\"]\n"),
        "{text}"
    );
    assert!(text.contains("[interfaces.\"bond0.100\"]\n"), "{text}");
    assert!(text.contains("# zones = {"), "{text}");
}

const FLAGS: [&str; 11] = [
    "init",
    "--product",
    "influxdb-enterprise",
    "--interface",
    "eth0",
    "--node",
    "10.20.0.1,10.20.0.2",
    "--role",
    "clients=10.30.0.0/16,2001:db8:30::/48",
    "--ssh-from",
    "10.99.0.0/24",
];

#[test]
fn flags_say_everything() {
    assert_snapshot!(portguard(&[&FLAGS[..], &["--output", "-"]].concat()));
}

#[test]
fn wrong_flags_are_told_and_nothing_is_written() {
    assert_snapshot!("missing", portguard(&["init", "--product", "redis-enterprise"]));
    let no_policy = portguard(&["init", "--product", "redis"]);
    assert!(no_policy.starts_with("exit code 2\n"), "{no_policy}");
    assert!(no_policy.contains("a similar value exists: 'redis-enterprise'"), "{no_policy}");
    assert_snapshot!("no-role", portguard(&[&FLAGS[..], &["--role", "client=10.0.0.1"]].concat()));
    assert_snapshot!(
        "the-clusters-role",
        portguard(&[&FLAGS[..], &["--role", "data-nodes=10.0.0.1"]].concat())
    );
    assert_snapshot!("no-profile", portguard(&[&FLAGS[..], &["--profile", "data"]].concat()));
    assert_snapshot!("no-address", portguard(&[&FLAGS[..], &["--node", "node1.example.com"]].concat()));
    assert_snapshot!(
        "unusable",
        portguard(&[&FLAGS[..], &["--node", "10.20.0.0/24", "--output", "-"]].concat())
    );
    assert!(!directory().join("site.toml").exists());
}

/// A directory that is gone with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portguard-{}-{name}", std::process::id()));
        fs::create_dir(&path).expect("the temporary directory can be written to");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("site.toml")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_file_that_exists_is_left_alone_unless_forced() {
    let scratch = Scratch::new("exists");
    let file = scratch.file();
    let output = file.to_str().unwrap();
    fs::write(&file, "mine, and longer than nothing").unwrap();
    let refused = portguard(&[&FLAGS[..], &["--output", output]].concat());
    assert!(
        refused.starts_with("exit code 2\n") && refused.contains("exists, and was left alone"),
        "{refused}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine, and longer than nothing");
    let written = portguard(&[&FLAGS[..], &["--force", "--output", output]].concat());
    assert!(
        written.starts_with("exit code 0\n") && written.contains("written, in mode observe"),
        "{written}"
    );
    let checked = portguard(&["check", "--deny-warnings", output]);
    assert!(checked.starts_with("exit code 0\n"), "{checked}");
}

#[test]
fn on_a_terminal_it_asks_for_what_is_missing() {
    let scratch = Scratch::new("terminal");
    let file = scratch.file();
    let terminal = openpty(None, None).expect("there are pseudo-terminals");
    let mut child = Command::new(env!("CARGO_BIN_EXE_portguard"))
        .args([
            "init",
            "--product",
            "influxdb-enterprise",
            "--interface",
            "eth0",
            "--output",
            file.to_str().unwrap(),
        ])
        .env("TERM", "xterm")
        .env("SSH_CONNECTION", "192.0.2.7 53122 192.0.2.1 2222")
        .stdin(Stdio::from(terminal.slave.try_clone().unwrap()))
        .stdout(Stdio::null())
        .stderr(Stdio::from(terminal.slave))
        .spawn()
        .unwrap();
    let mut keyboard = File::from(terminal.master);
    // The nodes; Chronograf's role, left open; the clients; who may log in, as proposed.
    for (question, answer) in [
        ("The cluster's nodes", "10.20.0.1, 10.20.0.2\r"),
        ("chronograf: ", "\r"),
        ("clients: ", "10.30.0.0/16\r"),
        ("Who may log in", "\r"),
    ] {
        read_until(&mut keyboard, question);
        keyboard.write_all(answer.as_bytes()).unwrap();
    }
    // Reading goes on, or the last words would have no room; a terminal that is gone is an error to its reader.
    drop(keyboard.read_to_end(&mut Vec::new()));
    assert!(child.wait().unwrap().success());
    let written = fs::read_to_string(&file).unwrap();
    for line in [
        "nodes = [\"10.20.0.1\", \"10.20.0.2\"]",
        "clients = [\"10.30.0.0/16\"]",
        "chronograf = []",
        "ssh = [\"192.0.2.7\"]",
        "ports = [\"2222/tcp\"]",
    ] {
        assert!(written.lines().any(|written| written == line), "no {line} in {written}");
    }
}

/// Reads what the terminal shows until `text` is there.
fn read_until(terminal: &mut File, text: &str) {
    let mut shown = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&shown).contains(text) {
        match terminal.read(&mut byte) {
            Ok(1) => shown.push(byte[0]),
            ended => panic!("{ended:?} before {text:?}: {}", String::from_utf8_lossy(&shown)),
        }
    }
}
