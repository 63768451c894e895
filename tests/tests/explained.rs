//! What `explain` says is what the kernel does (`BPF_PROG_TEST_RUN`), for a sample of the questions that the oracle is
//! asked, and the oracle says the same.

use std::fs;

use portguard::{
    compile::{Node, compile},
    explain::{Defaults, Explanation, read_batch},
    input::read_site,
    matrix::Direction,
    policy::BUILT_IN,
};
use portguard_tests::{
    oracle::{Kind, Question, Site, seed},
    sample::{ping, syn, udp},
    twin::Twin,
};
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

const QUESTIONS: usize = 400;

/// The frame that asks a question; none for what other tests of the kernel ask.
fn frame(question: &Question) -> Option<Vec<u8>> {
    match question.to {
        _ if question.out => None,
        Kind::Tcp(port) => Some(syn(question.from, port)),
        Kind::Udp(port) => Some(udp(question.from, port)),
        Kind::Icmp(8) if question.from.is_ipv4() => Some(ping(question.from)),
        Kind::Icmp(128) if question.from.is_ipv6() => Some(ping(question.from)),
        Kind::Icmp(_) | Kind::Sctp(_) | Kind::Protocol(_) => None,
    }
}

#[test]
fn the_kernel_does_what_explain_and_the_oracle_say() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("site.toml");
    for policy in BUILT_IN {
        let mut random = StdRng::seed_from_u64(seed());
        let (site, matrix) = std::iter::repeat_with(|| Site::draw(&[policy.into()], 1, &mut random))
            .take(20)
            .find_map(|site| {
                fs::write(&path, &site.text).unwrap();
                read_site(&path).ok().map(|loaded| (site, loaded.matrix))
            })
            .expect("a site of twenty holds together");
        let image = compile(&matrix, &Node::default()).unwrap();
        let mut twin = Twin::load(&matrix);
        let mut questions = std::iter::repeat_with(|| site.question(&mut random));
        for _ in 0..QUESTIONS {
            let (question, frame) =
                questions.find_map(|question| frame(&question).map(|frame| (question, frame))).unwrap();
            let row = format!("from,to,zone,direction\n{question}\n");
            let asked = read_batch(&row, Defaults { zone: None, direction: Direction::In }, &matrix).unwrap();
            let explained = Explanation::new(asked[0].question(), &matrix, &image);
            let told = format!("{question} of {}, seed {}\n{}", policy.name, seed(), site.text);
            // The twin compares the kernel's verdict and counters with the native ones.
            assert_eq!(twin.ask(&frame).reason.name(), explained.reason, "{told}");
            assert_eq!(site.judge(&question).reason, explained.reason, "{told}");
        }
        twin.check_counters();
    }
}
