//! `portguard replay`: both engines say the same of whatever is in a capture, and what the kernel says is its own.

#[path = "../../portguard/tests/replay/file.rs"]
#[expect(dead_code, reason = "not all of what the other tests write is written here")]
mod file;

use std::{fs, net::IpAddr, path::Path, process::Command, time::Duration};

use portguard::policy::BUILT_IN;
use portguard_tests::{
    craft::{V4, V6, ethernet, tagged},
    demo::SITE,
    lab::{Lab, binary},
    oracle::{Site, seed},
    sample::{NODE_V4, NODE_V6, ping, syn, udp},
};
use rand::{RngExt as _, SeedableRng, rngs::StdRng, seq::IndexedRandom as _};
use tempfile::TempDir;

use file::{ETHERNET, MICROSECONDS, Order, pcap_header, pcap_record};

/// Where a TCP segment's flags are: behind Ethernet and IP headers, the ports, both numbers and the data offset.
const FLAGS_V4: usize = 14 + 20 + 13;
const FLAGS_V6: usize = 14 + 40 + 13;
const ACK: u8 = 0x10;

/// What comes to the node, whole and harmless, to the ports of everybody.
fn plain(random: &mut StdRng) -> Vec<u8> {
    let last = random.random_range(1..40_u8);
    let source = if random.random() {
        IpAddr::from([10, random.random_range(0..8), 0, last])
    } else {
        IpAddr::from([0x2001, 0xdb8, random.random_range(0..8), 0, 0, 0, 0, u16::from(last)])
    };
    let port =
        *[22, 53, 80, 1113, 2112, 8001, 8086, 8443, 9443, 20_001, 36_379].choose(random).expect("some");
    match random.random_range(0..5) {
        0 => ping(source),
        1 => udp(source, port),
        2 => {
            let mut reply = syn(source, port);
            reply[if source.is_ipv4() { FLAGS_V4 } else { FLAGS_V6 }] = ACK;
            reply
        }
        _ => syn(source, port),
    }
}

/// What somebody might send: whole packets, odd ones and changed ones.
fn frame(random: &mut StdRng) -> Vec<u8> {
    let mut frame = match random.random_range(0..10) {
        0 => V4 { options: vec![1; 8], ..V4::new([10, 1, 0, 9], 6) }.frame(&[0; 24]),
        1 => V6 { extensions: vec![(0, vec![0, 0, 1, 4, 0, 0, 0, 0])], ..V6::new([0x20; 16], 17) }
            .frame(&[0; 24]),
        2 => V4 { fragment: random.random(), ..V4::new([10, 5, 0, 9], 6) }.frame(&[0; 40]),
        3 => tagged(&[(0x8100, 7)], &plain(random)),
        4 => ethernet(random.random(), &[0; 50]),
        5 => vec![0; random.random_range(0..40)],
        // Longer than a page: it comes in several pieces.
        6 => V4::new([10, 2, 0, 9], 6).frame(&vec![0x50; random.random_range(3000..9000)]),
        _ => plain(random),
    };
    if random.random_range(0..4) == 0 && !frame.is_empty() {
        let place = random.random_range(0..frame.len().min(80));
        frame[place] = random.random();
    }
    frame
}

/// The lines that `replay` writes.
fn replay(capture: &Path, site: &Path, engine: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(binary().expect("it was built"));
    command.arg("replay").arg(capture).arg("--site").arg(site).args(["--engine", engine]).args(arguments);
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{engine}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

#[test]
fn both_engines_say_the_same_of_every_packet() {
    let directory = TempDir::new().unwrap();
    let (site, capture) = (directory.path().join("site.toml"), directory.path().join("any.pcap"));
    let mut random = StdRng::seed_from_u64(seed());
    for policy in BUILT_IN {
        let drawn =
            std::iter::repeat_with(|| Site::draw(&[policy.into()], 1, &mut random)).take(20).find(|drawn| {
                fs::write(&site, &drawn.text).unwrap();
                portguard::input::read_site(&site).is_ok()
            });
        let drawn = drawn.expect("a site of twenty holds together");
        let mut file = pcap_header(Order::Little, MICROSECONDS, ETHERNET);
        for _ in 0..1500 {
            let mut frame = frame(&mut random);
            // Some are the node's own, which makes their answers replies.
            if frame.len() > 60 && random.random_range(0..10) == 0 {
                let own = if frame[12] == 8 { 26..30 } else { 22..38 };
                let (v4, v6) = (NODE_V4.octets(), NODE_V6.octets());
                let address = if own.len() == 4 { v4.as_slice() } else { v6.as_slice() };
                frame[own].copy_from_slice(address);
            }
            let captured = random.random_range(0..5) > 0 || frame.len() < 60;
            let len = if captured { frame.len() } else { random.random_range(20..60) };
            file.extend(pcap_record(Order::Little, &frame[..len], frame.len()));
        }
        fs::write(&capture, file).unwrap();
        let node = [NODE_V4.to_string(), NODE_V6.to_string()];
        for arguments in [&[][..], &["--node", node[0].as_str(), "--node", node[1].as_str()]] {
            let native = replay(&capture, &site, "native", arguments);
            let kernel = replay(&capture, &site, "kernel", arguments);
            assert_eq!(native.lines().count(), 1500);
            assert_eq!(native, kernel, "{}, seed {}\n{}", policy.name, seed(), drawn.text);
        }
    }
}

#[test]
fn the_sockets_of_the_machine_do_not_answer_for_those_of_the_capture() {
    let lab = Lab::new().unwrap();
    let (site, capture) = (lab.directory().join("site.toml"), lab.directory().join("late.pcap"));
    fs::write(&site, SITE).unwrap();
    let mut late = syn(lab.stranger.v4(), 8086);
    late[FLAGS_V4] = ACK;
    let record = pcap_record(Order::Little, &late, late.len());
    fs::write(&capture, [pcap_header(Order::Little, MICROSECONDS, ETHERNET), record].concat()).unwrap();
    // With this listener of today, the program would have another reason.
    let _echo = lab.node.echo(8086).unwrap();
    let mut command = Command::new(binary().unwrap());
    command.arg("replay").arg(&capture).arg("--site").arg(&site).args(["--engine", "kernel"]);
    let output = lab.node.run(&mut command, Duration::from_secs(20)).unwrap().output();
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(
        line.contains(r#""verdict":"drop","reason":"stale""#),
        "{line}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
