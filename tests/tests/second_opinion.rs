//! The native verdict against a second opinion, on frames drawn at random: sound ones, spoiled ones, and ones that an
//! attacker would make, at sites and with sockets that are drawn at random too.
//!
//! `PORTGUARD_SEED=7` draws others, `PORTGUARD_FRAMES=100000000` draws more. A failure names the seed that begins with
//! the site and the frames that fail.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use portguard::compile::{NativeTables, NodeAddresses, compile};
use portguard_common::{Reason, decide, general, outgoing};
use portguard_tests::{
    oracle::seed,
    sample::{NODE_V4, NODE_V6},
    second::{Frames, assert_agree, draw, frames_wanted},
};
use rand::{SeedableRng, rngs::StdRng};

/// Frames to a site.
const PER_SITE: u64 = 5_000;

/// Frames at one site; counts the reasons that they ended in.
fn judge_site(seed: u64, count: u64, reasons: &[AtomicU64]) {
    let mut random = StdRng::seed_from_u64(seed);
    let drawn = draw(&mut random);
    let own = NodeAddresses::new(vec![NODE_V4.into(), NODE_V6.into()]);
    let image = compile(&drawn.matrix, &own).expect("the site is small");
    let sockets = &drawn.sockets;
    let tables = NativeTables::new(&image, sockets);
    let frames = Frames::new(&drawn);
    for index in 0..count {
        let interface = usize::from(index % 2 == 1);
        let arrival = image.interfaces()[interface].arrival();
        let frame = frames.next(&mut random);
        let outcome = decide(&frame[..], arrival, &tables);
        assert_agree(outcome, &frame, interface, (&drawn, &image), &sockets, seed);
        // The shortcut for plain frames is none.
        assert_eq!(outcome, general(&frame[..], arrival, &tables), "PORTGUARD_SEED={seed}: {frame:02x?}");
        reasons[outcome.reason as usize].fetch_add(1, Ordering::Relaxed);
        if let Some(departure) = image.departure(&image.interfaces()[interface]) {
            let leaving = outgoing(&frame[..], departure, &NativeTables::outbound(&image, sockets));
            for reason in BY_HEADERS {
                let same = (leaving.reason == reason) == (outcome.reason == reason);
                assert!(same, "PORTGUARD_SEED={seed}: {outcome:?} and {leaving:?} of {frame:02x?}");
            }
            reasons[leaving.reason as usize].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What headers alone decide, whichever way the frame goes.
const BY_HEADERS: [Reason; 9] = [
    Reason::VlanDepth,
    Reason::Encapsulated,
    Reason::SourceRoute,
    Reason::ExtensionDepth,
    Reason::ExtensionOrder,
    Reason::ExtensionUnknown,
    Reason::RoutingHeader,
    Reason::NoNextHeader,
    Reason::FragmentChain,
];

#[test]
fn a_million_frames_are_judged_alike_by_another_parser_and_every_reason_is_among_them() {
    let frames = frames_wanted(1_000_000);
    let sites = frames.div_ceil(PER_SITE);
    let seen: Vec<AtomicU64> = Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect();
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
    for (reason, count) in Reason::ALL.iter().zip(&seen) {
        let count = count.load(Ordering::Relaxed);
        // Sound tables never contradict themselves.
        assert_eq!(count == 0, *reason == Reason::Internal, "{reason:?}: {count} of {sites} sites");
    }
}
