//! The native verdict against a second opinion, on frames drawn at random: sound ones, spoiled ones, and ones that an
//! attacker would make, at sites and with sockets that are drawn at random too.
//!
//! `PORTGUARD_SEED=7` draws others, `PORTGUARD_FRAMES=100000000` draws more. A failure names the seed that begins with
//! the site and the frames that fail.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use portguard::{
    compile::{NativeTables, Node, compile},
    matrix::Direction,
};
use portguard_common::{Reason, decide, general, outgoing, unless_transit};
use portguard_tests::{
    oracle::seed,
    sample::{NODE_V4, NODE_V6},
    second::{Frames, assert_agree, draw, frames_wanted},
};
use rand::{SeedableRng, rngs::StdRng};

/// Frames to a site.
const PER_SITE: u64 = 5_000;

/// How many frames ended in each reason.
type Seen = Vec<AtomicU64>;

/// Frames at one site, half of them leaving where it judges what leaves; counts the reasons that they ended in, inbound and
/// outbound.
fn judge_site(seed: u64, count: u64, [came, left]: &[Seen; 2]) {
    let mut random = StdRng::seed_from_u64(seed);
    let drawn = draw(&mut random);
    let node = Node::new(vec![NODE_V4.into(), NODE_V6.into()]).forwarding(drawn.sockets.is_router());
    let image = compile(&drawn.matrix, &node).expect("the site is small");
    let sockets = &drawn.sockets;
    let inbound = NativeTables::new(&image, sockets);
    let outbound = drawn.matrix.outbound.map(|_| NativeTables::outbound(&image, sockets));
    let coming = Frames::new(&drawn, Direction::In);
    let leaving = Frames::new(&drawn, Direction::Out);
    for index in 0..count {
        let at = usize::from(index % 2 == 1);
        let interface = &image.interfaces()[at];
        match &outbound {
            Some(tables) if index % 4 < 2 => {
                let frame = leaving.next(&mut random);
                let departure = image.departure(interface).expect("the site judges what leaves");
                let outcome = outgoing(&frame[..], departure, tables);
                assert_agree(outcome, &frame, (Direction::Out, at), (&drawn, &image), &sockets, seed);
                left[outcome.reason as usize].fetch_add(1, Ordering::Relaxed);
            }
            _ => {
                let frame = coming.next(&mut random);
                let outcome = decide(&frame[..], interface.arrival(), &inbound);
                assert_agree(outcome, &frame, (Direction::In, at), (&drawn, &image), &sockets, seed);
                // The shortcut for plain frames is none.
                let whole = general(&frame[..], interface.arrival(), &inbound);
                let whole = unless_transit(&frame[..], whole, &inbound);
                assert_eq!(outcome, whole, "PORTGUARD_SEED={seed}: {frame:02x?}");
                came[outcome.reason as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Nothing that comes in ends in these. Sound tables never contradict themselves; what the kernel hands back is none of the verdict's.
const NEVER_IN: [Reason; 4] =
    [Reason::Reset, Reason::LoopedBack, Reason::DestinationNotAdmitted, Reason::Internal];

/// Nothing that leaves ends in these: they are about who sends, or about the node's own listeners.
const NEVER_OUT: [Reason; 8] = [
    Reason::LoopedBack,
    Reason::Transit,
    Reason::Martian,
    Reason::FragmentSource,
    Reason::SourceNotAdmitted,
    Reason::NoReplyState,
    Reason::Stale,
    Reason::Internal,
];

#[test]
fn a_million_frames_are_judged_alike_by_another_parser_and_every_reason_is_among_them() {
    let frames = frames_wanted(1_000_000);
    let sites = frames.div_ceil(PER_SITE);
    let none = || Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect();
    let seen: [Seen; 2] = [none(), none()];
    let next = AtomicU64::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let site = next.fetch_add(1, Ordering::Relaxed);
                    if site >= sites {
                        break;
                    }
                    judge_site(seed().wrapping_add(site), PER_SITE.min(frames), &seen);
                }
            });
        }
    });
    if frames < 1_000_000 {
        return;
    }
    let [came, left] = &seen;
    for (way, counts, never) in [("inbound", came, &NEVER_IN[..]), ("outbound", left, &NEVER_OUT[..])] {
        for (reason, count) in Reason::ALL.iter().zip(counts) {
            let count = count.load(Ordering::Relaxed);
            assert_eq!(count == 0, never.contains(reason), "{way} {reason:?}: {count} of {sites} sites");
        }
    }
}
