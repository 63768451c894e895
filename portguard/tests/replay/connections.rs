//! Both directions: which packets are the node's own, and what answers them.

use insta::assert_snapshot;

use crate::{
    file::{Order, interface, packet, pcap, section},
    frames::{NODE, NODE6, arp, tagged, tcp, udp, udp_in_fragments},
    reasons, replayed,
};

const STRANGER: &str = "198.51.100.9";
const ARGUMENTS: &[&str] = &["--site", "sites/both.toml", "--node", NODE, "--node", NODE6];

fn judged(frames: &[Vec<u8>]) -> Vec<String> {
    reasons(&replayed("both-ways.pcap", &pcap(frames), ARGUMENTS))
}

#[test]
fn what_the_node_sends_is_skipped_and_what_answers_it_passes() {
    let (near, far) = ((NODE, 40_000), (STRANGER, 443));
    let frames = [
        tcp(near, far, "S", 0),
        tcp(far, near, "SA", 0),
        tcp(near, far, "A", 10),
        tcp(far, near, "A", 10),
        // Another port of the same host has not been asked.
        tcp((STRANGER, 444), near, "SA", 0),
        udp((NODE6, 5000), ("2001:db8:ff::53", 53)),
        udp(("2001:db8:ff::53", 53), (NODE6, 5000)),
        udp(("2001:db8:ff::54", 53), (NODE6, 5000)),
        arp(NODE, STRANGER),
        arp(STRANGER, NODE),
        // Before it has begun to capture, somebody had opened this one.
        tcp((NODE, 40_001), far, "A", 10),
        tcp(far, (NODE, 40_001), "A", 10),
        // Somebody else's.
        tcp(("10.0.0.1", 40_000), ("10.0.0.2", 8001), "S", 0),
    ];
    assert_snapshot!(replayed("both-ways.pcap", &pcap(&frames), ARGUMENTS));
}

#[test]
fn a_question_in_fragments_is_answered_in_fragments_or_whole() {
    // IPv6's later fragments do not say for sure what they are of, and this site's clients are anybody.
    for (node, server, later) in
        [(NODE, STRANGER, "fragment_source"), (NODE6, "2001:db8:ff::53", "later_fragment")]
    {
        let (near, far) = ((node, 40_000), (server, 5300));
        let frames = [
            &udp_in_fragments(near, far)[..],
            &[udp(far, near), udp((server, 5301), near)],
            &udp_in_fragments(far, near),
        ];
        let expected = ["outbound", "outbound", "reply", "no_socket", "reply", later];
        assert_eq!(judged(&frames.concat()), expected, "{node}");
    }
    // What only the first fragment says is not said of the others.
    let shown = replayed("first.pcap", &pcap(&udp_in_fragments((STRANGER, 9), (NODE, 5300))), ARGUMENTS);
    let aims: Vec<_> = shown.lines().filter_map(|line| Some(line.split_once("\"to\":")?.1)).collect();
    assert_eq!(aims, ["\"5300/udp\"}", "\"ip/17\"}"], "{shown}");
}

#[test]
fn however_many_tags_a_frame_has_its_ends_are_read() {
    let (near, far) = ((NODE, 40_000), (STRANGER, 5300));
    for tags in 0..=4 {
        let frames = [udp(near, far), udp(far, near), udp((STRANGER, 5301), near)];
        let frames = frames.map(|frame| tagged(&frame, tags));
        assert_eq!(judged(&frames), ["outbound", "reply", "no_socket"], "{tags} tags");
    }
    let frame = tagged(&udp(far, near), 5);
    let shown = replayed("tags.pcap", &pcap(&[frame]), ARGUMENTS);
    assert!(shown.contains("vlan_depth") && shown.contains(STRANGER), "{shown}");
}

#[test]
fn a_connection_that_a_peer_opened_is_no_connection_of_the_nodes() {
    let (near, far) = ((NODE, 8088), (STRANGER, 40_000));
    let frames = [
        tcp(far, near, "S", 0),
        tcp(near, far, "SA", 0),
        tcp(far, near, "A", 0),
        // What answers a peer's question opens nothing for the peer.
        udp(far, (NODE, 53)),
        udp((NODE, 53), far),
        udp(far, (NODE, 53)),
    ];
    let expected = ["source_not_admitted", "outbound", "no_reply_state", "source_not_admitted", "outbound"];
    assert_eq!(judged(&frames), [&expected[..], &["source_not_admitted"]].concat());
}

#[test]
fn a_client_at_a_port_where_the_node_listens_is_not_taken_for_a_reply() {
    let (near, far) = ((NODE, 8088), (STRANGER, 443));
    let accepts = tcp(near, ("10.0.0.1", 40_000), "SA", 0);
    let frames = [tcp(near, far, "S", 0), tcp(far, near, "SA", 0), accepts, tcp(far, near, "A", 9)];
    assert_eq!(judged(&frames), ["outbound", "reply", "outbound", "revoked"]);
}

#[test]
fn what_the_node_sends_is_judged_where_the_site_judges_what_leaves() {
    const SITE: &[&str] = &["--site", "sites/outbound.toml", "--node", "10.20.0.1"];
    let node = |port| ("10.20.0.1", port);
    let (relay, cluster, client) = ("10.9.0.25", ("10.20.0.3", 40_000), (STRANGER, 40_000));
    let frames = [
        tcp(node(50_000), (relay, 25), "S", 0),
        tcp((relay, 25), node(50_000), "SA", 0),
        tcp(node(50_000), (relay, 25), "A", 10),
        tcp(node(50_001), (STRANGER, 443), "S", 0),
        udp(node(50_002), ("10.9.0.53", 53)),
        udp(node(50_002), (STRANGER, 53)),
        // What answers a peer, admitted or not: the latter's would not have come in, had the filter been there.
        tcp(cluster, node(2181), "S", 0),
        tcp(node(2181), cluster, "SA", 0),
        tcp(client, node(9), "S", 0),
        tcp(node(9), client, "SA", 0),
        tcp(node(9), client, "A", 10),
        tcp(node(50_003), client, "R", 0),
        // Before it has begun to capture, somebody had opened this one.
        tcp(node(50_004), client, "A", 10),
        arp("10.20.0.1", STRANGER),
    ];
    assert_snapshot!("leaving", replayed("leaving.pcap", &pcap(&frames), SITE));
    let order = Order::Big;
    let whole = &frames[3];
    let mut file = [section(order), interface(order, 1, 0)].concat();
    // Up to the ports, and less than that.
    for captured in [54, 36] {
        file.extend(packet(order, 0, &whole[..captured], whole.len(), Some(2)));
    }
    let cut = reasons(&replayed("cut.pcapng", &file, SITE));
    assert_eq!(cut, ["destination_not_admitted", "truncated"]);
}

#[test]
fn without_the_nodes_addresses_every_packet_is_inbound_and_that_is_said() {
    let frames =
        [tcp((NODE, 40_000), (STRANGER, 443), "S", 0), tcp((STRANGER, 443), (NODE, 40_000), "SA", 0)];
    assert_snapshot!(replayed("both-ways.pcap", &pcap(&frames), &["--site", "sites/both.toml"]));
}

#[test]
fn a_capture_that_tells_directions_is_believed() {
    let order = Order::Big;
    let request = tcp((NODE, 40_000), (STRANGER, 443), "S", 0);
    let reply = tcp((STRANGER, 443), (NODE, 40_000), "SA", 0);
    let mut file = [section(order), interface(order, 1, 0)].concat();
    file.extend(packet(order, 0, &request, request.len(), Some(2)));
    file.extend(packet(order, 0, &reply, reply.len(), Some(1)));
    let site = ["--site", "sites/both.toml"];
    let shown = replayed("directions.pcapng", &file, &site);
    assert_eq!(reasons(&shown), ["outbound", "reply"]);
    assert!(!shown.contains("--node"), "{shown}");
    // Where it came in from outside, the node's own address is a lie.
    let forged = packet(order, 0, &request, request.len(), Some(1));
    let file = [section(order), interface(order, 1, 0), forged].concat();
    assert_eq!(reasons(&replayed("forged.pcapng", &file, ARGUMENTS)), ["martian"]);
}
