//! Files that nobody wrote on purpose: cut off, changed at random, very large. Nothing panics, and nothing is slow.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

use portguard::{
    input::read_site,
    matrix::{self, Library},
    policy::{self, BUILT_IN},
    reading::{Colour, Faults, FileReport, Report, Source},
    site,
};
use proptest::prelude::*;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn text_of(name: &str) -> String {
    fs::read_to_string(file(name)).expect("the file belongs to the tests")
}

/// The policies that come with the binary, read once.
static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let policies = BUILT_IN.iter().map(|policy| {
        let reference = site::PolicyReference::new(policy.name);
        let policy = policy::parse(&Source::new(policy.file, policy.text)).expect("it is sound");
        (reference, matrix::Availability::Sound(Box::new(policy)))
    });
    policies.collect()
});

/// Reads `text` as a site, with the policies that come with the binary, and shows what is wrong with it.
fn read_as_site(text: &str) -> String {
    let source = Source::new("site.toml", text);
    let mut faults = Faults::default();
    let site = site::read(&source, &mut faults);
    let matrix = matrix::resolve(&site, &LIBRARY, &mut faults);
    assert_eq!(matrix.is_some(), faults.is_empty(), "a matrix exists if and only if nothing is wrong");
    shown(source, faults.into_sorted())
}

fn read_as_policy(text: &str) -> String {
    let source = Source::new("policy.toml", text);
    shown(source.clone(), policy::parse(&source).err().unwrap_or_default())
}

fn shown<D: miette::Diagnostic + Send + Sync + 'static>(source: Source, diagnostics: Vec<D>) -> String {
    let mut report = Report::default();
    report.add(FileReport::new(source, diagnostics));
    report.render(Colour::Never)
}

#[test]
fn a_site_cut_off_anywhere_is_read_to_its_end() {
    let text = text_of("sites/both.toml");
    for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
        read_as_site(&text[..end]);
    }
}

#[test]
fn a_policy_cut_off_anywhere_is_read_to_its_end() {
    let text = text_of("policies/zones.toml");
    for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
        read_as_policy(&text[..end]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_site_never_panics(at in 0..2000_usize, length in 0..40_usize, with in "\\PC{0,8}|[\n\"\\[\\]{}=.,]{1,4}") {
        read_as_site(&changed(&text_of("sites/both.toml"), at, length, &with));
    }

    #[test]
    fn a_changed_policy_never_panics(at in 0..4000_usize, length in 0..40_usize, with in "\\PC{0,8}|[\n\"\\[\\]{}=.,$+-]{1,4}") {
        read_as_policy(&changed(&text_of("policies/offsets.toml"), at, length, &with));
    }
}

/// The text with some of it replaced.
fn changed(text: &str, at: usize, length: usize, with: &str) -> String {
    let kept =
        |from: usize, to: usize| text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>();
    format!("{}{with}{}", kept(0, at), kept(at + length, text.len()))
}

#[test]
fn ten_thousand_addresses_and_both_policies_are_read_at_once() {
    // The promise of 100 ms is for the release build.
    let limit = Duration::from_millis(if cfg!(debug_assertions) { 2000 } else { 100 });
    let mut addresses = String::new();
    for number in 0..10_000_u32 {
        write!(addresses, "\"10.{}.{}.1\", ", 100 + number / 250, number % 250).expect("a string takes all");
    }
    let text = text_of("sites/both.toml").replace("many = [", &format!("many = [{addresses}"));
    let path = std::env::temp_dir().join(format!("portguard-{}-addresses.toml", std::process::id()));
    fs::write(&path, text).expect("the temporary directory can be written to");
    let start = Instant::now();
    let loaded = read_site(&path);
    let taken = start.elapsed();
    fs::remove_file(&path).expect("the file was written");
    let matrix = loaded.expect("the addresses are all different").matrix;
    let addresses: usize = matrix.groups.iter().map(|group| group.prefixes.len()).sum();
    assert!(addresses > 10_000, "{addresses}");
    assert!(taken < limit, "{taken:?}");
}

/// The texts of all numbers, one after the other.
fn each(numbers: std::ops::Range<usize>, text: impl Fn(usize) -> String) -> String {
    numbers.map(text).collect::<Vec<_>>().concat()
}

const REST_OF_A_RULE: &str =
    "protocol = \"tcp\"\nsection = \"s\"\nline = 1\nsays = \"s\"\ndescription = \"d\"\n";
const REST_OF_A_ROLE: &str = "meaning = \"m\"\nsection = \"s\"\nline = 1\nbasis = \"inferred\"\n";

#[test]
fn hostile_policies_and_sites_are_read_in_time() {
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });
    let rules = |ports: &str| {
        each(0..3000, |number| {
            format!(
                "[[rules]]\nid = \"r{number}\"\nports = [\"{ports}\"]\nfrom = [\"role-{number}\"]\n{REST_OF_A_RULE}"
            )
        })
    };
    let peers = |name: &str| each(0..3000, |number| format!("[roles.{name}-{number}]\n{REST_OF_A_ROLE}"));
    let long = "k".repeat(20_000);
    let texts = [
        ("unknown keys", each(0..10_000, |number| format!("k{number} = 1\n"))),
        ("one key again and again", "k = 1\n".repeat(20_000)),
        ("no TOML", "?\n".repeat(20_000)),
        ("tables", each(0..10_000, |number| format!("[roles.r{number}]\n"))),
        ("rules", "[[rules]]\n".repeat(5000)),
        ("many roles", format!("{}{}", peers("role"), rules("80"))),
        ("roles that are not declared", format!("{}{}", peers("other-role"), rules("$port"))),
        ("a long key over many values", format!("[roles.{long}]\nx = [{}]\n", "1,".repeat(20_000))),
        (
            "long tables over many keys",
            format!("[{long}.{long}]\n{}", each(0..10_000, |number| format!("k{number} = 1\n"))),
        ),
        ("deep lists", "x = ".to_owned() + &"[".repeat(50_000)),
        ("deep tables", format!("[{}x]\n", "x.".repeat(50_000))),
        ("deep inline tables", "x = ".to_owned() + &"{ x = ".repeat(50_000)),
        ("a long line", format!("groups.g = [{}]", "\"10.0.0.1\", ".repeat(20_000))),
        (
            "groups that are not there",
            format!(
                "[groups]\n{}[[rules]]\nfrom = [{}]\n",
                each(0..3000, |number| format!("the-group-{number} = []\n")),
                each(0..3000, |number| format!("\"a-group-{number}\", "))
            ),
        ),
        (
            "a long string",
            format!("name = \"{}\"\ntitle = \"\"\"{}", "x".repeat(500_000), "\\\n".repeat(50_000)),
        ),
    ];
    for (name, text) in texts {
        let start = Instant::now();
        let shown = read_as_policy(&text).len() + read_as_site(&text).len();
        let taken = start.elapsed();
        assert!(taken < limit, "{name}: {taken:?}");
        assert!(shown < 1_000_000, "{name}: {shown} bytes are shown");
    }
}
