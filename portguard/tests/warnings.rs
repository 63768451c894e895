//! What `check` asks about sites that hold together: every question in full, when it is asked and when not.

mod support;

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path};

use insta::assert_snapshot;
use ipnet::IpNet;
use portguard::{
    draft::{Draft, DraftProduct},
    input::{read_site, site_of_text},
    lint::{LocalPorts, SshSession, Surroundings},
    policy::{self, BUILT_IN, Policy, ProfileChoice},
    reading::{Colour, Source},
};
use support::{directory, portguard, portguard_in};

/// The range is given so that nothing depends on the machine that the tests run on.
const RANGE: [&str; 2] = ["--local-ports", "32768-60999"];

fn check(arguments: &[&str]) -> String {
    portguard(&[&["check"], arguments, &RANGE].concat())
}

#[test]
fn what_is_odd_is_told_with_its_place_and_remedy() {
    for name in ["exposure", "shadows", "groups", "failsafe", "answers", "outbound", "ports"] {
        assert_snapshot!(name, check(&[&format!("warnings/{name}.toml")]));
    }
}

#[test]
fn members_that_bring_nobody_or_cannot_be_are_told() {
    assert_snapshot!("members", check(&["warnings/members.toml", "--names", "groups/hosts"]));
    let denied = check(&["warnings/members.toml", "--names", "groups/hosts", "--deny-warnings"]);
    assert!(denied.starts_with("exit code 1\n"), "{denied}");
}

#[test]
fn a_session_that_would_not_survive_is_told() {
    let session = [("SSH_CONNECTION", "203.0.113.9 53122 192.0.2.1 22")];
    for name in ["ssh-by-posture", "ssh-by-rule"] {
        let file = format!("warnings/{name}.toml");
        assert_snapshot!(name, portguard_in(&session, &[&["check", &file], &RANGE[..]].concat()));
    }
    let old = [("SSH_CLIENT", "203.0.113.9 53122 2222")];
    let shown = portguard_in(&old, &["check", "warnings/ssh-by-rule.toml"]);
    assert!(shown.contains("`ssh` names 2222/tcp and does not admit it"), "{shown}");
}

/// The codes that are asked about `file` in `around`.
fn asked(file: &str, around: &Surroundings) -> Vec<String> {
    let loaded = read_site(&directory().join(file)).expect("the site holds together");
    let report = loaded.report(loaded.lint(around).warnings);
    report.entries().into_iter().filter_map(|entry| entry.code).collect()
}

fn session(client: &str, port: u16, interface: Option<&str>) -> Surroundings {
    let client = client.parse().expect("an address");
    let interface = interface.map(str::to_owned);
    Surroundings {
        ssh: Some(SshSession { client, server: None, port, interface }),
        ..Surroundings::default()
    }
}

#[test]
fn a_session_that_would_survive_is_no_question() {
    let quiet: Vec<String> = Vec::new();
    let by_rule = "warnings/ssh-by-rule.toml";
    assert_eq!(asked(by_rule, &session("10.9.0.7", 22, None)), quiet, "a rule admits it");
    assert_eq!(
        asked(by_rule, &session("203.0.113.9", 222, None)),
        quiet,
        "posture pass, and no rule names the port"
    );
    assert_eq!(
        asked(by_rule, &session("203.0.113.9", 22, Some("eth7"))),
        quiet,
        "the interface is not guarded"
    );
    assert_eq!(asked(by_rule, &session("127.0.0.1", 22, None)), quiet, "a tunnel ends on the loopback");
    assert_eq!(asked(by_rule, &Surroundings::default()), quiet, "there is no session");
    assert_eq!(asked(by_rule, &session("203.0.113.9", 22, Some("eth1"))), ["PG0307"]);
}

#[test]
fn a_session_from_a_failsafe_group_is_no_question() {
    let site = |posture, failsafe| {
        format!(
            "mode = \"enforce\"\nposture = \"{posture}\"\n{failsafe}[interfaces.eth0]\n[groups]\nadmins = [\"10.9.0.0/24\"]\n\
             apps = [\"10.1.0.7\"]\n[[rules]]\nname = \"ssh\"\nports = [\"22/tcp\"]\nfrom = [\"apps\"]\n"
        )
    };
    let asked = |text: &str, port| {
        let loaded = site_of_text(Path::new("site.toml"), text).expect("the site holds together");
        let warnings = loaded.lint(&session("10.9.0.7", port, None)).warnings;
        warnings.iter().any(|warning| warning.to_string().contains("no rule admits SSH"))
    };
    for port in [22, 2222] {
        assert!(asked(&site("drop", ""), port), "port {port}");
        assert!(!asked(&site("drop", "failsafe = [\"admins\"]\n"), port), "port {port}");
    }
    assert!(asked(&site("drop", "failsafe = [\"apps\"]\n"), 22));
}

#[test]
fn a_zone_that_admits_the_session_counts_only_if_it_can_have_come_by_it() {
    let file = "sites/own-policies.toml";
    let client = "198.51.100.7";
    assert!(
        asked(file, &session(client, 22, None)).is_empty(),
        "the zone is not known, and one of the two admits it"
    );
    assert!(asked(file, &session(client, 22, Some("eth1"))).is_empty());
    assert_eq!(asked(file, &session(client, 22, Some("eth0"))), ["PG0307"], "only the zone back admits it");
}

#[test]
fn a_document_that_names_dns_closes_it_to_resolvers_whatever_the_posture() {
    let asked = |posture: &str, rules: &str| {
        let text = format!(
            "mode = \"enforce\"\nposture = \"pass\"\noutbound = \"enforce\"\noutbound_posture = \"{posture}\"\n\
             [interfaces.eth0]\n[groups]\nnodes = [\"10.0.0.0/28\"]\nservers = [\"10.9.0.53\"]\n[products.cache]\n\
             policy = \"redis-enterprise\"\nroles = {{ internal = [\"nodes\"], external = [\"servers\"], active-active = [] }}\n\
             {rules}"
        );
        let loaded = site_of_text(Path::new("site.toml"), &text).expect("the site holds together");
        let warnings = loaded.lint(&Surroundings::default()).warnings;
        let told =
            warnings.iter().map(ToString::to_string).find(|text| text.contains("lets this node reach"));
        told.map(|text| text.rsplit_once("reach ").expect("it says what").1.to_owned())
    };
    let rule = |ports: &str, to: &str| format!("[[rules]]\nname = \"out\"\nports = [{ports}]\nto = [{to}]\n");
    assert_eq!(asked("drop", "").as_deref(), Some("DNS and NTP"));
    assert_eq!(asked("pass", "").as_deref(), Some("DNS over UDP"));
    assert_eq!(asked("pass", &rule("\"53/udp\"", "\"servers\"")), None);
    assert_eq!(asked("drop", &rule("\"53/udp\", \"53/tcp\"", "\"servers\"")).as_deref(), Some("NTP"));
    assert_eq!(asked("drop", &rule("\"1-65535/udp\"", "\"servers\"")).as_deref(), Some("DNS over TCP"));
    assert_eq!(asked("pass", &rule("\"53/udp\"", "")).as_deref(), Some("DNS over UDP"), "to nobody");
}

#[test]
fn a_lease_that_cannot_be_renewed_is_told_wherever_dhcp_is_closed() {
    const CLOSED: &str = "posture = \"drop\"\noutbound = \"enforce\"\noutbound_posture = \"drop\"";
    const IN: &str = "posture = \"drop\"";
    const OUT: &str = "posture = \"pass\"\noutbound = \"observe\"\noutbound_posture = \"drop\"";
    let told = |keys: &str, table: &str, rules: &str| {
        let text = format!(
            "mode = \"enforce\"\n{keys}\n[interfaces.\"eth*\"]\n{table}\n[interfaces.back0]\ndhcp = true\n[groups]\n\
             servers = [\"10.9.0.67\"]\n{rules}"
        );
        let loaded = site_of_text(Path::new("site.toml"), &text).expect("the site holds together");
        let leased = ["back0", "eth0", "eth1", "wlan0"].map(str::to_owned).to_vec();
        let around = Surroundings { leased, ..Surroundings::default() };
        let texts = loaded.lint(&around).warnings.into_iter().map(|warning| warning.to_string());
        let texts: Vec<String> = texts.filter(|text| text.contains("is leased")).collect();
        assert!(texts.len() < 2, "{texts:?}");
        let (who, what) = texts.first()?.split_once(" is leased, and ").expect("it says what is closed");
        assert_eq!(who, "the address of `eth0` and `eth1`");
        Some(what.split(':').next().expect("there is a first part").to_owned())
    };
    assert_eq!(told(CLOSED, "", "").as_deref(), Some("neither questions nor answers of DHCP pass"));
    assert_eq!(told(IN, "", "").as_deref(), Some("answers of DHCP are dropped"));
    assert_eq!(told(OUT, "", "").as_deref(), Some("questions of DHCP do not leave"));
    assert_eq!(told("posture = \"pass\"", "", ""), None, "nothing is closed");
    for keys in [CLOSED, IN, OUT] {
        assert_eq!(told(keys, "dhcp = true", ""), None);
    }
    let rule = |ports: &str, peers: &str| {
        format!("[[rules]]\nname = \"{peers}\"\nports = [{ports}]\n{peers} = [\"servers\"]\n")
    };
    assert_eq!(told(IN, "", &rule("\"68/udp\"", "from")), None);
    assert_eq!(told(OUT, "", &rule("\"67/udp\"", "to")), None);
    let question = rule("\"67/udp\"", "to");
    assert_eq!(told(CLOSED, "", &question).as_deref(), Some("answers of DHCP are dropped"));
    let site = "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.eth0]\n[groups]\nadmins = [\"10.9.0.7\"]\n[[rules]]\n\
                name = \"all\"\nports = [\"22/tcp\"]\nfrom = [\"admins\"]\n";
    let loaded = site_of_text(Path::new("site.toml"), site).expect("the site holds together");
    let around = Surroundings { leased: vec!["eth0".to_owned()], ..Surroundings::default() };
    let mut warnings = loaded.lint(&around).warnings;
    warnings.retain(|warning| warning.subjects() == ["eth0"]);
    assert_snapshot!("leases", loaded.report(warnings).render(Colour::Never));
}

#[test]
fn ports_that_the_kernel_leaves_out_are_no_question() {
    let around = |range, reserved| Surroundings {
        local_ports: LocalPorts::from_sysctls(range, reserved),
        ..Surroundings::default()
    };
    assert_eq!(asked("sites/services.toml", &around("32768 60999", "")), ["PG0309"]);
    assert!(asked("sites/services.toml", &around("32768 60999", "36000-37000")).is_empty());
    assert!(asked("sites/services.toml", &around("40000 60999", "")).is_empty());
}

#[test]
fn nobody_is_told_to_reserve_all_ports_that_there_are() {
    let loaded = read_site(&directory().join("sites/services.toml")).expect("the site holds together");
    let around =
        |range| Surroundings { local_ports: LocalPorts::from_sysctls(range, ""), ..Surroundings::default() };
    let help = |range| {
        let entries = loaded.report(loaded.lint(&around(range)).warnings).entries();
        entries.last().and_then(|entry| entry.help.clone()).unwrap_or_default()
    };
    let (few, most) = (help("20000 65000"), help("20000 30000"));
    assert!(few.contains("ip_local_reserved_ports=20000-29999,36379-36380"), "{few}");
    assert!(most.contains("set net.ipv4.ip_local_port_range") && !most.contains("reserved"), "{most}");
}

#[test]
fn the_sites_of_the_tests_are_no_questions_to_an_administrator() {
    for name in ["both", "services", "own-policies", "outbound"] {
        let shown = check(&[&format!("sites/{name}.toml"), "--deny-warnings"]);
        assert!(shown.starts_with("exit code 0\n"), "{shown}");
    }
}

#[test]
fn accepted_warnings_are_listed_shortly_and_acceptances_without_warnings_are_told() {
    assert_snapshot!(check(&["warnings/accepted.toml"]));
}

#[test]
fn denied_warnings_are_exit_code_one_and_accepted_ones_and_advice_do_not_count() {
    assert!(check(&["warnings/groups.toml", "--deny-warnings"]).starts_with("exit code 1\n"));
    assert!(check(&["warnings/groups.toml"]).starts_with("exit code 0\n"));
    let advised = check(&["sites/both.toml", "--deny-warnings"]);
    assert!(advised.starts_with("exit code 0\n") && advised.contains("PG0309"), "{advised}");
    assert!(check(&["invalid/empty.toml", "--deny-warnings"]).starts_with("exit code 2\n"));
}

#[test]
fn programs_get_every_diagnostic_with_its_place() {
    assert_snapshot!(
        "json",
        check(&["--format", "json", "warnings/accepted.toml", "invalid/no-interface.toml", "gone.toml"])
    );
    let denied = check(&["--format", "json", "--deny-warnings", "warnings/groups.toml"]);
    assert!(denied.starts_with("exit code 1\n") && denied.ends_with("--- stderr\n"), "{denied}");
}

#[test]
fn all_products_and_ten_thousand_addresses_are_asked_about_as_few_are() {
    let policies: Vec<Policy> = BUILT_IN
        .iter()
        .map(|it| policy::parse(&Source::new(it.file, it.text)).expect("the policy is sound"))
        .collect();
    let products = policies.iter().map(|policy| {
        let first = policy.profiles.keys().take(1).cloned();
        let profiles = first.filter(|_| policy.profile_choice == ProfileChoice::Required).collect();
        DraftProduct { policy, profiles }
    });
    // No two of them touch, so that nothing melts into one range.
    let apart = |network: u32, length: u8| -> Vec<IpNet> {
        let addresses = (0..10_000).map(|number: u32| Ipv4Addr::from((network << 24) + number * 256));
        addresses.map(|address| IpNet::new(address.into(), length).expect("a length of IPv4")).collect()
    };
    let draft = Draft {
        interfaces: vec!["eth0".to_owned()],
        nodes: apart(10, 32),
        products: products.collect(),
        roles: BTreeMap::from([
            ("clients".to_owned(), apart(11, 32)),
            ("external".to_owned(), apart(11, 25)),
        ]),
        ssh_from: apart(12, 32),
        ssh_port: None,
    };
    let site =
        draft.to_string() + "[[rules]]\nname = \"again\"\nports = [\"8086/tcp\"]\nfrom = [\"clients\"]\n";
    let loaded = site_of_text(Path::new("site.toml"), &site).expect("the draft holds together");
    let warnings: Vec<String> =
        loaded.lint(&Surroundings::default()).warnings.iter().map(ToString::to_string).collect();
    let has = |text: &str| warnings.iter().any(|warning| warning.contains(text));
    assert!(has("addresses of `clients` lie inside `external` (`11.0.0.0` and 9999 more)"), "{warnings:?}");
    assert!(has("the rule `again` adds nothing") && !has("the rule `ssh`"), "{warnings:?}");
}

#[test]
fn the_range_of_local_ports_must_be_one() {
    let refused = portguard(&["check", "sites/both.toml", "--local-ports", "60999-32768"]);
    assert!(refused.starts_with("exit code 2\n") && refused.contains("is reversed"), "{refused}");
}
