//! What is answered, in full.

use insta::assert_snapshot;

use crate::{
    file::{
        ETHERNET, MICROSECONDS, NANOSECONDS, Order, block, interface, packet, pcap, pcap_header, pcap_record,
        section, simple_packet,
    },
    frames::{NODE, NODE6, arp, ping, tcp, udp},
    reasons, replayed,
};

const BOTH: &[&str] = &["--site", "sites/both.toml"];

/// A little of everything that reaches the node.
fn inbound() -> Vec<Vec<u8>> {
    vec![
        tcp(("10.0.0.1", 40_000), (NODE, 8001), "S", 0),
        tcp(("10.1.0.7", 40_000), (NODE, 20_001), "S", 0),
        tcp(("10.1.0.7", 40_001), (NODE, 20_001), "S", 0),
        tcp(("198.51.100.9", 40_000), (NODE, 20_002), "S", 0),
        tcp(("2001:db8:1::7", 40_000), (NODE6, 20_001), "S", 0),
        tcp(("10.9.0.1", 40_000), (NODE, 22), "S", 0),
        tcp(("198.51.100.9", 40_000), (NODE, 7), "S", 0),
        tcp(("198.51.100.9", 443), (NODE, 40_000), "SA", 0),
        udp(("198.51.100.9", 53), (NODE, 40_000)),
        ping("10.9.0.1", NODE),
        ping("2001:db8:ff::1", NODE6),
        arp("10.0.0.1", NODE),
        vec![0; 5],
    ]
}

#[test]
fn each_packet_is_a_line_and_the_sum_is_told_apart() {
    assert_snapshot!(replayed("inbound.pcap", &pcap(&inbound()), BOTH));
    let text = [BOTH, &["--format", "text"]].concat();
    assert_snapshot!("text", replayed("inbound.pcap", &pcap(&inbound()), &text));
}

#[test]
fn every_kind_of_file_says_the_same() {
    let expected = reasons(&replayed("inbound.pcap", &pcap(&inbound()), BOTH));
    assert_eq!(expected.len(), inbound().len());
    for order in [Order::Little, Order::Big] {
        for (name, magic) in [("micro", MICROSECONDS), ("nano", NANOSECONDS)] {
            // The upper half of the link type tells of checksums behind the frames.
            for link in [ETHERNET, 0x2400_0000 | ETHERNET] {
                let mut file = pcap_header(order, magic, link);
                for frame in &inbound() {
                    file.extend(pcap_record(order, frame, frame.len()));
                }
                assert_eq!(
                    reasons(&replayed("kind.pcap", &file, BOTH)),
                    expected,
                    "{order:?} {name} {link:x}"
                );
            }
        }
        let mut file = [section(order), interface(order, 1, 0)].concat();
        let mut simple = file.clone();
        for frame in inbound() {
            file.extend(packet(order, 0, &frame, frame.len(), None));
            // Statistics and custom blocks hold no packet.
            file.extend([block(order, 5, &[0; 12]), block(order, 0x0bad, &[0; 8])].concat());
            simple.extend(simple_packet(order, &frame, u32::try_from(frame.len()).unwrap()));
        }
        assert_eq!(reasons(&replayed("kind.pcapng", &file, BOTH)), expected, "{order:?}");
        assert_eq!(reasons(&replayed("simple.pcapng", &simple, BOTH)), expected, "{order:?}");
        // A second section, in the other order, has interfaces of its own.
        let other = if order == Order::Big { Order::Little } else { Order::Big };
        file.extend([section(other), interface(other, 113, 0), interface(other, 1, 0)].concat());
        for frame in &inbound() {
            file.extend(packet(other, 1, frame, frame.len(), None));
        }
        let twice = [expected.clone(), expected.clone()].concat();
        assert_eq!(reasons(&replayed("sections.pcapng", &file, BOTH)), twice, "{order:?}");
    }
}

#[test]
fn a_packet_cut_by_the_snap_length_is_judged_by_its_headers_or_not_at_all() {
    let order = Order::Little;
    let admitted = tcp(("10.0.0.1", 40_000), (NODE, 8001), "A", 1000);
    let refused = tcp(("2001:db8:ff::7", 40_000), (NODE6, 8001), "S", 0);
    let mut file = pcap_header(order, MICROSECONDS, ETHERNET);
    // Ethernet, IPv4 and TCP are 14, 20 and 20 bytes; a cut of the data takes nothing from the verdict.
    for len in [96, 54, 53, 40, 20, 13] {
        file.extend(pcap_record(order, &admitted[..len], admitted.len()));
    }
    file.extend(pcap_record(order, &refused[..refused.len() - 1], refused.len()));
    // On the wire, too, it ended in its header.
    file.extend(pcap_record(order, &admitted[..40], 40));
    // A length that lies is no shorter than what is there.
    file.extend(pcap_record(order, &admitted, 3));
    assert_snapshot!(replayed("snapped.pcap", &file, BOTH));
    let of_the_interface =
        [section(order), interface(order, 1, 96), simple_packet(order, &admitted[..96], 1054)].concat();
    let by_interface = replayed("snapped.pcapng", &of_the_interface, BOTH);
    assert_eq!(reasons(&by_interface), ["admitted"], "{by_interface}");
}

#[test]
fn the_interface_chooses_zone_and_dhcp() {
    let frames = [tcp(("192.0.2.3", 40_000), (NODE, 2112), "S", 0), udp(("192.0.2.254", 67), (NODE, 68))];
    let site = ["--site", "sites/own-policies.toml"];
    let on = |name| replayed("zones.pcap", &pcap(&frames), &[&site[..], &["--interface", name]].concat());
    assert_snapshot!("interface-back", on("eth1"));
    assert_snapshot!("interface-front", on("eth0"));
    assert_snapshot!("interface-unknown", on("eth2"));
    assert_snapshot!("interface-missing", replayed("zones.pcap", &pcap(&frames), &site));
    // Of both.toml the only interface is told without a name, and it uses DHCP.
    assert_eq!(reasons(&replayed("zones.pcap", &pcap(&frames), BOTH)), ["undocumented", "dhcp"]);
}

#[test]
fn frames_that_are_not_ethernet_are_refused_with_what_to_do() {
    let mut told = String::new();
    for link in [113, 276, 101, 12, 9, 105, 0, 147] {
        let mut file = pcap_header(Order::Little, MICROSECONDS, link);
        file.extend(pcap_record(Order::Little, &[0; 60], 60));
        told.push_str(&replayed("link.pcap", &file, BOTH));
    }
    assert_snapshot!(told);
}

#[test]
fn no_packet_at_all_is_no_fault() {
    assert_snapshot!(replayed("none.pcap", &pcap(&[]), BOTH));
}
