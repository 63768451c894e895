//! `portguard policy import`: drafts from pages of the shapes that vendors use, and from pages that nobody wrote.

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use insta::assert_snapshot;
use portguard::{
    matrix::PortSet,
    policy::{self, Basis, Draft, Policy, PolicyName, import, unsupported},
    reading::Source,
};
use proptest::prelude::*;
use support::{directory, portguard};

fn page(name: &str) -> String {
    fs::read_to_string(directory().join("documents").join(name)).expect("the page belongs to the tests")
}

fn drafted(text: &str) -> Draft {
    let name: PolicyName = "page".parse().expect("it is a name");
    import(text, "page.md", &name).expect("the page has the shape of one")
}

/// The draft of a page as a policy, if it has any port; it must be sound, and its lines must hold its ports.
fn policy_of(text: &str) -> Option<Policy> {
    let draft = drafted(text).text?;
    let source = Source::new("draft.toml", &draft);
    let policy = policy::parse(&source).unwrap_or_else(|faults| panic!("{faults:#?}\nof\n{draft}"));
    Some(policy)
}

#[test]
fn each_shape_of_page_is_drafted_and_what_is_not_read_is_told() {
    for name in ["redis-tables", "columns", "lists", "headings", "prose"] {
        assert_snapshot!(name, portguard(&["policy", "import", &format!("documents/{name}.md")]));
    }
}

#[test]
fn each_draft_is_sound_and_its_lines_hold_its_ports() {
    for name in ["redis-tables", "columns", "lists", "headings"] {
        let text = page(&format!("{name}.md"));
        let policy = policy_of(&text).expect("the page has ports");
        assert_eq!(unsupported(&policy, &text), [], "{name}");
    }
}

/// The ports of each line that rules cite first, with their protocols.
fn ports_by_line(policy: &Policy) -> BTreeMap<u32, BTreeSet<String>> {
    let defaults = policy.defaults();
    let mut by_line: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    for rule in &policy.rules {
        let ranges =
            rule.ports.iter().flat_map(|ports| ports.evaluate(&defaults).expect("the policy is sound"));
        let line = by_line.entry(rule.place.lines[0]).or_default();
        let ports = PortSet::new(ranges.collect()).expect("every rule has ports by default");
        line.extend(ports.ranges().iter().map(|range| format!("{range} {:?}", rule.protocol)));
    }
    by_line
}

#[test]
fn the_draft_of_the_redis_tables_finds_the_ports_and_lines_of_the_policy_made_by_hand() {
    let built_in = policy::built_in("redis-enterprise").expect("it comes with the binary");
    let by_hand = policy::parse(&Source::new(built_in.file, built_in.text)).expect("it is sound");
    let draft = policy_of(&page("redis-tables.md")).expect("the page has ports");
    let (expected, found) = (ports_by_line(&by_hand), ports_by_line(&draft));
    assert_eq!(expected.len(), 13, "the rows of the document's tables");
    // 9443 and 8080 are one row and two rules of the policy; touching ports are one range in a rule of their own.
    let each = |ports: &BTreeSet<String>| ports.iter().cloned().collect::<Vec<_>>().join("; ");
    for (line, ports) in &expected {
        assert_eq!(found.get(line).map(each), Some(each(ports)), "line {line}");
    }
    assert_eq!(found.len(), expected.len());
    let roles = |policy: &Policy| policy.roles.keys().cloned().collect::<BTreeSet<_>>();
    let mut by_hand = by_hand;
    by_hand.roles.retain(|_, role| role.basis == Basis::Documented);
    assert_eq!(roles(&draft), roles(&by_hand), "the table names no multicast address");
    for (name, role) in &by_hand.roles {
        assert_eq!(draft.roles[name].place.lines, role.place.lines, "{name}");
    }
}

#[test]
fn a_draft_goes_to_a_file_and_never_over_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("draft.toml");
    let file = file.to_str().unwrap();
    let arguments = ["policy", "import", "documents/headings.md", "--name", "series", "--output", file];
    assert!(portguard(&arguments).starts_with("exit code 0\n--- stdout\n--- stderr\n"));
    let first = fs::read_to_string(file).unwrap();
    assert!(first.contains("\nname = \"series\"\n"), "{first}");
    let again = portguard(&arguments);
    assert!(again.starts_with("exit code 2\n") && again.contains("is there already"), "{again}");
    assert!(
        portguard(&["policy", "check", file, "--document", "documents/headings.md"])
            .starts_with("exit code 0\n")
    );
}

#[test]
fn lines_are_counted_as_editors_count_them() {
    let text = "# Ports\r\n\r\n| Port | Protocol |\r\n|---|---|\r\n| 80 | TCP |\r\n| 81\u{85}| TCP |\r\n";
    let policy = policy_of(text).unwrap();
    let lines: Vec<u32> = policy.rules.iter().map(|rule| rule.place.lines[0]).collect();
    assert_eq!(lines, [5, 6]);
}

#[test]
fn a_table_far_larger_than_its_text_is_refused() {
    let text = format!("{}\n{}\n{}", "|".repeat(500), "|-".repeat(500), "x\n".repeat(500));
    let path = std::env::temp_dir().join(format!("portguard-{}-wide.md", std::process::id()));
    fs::write(&path, text).unwrap();
    let shown = portguard(&["policy", "import", path.to_str().unwrap(), "--name", "wide"]);
    fs::remove_file(&path).unwrap();
    assert_snapshot!(shown.replace(path.to_str().unwrap(), "wide.md"));
}

#[test]
fn what_people_write_into_cells_cannot_break_the_draft() {
    for cell in
        ["\"", "'''", "\\", "]\nrules", "\u{7}", "{{", "`", "=\u{2028}", "größe", "日本語", "self", "Self!"]
    {
        let text =
            format!("# {cell}\n\n|Port|Source|Service|Description|\n|-|-|-|-|\n|80|{cell}|{cell}|{cell}|\n");
        policy_of(&text);
        let all = format!("|Port|Protocol|Direction|\n|-|-|-|\n|80 x{cell}|x{cell}|x{cell}|\n");
        policy_of(&all);
        let list = format!("- 80 - {cell}\n- {cell}: x\n\n|Port|Source|\n|-|-|\n|81|{cell}|\n");
        assert!(policy_of(&list).is_some(), "{cell}");
    }
}

#[test]
fn many_peers_without_a_latin_letter_are_many_roles() {
    let rows = each(1..=2000, |row| format!("|{row}|{row}日本|\n"));
    let policy = policy_of(&format!("|Port|Source|\n|-|-|\n{rows}")).unwrap();
    assert_eq!((policy.rules.len(), policy.roles.len()), (2000, 2000));
}

/// The texts of all numbers, one after the other.
fn each(numbers: impl IntoIterator<Item = usize>, text: impl Fn(usize) -> String) -> String {
    numbers.into_iter().map(text).collect::<Vec<_>>().concat()
}

/// What takes a second here takes some ten milliseconds in a release.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

#[test]
fn hostile_pages_are_read_in_time() {
    let table = "|Port|Source|Description|\n|-|-|-|\n|80|all|x|\n\n";
    let same_service = each(1..10_000, |port| format!("|{port}|web|\n"));
    let pages = [
        ("tables", table.repeat(10_000)),
        ("deep lists", each(0..2000, |depth| format!("{}- 80 - x\n", " ".repeat(depth)))),
        ("quotes", ">".repeat(20_000)),
        ("brackets", "[".repeat(50_000)),
        ("emphasis", "*a_".repeat(30_000)),
        ("html", "<table><tr><td>".repeat(20_000)),
        ("open html", format!("<table>\n<tr>\n{}", "<td>80</td><td>x".repeat(20_000))),
        ("long line", format!("- 80 - {}", "word ".repeat(200_000))),
        ("digits", "9".repeat(500_000)),
        ("list of ports", each(1..60_000, |port| format!("{port},"))),
        ("one cell", format!("|Port|\n|-|\n|{}|\n", "80,".repeat(100_000))),
        ("parentheses", format!("- {}80 - x", "(".repeat(100_000))),
        ("one source", format!("|Port|Source|\n|-|-|\n|80|{}|\n", "a,".repeat(100_000))),
        ("one service", format!("|Port|Service|\n|-|-|\n{same_service}")),
        ("shortcodes", "{{".repeat(100_000)),
        ("ticks", "`".repeat(3).repeat(30_000) + &"`a".repeat(30_000)),
    ];
    for (name, text) in pages {
        let start = Instant::now();
        policy_of(&text);
        assert!(start.elapsed() < PATIENCE, "{name}: {:?}", start.elapsed());
    }
}

#[test]
fn a_star_among_ports_of_a_list_or_heading_is_no_port() {
    for page in [
        "# Ports\n\n- 8080|* - the console\n- 8081 - the other one\n",
        "# Ports\n\n## 8080/*\n\nThe console.\n\n## 8081\n\nThe other one.\n",
    ] {
        let policy = policy_of(page).expect("8081 is a port");
        let ports: Vec<String> =
            policy.rules.iter().flat_map(|rule| &rule.ports).map(ToString::to_string).collect();
        assert_eq!(ports, ["8081"], "{page}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_page_makes_a_sound_draft_or_none(
        name in prop::sample::select(vec!["columns.md", "lists.md", "headings.md"]),
        at in 0..2000_usize,
        length in 0..40_usize,
        with in "\\PC{0,8}|[|\n0-9,\\-()<>/+*_\\[\\]`]{1,6}",
    ) {
        let text = page(name);
        let kept = |from: usize, to: usize| text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
        policy_of(&format!("{}{with}{}", kept(0, at), kept(at + length, text.len())));
    }
}
