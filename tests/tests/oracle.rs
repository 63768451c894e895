//! `explain` against a second opinion: ten thousand questions a product, for every policy that comes with the binary,
//! and for all of them on one node. `PORTGUARD_SEED=7 cargo test -p portguard-tests --test oracle` draws others.

use std::fs;

use portguard::{
    compile::{Image, Node, compile},
    explain::{Answer, Asked, Defaults, Explanation, read_batch},
    input::read_site,
    matrix::{Direction, Matrix, Origin},
    policy::BUILT_IN,
};
use portguard_tests::oracle::{Opinion, Policy, Question, Site, seed};
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

/// Questions about one site; several sites make a product's ten thousand.
const QUESTIONS: usize = 500;
const SITES: usize = 20;
/// Of these the whole answer is looked at too.
const WHOLE: usize = 20;

struct Case {
    site: Site,
    matrix: Matrix,
    image: Image,
}

/// A site that holds together: parameters at random can contradict each other, and then others are drawn.
fn draw(policies: &[Policy], random: &mut StdRng) -> Case {
    let directory = TempDir::new().expect("a directory to write to");
    let path = directory.path().join("site.toml");
    let mut refused = String::new();
    for _ in 0..20 {
        let site = Site::draw(policies, 2, random);
        fs::write(&path, &site.text).expect("a file to write to");
        match read_site(&path) {
            Ok(loaded) => {
                let image = compile(&loaded.matrix, &Node::default()).expect("the site is small");
                return Case { site, matrix: loaded.matrix, image };
            }
            Err(error) => refused = format!("{error:?}\n{}", site.text),
        }
    }
    panic!("no site of twenty holds together, the last one because of {refused}");
}

fn seen(answer: &Answer<'_>) -> (bool, String, Option<String>, Option<String>, Option<u32>) {
    let Answer { from: _, to: _, verdict, reason, policy, rule, line } = answer;
    let owned = |text: Option<&str>| text.map(str::to_owned);
    (*verdict == "pass", (*reason).to_owned(), owned(*policy), owned(*rule), *line)
}

fn agree(case: &Case, questions: &[Question], told: &str) -> usize {
    let Case { site, matrix, image } = case;
    let rows: Vec<String> = questions.iter().map(Question::to_string).collect();
    let defaults = Defaults { zone: None, direction: Direction::In };
    let asked = read_batch(&format!("from,to,zone,direction\n{}\n", rows.join("\n")), defaults, matrix)
        .expect("they can be asked");
    assert_eq!(asked.len(), questions.len());
    let mut admitted = 0;
    for (position, (question, asked)) in questions.iter().zip(&asked).enumerate() {
        let opinion = site.judge(question);
        let Opinion { passes, reason, policy, rule, line } = opinion.clone();
        let expected = (passes, reason.to_owned(), policy, rule, line);
        assert_eq!(seen(&asked.answer(matrix, image)), expected, "{question} {told}\n{}", site.text);
        admitted += usize::from(reason == "admitted");
        if position < WHOLE {
            whole(asked, &opinion, case, &format!("{question} {told}"));
        }
    }
    admitted
}

/// The whole answer says the same, and of what no rule admits it says what comes nearest.
fn whole(asked: &Asked, opinion: &Opinion, case: &Case, told: &str) {
    let whole = Explanation::new(asked.question(), &case.matrix, &case.image);
    assert_eq!((whole.drops(), whole.reason.as_str()), (!opinion.passes, opinion.reason), "{told}");
    let cited = whole.rule.as_ref().map(|rule| match &rule.origin {
        Origin::Document { rule, .. } | Origin::Site { rule, .. } => rule.clone(),
        Origin::Failsafe { .. } => "failsafe".to_owned(),
    });
    let declared = opinion.passes.then(|| opinion.rule.clone()).flatten();
    assert_eq!(cited, declared, "{told}");
    if matches!(opinion.reason, "source_not_admitted" | "destination_not_admitted") {
        assert!(!whole.near.is_empty(), "{told}");
    }
}

fn ask(policies: &[Policy]) {
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    let mut admitted = 0;
    for number in 0..SITES {
        let mut random = StdRng::seed_from_u64(seed().wrapping_add(number as u64));
        let case = draw(policies, &mut random);
        let questions: Vec<Question> = (0..QUESTIONS).map(|_| case.site.question(&mut random)).collect();
        let told = format!("of {}, site {number} of seed {}", names.join(", "), seed());
        admitted += agree(&case, &questions, &told);
    }
    let asked = QUESTIONS * SITES;
    // Questions that are nearly all refused would show little.
    assert!(
        admitted > asked / 50,
        "{admitted} of {asked} questions about {} were admitted",
        names.join(", ")
    );
}

#[test]
fn explain_agrees_with_the_oracle_on_each_product() {
    for policy in BUILT_IN {
        ask(&[policy.into()]);
    }
}

#[test]
fn explain_agrees_with_the_oracle_on_all_products_on_one_node() {
    ask(&BUILT_IN.iter().map(Policy::from).collect::<Vec<_>>());
}

/// The policies of the format's own tests: offsets, choices, profiles that must be named, fixed addresses, outbound rules,
/// two networks, protocols without ports.
#[test]
fn explain_agrees_with_the_oracle_on_policies_of_every_shape() {
    let policies = ["offsets", "zones"].map(|name| {
        let path = format!("{}/../portguard/tests/policies/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        Policy { name: name.to_owned(), text: fs::read_to_string(&path).unwrap(), reference: path }
    });
    for policy in &policies {
        ask(std::slice::from_ref(policy));
    }
    ask(&policies);
}
