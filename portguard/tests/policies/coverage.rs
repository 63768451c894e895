//! `docs/coverage.md`: each line of each document that names a port, the rules that are made of it, in how many cases
//! they are tested, and what of them is inferred. Written by
//! `UPDATE_COVERAGE=1 cargo test -p portguard --test policies coverage`.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::Path,
};

use portguard::{
    matrix::{Direction, Origin},
    policy::{BUILT_IN, Policy, Rule},
};

use crate::{
    completeness::{covers, no_ports},
    document::{Document, Mention},
    opened::matrix_of,
    parsed,
    rows::{Case, cases},
};

const HEADER: &str = "\
# Coverage

What the policies that come with portguard make of their documents. A *row* is a line of the document that names a port,
or that a rule quotes where the document says a thing without its number. The *cases* are the products as sites may have
them (profiles, parameters, networks), in which the rows were written down a second time, by hand, from the document:
what the policy opens must be exactly that, and the program in the kernel must keep it, from each role and from nobody,
over IPv4 and IPv6, at the edges of each range and beside them. Outbound rules, and the
outbound half of those for both directions, hold where a site judges what leaves; they are written down a second time, too.

This file is generated; a test fails when it is not what the policies, documents and cases make:
`UPDATE_COVERAGE=1 cargo test -p portguard --test policies coverage` writes it.
";

/// A line of a document and what became of it.
struct Row<'p> {
    line: u32,
    ports: Vec<u16>,
    rules: Vec<&'p Rule>,
    cases: usize,
}

/// The rows of a policy's document.
fn rows<'p>(policy: &'p Policy, cases: &[Case]) -> Vec<Row<'p>> {
    let document = Document::of(policy);
    let in_force: Vec<BTreeSet<String>> = cases
        .iter()
        .filter(|case| case.policy == policy.name)
        .map(|case| rules_in_force(case, policy))
        .collect();
    let mut ports: BTreeMap<u32, Vec<u16>> = BTreeMap::new();
    for Mention { line, number } in document.mentions().difference(&no_ports(policy)) {
        ports.entry(*line).or_default().push(*number);
    }
    for line in policy.rules.iter().flat_map(|rule| &rule.place.lines) {
        ports.entry(*line).or_default();
    }
    let row = |(line, ports): (u32, Vec<u16>)| {
        let rules: Vec<&Rule> = policy.rules.iter().filter(|rule| rule.place.lines.contains(&line)).collect();
        let tests_it = |ids: &&BTreeSet<String>| rules.iter().any(|rule| ids.contains(&rule.id));
        let cases = in_force.iter().filter(tests_it).count();
        Row { line, ports, rules, cases }
    };
    ports.into_iter().map(row).collect()
}

fn rules_in_force(case: &Case, policy: &Policy) -> BTreeSet<String> {
    let ids = matrix_of(case, policy).rules.into_iter().map(|rule| match rule.origin {
        Origin::Document { rule, .. } | Origin::Site { rule, .. } => rule,
        Origin::Failsafe { .. } => panic!("the site has no such groups"),
    });
    ids.collect()
}

fn inferred<'p>(rules: &[&'p Rule]) -> BTreeSet<&'p str> {
    rules.iter().flat_map(|rule| &rule.inferred).map(String::as_str).collect()
}

fn joined<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn summary(policy: &Policy, rows: &[Row], cases: &[Case]) -> String {
    let ports: usize = rows.iter().map(|row| row.ports.len()).sum();
    let outbound = policy.rules.iter().filter(|rule| rule.direction == Direction::Out).count();
    let both = policy.rules.iter().filter(|rule| !rule.reaches.is_empty()).count();
    let with =
        |field: &str| policy.rules.iter().filter(|rule| rule.inferred.iter().any(|at| at == field)).count();
    let inferred =
        ["from", "to", "protocol", "ports", "direction", "zones"].map(|field| (field, with(field)));
    let inferred =
        inferred.iter().filter(|(_, count)| *count > 0).map(|(field, count)| format!("{count} {field}"));
    let (name, rules) = (&policy.name, policy.rules.len());
    let cases = cases.iter().filter(|case| case.policy == *name);
    let (case_count, asserted) =
        cases.fold((0, 0), |(count, rows), case| (count + 1, rows + case.rows.len()));
    format!(
        "| [{name}](#{name}md) | {} | {ports} | {rules} | {outbound} | {both} | {case_count} | {asserted} | {} |\n",
        rows.len(),
        joined(inferred),
    )
}

fn table(policy: &Policy, rows: &[Row]) -> String {
    let mut table = format!(
        "\n## {}.md\n\n| line | ports | rules | cases | inferred |\n| ---: | --- | --- | ---: | --- |\n",
        policy.name
    );
    for Row { line, ports, rules, cases } in rows {
        let names = joined(rules.iter().map(|rule| &rule.id));
        let inferred = joined(inferred(rules));
        writeln!(table, "| {line} | {} | {names} | {cases} | {inferred} |", joined(ports))
            .expect("memory does not fail");
    }
    table
}

fn coverage() -> String {
    let cases = cases();
    let policies: Vec<Policy> = BUILT_IN.iter().map(|built_in| parsed(built_in.name)).collect();
    let with_rows: Vec<(&Policy, Vec<Row>)> =
        policies.iter().map(|policy| (policy, rows(policy, &cases))).collect();
    let summaries: String = with_rows.iter().map(|(policy, rows)| summary(policy, rows, &cases)).collect();
    let tables: String = with_rows.iter().map(|(policy, rows)| table(policy, rows)).collect();
    format!(
        "{HEADER}\n| document | rows | port numbers | rules | of them outbound | for both directions | cases | rows in \
         cases | rules with inferred fields |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n{summaries}{tables}"
    )
}

#[test]
fn coverage_is_what_policies_documents_and_cases_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/coverage.md");
    let coverage = coverage();
    if env::var_os("UPDATE_COVERAGE").is_some() {
        fs::write(&path, &coverage).expect("the manual can be written");
    }
    let written = fs::read_to_string(&path).expect("the manual belongs to the repository");
    let differs = written.lines().zip(coverage.lines()).find(|(written, made)| written != made);
    assert_eq!(differs, None, "docs/coverage.md is old: run with UPDATE_COVERAGE=1");
    assert_eq!(written.len(), coverage.len(), "docs/coverage.md is old: run with UPDATE_COVERAGE=1");
}

#[test]
fn every_row_of_every_document_is_part_of_a_case() {
    let cases = cases();
    for policy in BUILT_IN.iter().map(|built_in| parsed(built_in.name)) {
        for Row { line, ports, rules, cases } in rows(&policy, &cases) {
            assert!(cases > 0, "{}.md:{line} is tested by no case", policy.name);
            for number in ports {
                let covered = rules.iter().any(|rule| covers(rule, &policy, Mention { line, number }));
                assert!(covered, "{}.md:{line}: {number}", policy.name);
            }
        }
    }
}
