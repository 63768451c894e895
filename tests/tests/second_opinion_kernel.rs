//! The programs in the kernel, the one for XDP and the one for tcx, against the native verdict and a second opinion, on
//! frames drawn at random: equal verdicts, reasons and counters. As many frames as there is time for.
//!
//! `PORTGUARD_SEED=7` draws others, `PORTGUARD_FRAMES=100000000` takes as long as so many need. A failure names the seed
//! that begins with the site and the frames that fail.

use std::{
    env, fs,
    process::Command,
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, unshare};
use portguard::matrix::Hook;
use portguard_tests::{
    oracle::seed,
    second::{DefaultRoute, Frames, assert_agree, draw, frames_wanted},
    twin::{Twin, at_tcx},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Frames to a site; loading one takes longer than asking it about them.
const PER_SITE: u64 = 10_000;
/// Frames between two looks at all counters: they name the reason and the slot of each, so the few are a few that are
/// wrong.
const PER_COUNT: u64 = 100;
/// How long to go on, when the number of frames is not told.
const TIME: Duration = Duration::from_secs(15);

/// This thread's network becomes that of a router without sockets, by a default route.
fn enter_router() {
    unshare(CloneFlags::CLONE_NEWNET).expect("the tests run as root");
    let lines = [
        "link set lo up",
        "link add void type veth peer name beyond",
        "link set beyond up",
        "link set void arp off up",
        "route add default dev void",
        "-6 route add default dev void",
    ];
    for line in lines {
        let status = Command::new("ip").args(line.split_whitespace()).status().expect("ip is there");
        assert!(status.success(), "ip {line}");
    }
    for setting in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
        fs::write(format!("/proc/sys/net/{setting}"), "1").expect("root of the namespace");
    }
}

#[test]
fn the_kernel_at_any_hook_and_two_opinions_agree_on_frames_at_random_in_one_piece_and_in_several() {
    enter_router();
    let begun = Instant::now();
    let told = env::var_os("PORTGUARD_FRAMES").is_some();
    let wanted = frames_wanted(u64::MAX);
    let (mut asked, mut site) = (0, seed());
    while asked < wanted && (told || begun.elapsed() < TIME) {
        let mut random = StdRng::seed_from_u64(site);
        let drawn = draw(&mut random);
        let interface = usize::from(random.random_bool(0.5));
        let hook = match drawn.matrix.outbound {
            Some(_) if site % 2 == 0 => Hook::Egress,
            _ if random.random_bool(0.5) => Hook::Tcx,
            _ => Hook::Xdp,
        };
        let mut twin = match hook {
            Hook::Egress | Hook::Clsact => Twin::load_leaving(&drawn.matrix, interface),
            Hook::Xdp => Twin::load_router(&drawn.matrix, interface),
            Hook::Tcx => Twin::load_router(&at_tcx(&drawn.matrix), interface),
        };
        let frames = Frames::new(&drawn, hook.direction());
        for index in 0..PER_SITE {
            let frame = frames.next(&mut random);
            // Of the few that tc's test run does not take, the program for XDP is asked at other sites.
            if !twin.takes(&frame) {
                continue;
            }
            let outcome = if hook != Hook::Xdp || random.random_bool(0.5) {
                twin.ask_with(&frame, DefaultRoute)
            } else {
                let linear = random.random_range(14..frame.len() + 1);
                twin.ask_split_with(&frame, linear, DefaultRoute)
            };
            let way = (hook.direction(), interface);
            assert_agree(outcome, &frame, way, (&drawn, twin.image()), &DefaultRoute, site);
            if index % PER_COUNT == 0 {
                twin.check_counters();
                if !told && begun.elapsed() > TIME {
                    break;
                }
            }
            asked += 1;
        }
        twin.check_counters();
        site = site.wrapping_add(1);
    }
    println!("{asked} frames at {} sites", site.wrapping_sub(seed()));
    assert!(asked > PER_COUNT, "only {asked} frames in {TIME:?}");
}
