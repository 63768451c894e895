//! Linux's own stack as the judge: of frames drawn at random, sound ones, spoiled ones and an attacker's, it is seen what it delivers to a socket
//! or answers with no filter before it, and again of those alone that the filter lets pass. Of the latter nothing may come to a port, type or
//! protocol that the site's rules and posture deny to whom the stack takes for its sender. No exception.
//!
//! That the program says of each frame what the native verdict says is for `second_opinion_kernel.rs` to show, on frames drawn alike.
//! `PORTGUARD_SEED=7` draws others, `PORTGUARD_FRAMES=10000000` draws more. A failure names the seed that begins with its site.

use std::collections::BTreeMap;

use portguard::{
    compile::{NativeTables, Node, Target, compile},
    matrix::{Direction, Transport},
};
use portguard_common::{Action, Outcome, decide};
use portguard_tests::{
    oracle::seed,
    sample::{NODE_V4, NODE_V6},
    second::{DefaultRoute, Frames, draw, frames_wanted, may_come_in},
    stack::{Stack, Taken},
};
use rand::{SeedableRng, rngs::StdRng};

/// Frames to a site.
const PER_SITE: u64 = 2_000;

/// What kinds of things the unfiltered stack took that the site denies, and how often; and what it took behind the filter.
#[derive(Debug, Default)]
struct Seen {
    denied: BTreeMap<&'static str, u64>,
    behind: BTreeMap<&'static str, u64>,
}

fn kind(taken: &Taken) -> &'static str {
    match (taken.target, taken.from.is_ipv4()) {
        (Target::Port { transport: Transport::Tcp, .. }, true) => "tcp, v4",
        (Target::Port { transport: Transport::Tcp, .. }, false) => "tcp, v6",
        (Target::Port { transport: Transport::Udp, .. }, true) => "udp, v4",
        (Target::Port { transport: Transport::Udp, .. }, false) => "udp, v6",
        (Target::Port { transport: Transport::Sctp, .. }, _) => "sctp",
        (Target::Icmpv4(_), _) => "icmp, v4",
        (Target::Icmpv6(_), _) => "icmp, v6",
        (Target::Protocol(_) | Target::Other, _) => "protocol",
    }
}

/// Shows a site's frames to two stacks, which have seen none before: parts of packets wait for others for a while.
fn judge_site(seed: u64, count: u64, counts: &mut Seen) {
    let mut random = StdRng::seed_from_u64(seed);
    let drawn = draw(&mut random);
    let own = [NODE_V4.into(), NODE_V6.into()];
    // To both stacks what is for others is; to some sites it is judged.
    let node = Node::new(own.to_vec()).forwarding(drawn.sockets.is_router());
    let image = compile(&drawn.matrix, &node).expect("the site is small");
    // Nothing of the node's own waits for answers.
    let tables = NativeTables::new(&image, DefaultRoute);
    let arrival = image.interfaces()[0].arrival();
    let permitted =
        |taken: &Taken| may_come_in((&drawn.matrix, 0), &own, taken.from, taken.source_port, taken.target);
    let stack = || Stack::enter(&drawn.ports).expect("there is a network namespace, and all ports are free");
    let (mut open, mut behind) = (stack(), stack());
    let frames = Frames::new(&drawn, Direction::In);
    for _ in 0..count {
        let frame = frames.next(&mut random);
        for taken in open.show(&frame).expect("the stack is shown it") {
            *counts.denied.entry(kind(&taken)).or_default() += u64::from(!permitted(&taken));
        }
        let outcome: Outcome = decide(&frame[..], arrival, &tables);
        if outcome.reason.action() == Action::Drop {
            continue;
        }
        for taken in behind.show(&frame).expect("the stack is shown it") {
            assert!(
                permitted(&taken),
                "PORTGUARD_SEED={seed}: {outcome:?} let in {frame:02x?}, and the stack took {taken:?}, which is denied at {:#?}",
                drawn.matrix
            );
            *counts.behind.entry(kind(&taken)).or_default() += 1;
        }
    }
}

#[test]
fn nothing_that_passes_reaches_what_the_site_denies() {
    let frames = frames_wanted(200_000);
    let mut seen = Seen::default();
    for site in 0..frames.div_ceil(PER_SITE) {
        judge_site(seed().wrapping_add(site), PER_SITE.min(frames), &mut seen);
    }
    println!("{seen:?}");
    if frames < 200_000 {
        return;
    }
    // The witness has eyes: with no filter each kind of thing comes in that is denied, and what is admitted does behind it.
    for kind in ["tcp, v4", "tcp, v6", "udp, v4", "udp, v6", "sctp", "icmp, v4", "icmp, v6", "protocol"] {
        for (way, counts) in [("denied", &seen.denied), ("admitted", &seen.behind)] {
            assert!(counts.get(kind).is_some_and(|&count| count > 10), "{way}, {kind}: {seen:?}");
        }
    }
}
