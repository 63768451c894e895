//! The verdict's shortcut never disagrees with the long way.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
};

use etherparse::PacketBuilder;
use portguard::{
    compile::{Image, Kernel, NativeTables, Node, compile},
    input::read_site,
};
use portguard_common::{Arrival, Reason, decide, general, plain, tables::SocketState};
use proptest::prelude::*;

/// Sockets of every state, by the ports of the flow, so that packets are taken for replies and are not.
#[derive(Clone, Copy)]
struct MadeUp;

impl Kernel for MadeUp {
    fn tcp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        Some(u32::from(peer.port() ^ local.port()) % 14).filter(|&state| state > 0).map(SocketState)
    }

    fn tcp_listener(&self, local: SocketAddr) -> bool {
        local.port().is_multiple_of(3)
    }

    fn udp(&self, peer: SocketAddr, local: SocketAddr) -> Option<SocketState> {
        self.tcp(peer, local)
    }

    fn udp_listener(&self, local: SocketAddr) -> bool {
        self.tcp_listener(local)
    }
}

const NODE_V4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const NODE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);

fn image() -> Image {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sites/both.toml");
    let matrix = read_site(&site).expect("the site is sound").matrix;
    compile(&matrix, &Node::new(vec![NODE_V4.into(), NODE_V6.into()])).expect("the site is small")
}

/// Members of groups, strangers, the node itself, and addresses that no packet has.
const SOURCES_V4: [&str; 10] = [
    "10.0.0.1",
    "10.1.2.3",
    "10.9.0.1",
    "10.0.0.9",
    "198.51.100.7",
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
];
const SOURCES_V6: [&str; 8] = [
    "2001:db8:1::1",
    "2001:db8:2::1",
    "2001:db8::9",
    "2001:db8:ffff::1",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "ff02::1",
];
const PORTS: [u16; 10] = [22, 53, 67, 68, 546, 547, 8080, 8086, 8088, 12_000];

#[derive(Clone, Debug)]
struct Plain {
    source: IpAddr,
    ports: [u16; 2],
    tcp: bool,
    group: bool,
    payload: usize,
}

fn frame(plain: &Plain) -> Vec<u8> {
    let Plain { source, ports: [from, to], tcp, group, payload } = *plain;
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2 | u8::from(group), 0, 0, 0, 0, 2]);
    let ip = match source {
        IpAddr::V4(source) => ethernet.ipv4(source.octets(), NODE_V4.octets(), 64),
        IpAddr::V6(source) => ethernet.ipv6(source.octets(), NODE_V6.octets(), 64),
    };
    let payload = vec![0; payload];
    let mut frame = Vec::new();
    let written = if tcp {
        ip.tcp(from, to, 1, 1).ack(1).write(&mut frame, &payload)
    } else {
        ip.udp(from, to).write(&mut frame, &payload)
    };
    written.expect("writing to memory does not fail");
    frame
}

fn plains() -> impl Strategy<Value = Plain> {
    let source = prop_oneof![prop::sample::select(&SOURCES_V4[..]), prop::sample::select(&SOURCES_V6[..])];
    let port = || prop_oneof![prop::sample::select(&PORTS[..]), any::<u16>()];
    (source, [port(), port()], any::<bool>(), any::<bool>(), 0_usize..20).prop_map(
        |(source, ports, tcp, group, payload)| {
            let source = source.parse().expect("an address");
            Plain { source, ports, tcp, group, payload }
        },
    )
}

/// Bytes to write over the headers, and where to cut the frame off.
fn damage() -> impl Strategy<Value = (Vec<(usize, u8)>, Option<usize>)> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(vec![0, 0x20, 0x2f, 0x40, 0x46, 0x60, 0x81, 0x86, 0xdd, 1, 6, 17, 51, 58])
    ];
    (prop::collection::vec((0_usize..80, byte), 0..4), prop::option::weighted(0.2, 0_usize..90))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn what_the_shortcut_says_is_what_the_long_way_says(
        plain_frame in plains(),
        (bytes, cut) in damage(),
        dhcp in any::<bool>(),
    ) {
        thread_local!(static IMAGE: Image = image());
        let mut frame = frame(&plain_frame);
        for (position, byte) in bytes {
            if let Some(place) = frame.get_mut(position) {
                *place = byte;
            }
        }
        frame.truncate(cut.unwrap_or(usize::MAX));
        IMAGE.with(|image| {
            let tables = NativeTables::new(image, MadeUp);
            let arrival = Arrival::new(0, dhcp);
            let long = general(&frame[..], arrival, &tables);
            if let Some(short) = plain(&frame[..], || Some(arrival), &tables) {
                prop_assert_eq!(short.verdict(&frame[..], &tables), long);
            }
            prop_assert_eq!(decide(&frame[..], arrival, &tables), long);
            Ok(())
        })?;
    }

    #[test]
    fn the_shortcut_knows_every_sound_packet_of_an_ordinary_source(plain_frame in plains()) {
        let ordinary = match plain_frame.source {
            IpAddr::V4(source) => !source.is_loopback() && matches!(source.octets()[0], 1..=223),
            IpAddr::V6(source) => source.segments()[0] == 0x2001,
        };
        thread_local!(static IMAGE: Image = image());
        IMAGE.with(|image| {
            let tables = NativeTables::new(image, MadeUp);
            let short = plain(&frame(&plain_frame)[..], || Some(Arrival::new(0, false)), &tables);
            let own = [IpAddr::from(NODE_V4), NODE_V6.into()].contains(&plain_frame.source);
            prop_assert_eq!(short.is_some(), ordinary && !own);
            Ok(())
        })?;
    }
}

#[test]
fn the_made_up_frames_pass_and_drop_for_many_reasons() {
    let image = image();
    let tables = NativeTables::new(&image, MadeUp);
    let mut met = BTreeSet::new();
    for source in SOURCES_V4.iter().chain(&SOURCES_V6) {
        for (index, to) in PORTS.into_iter().enumerate() {
            let from = (1000..1014).flat_map(|from| [(true, from), (false, from)]);
            for (tcp, from) in from.chain([(false, PORTS[index ^ 1])]) {
                let plain = Plain {
                    source: source.parse().unwrap(),
                    ports: [from, to],
                    tcp,
                    group: false,
                    payload: 4,
                };
                met.insert(decide(&frame(&plain)[..], Arrival::new(0, true), &tables).reason);
            }
        }
    }
    for reason in [
        Reason::Admitted,
        Reason::Reply,
        Reason::Dhcp,
        Reason::Martian,
        Reason::SourceNotAdmitted,
        Reason::NoReplyState,
        Reason::Revoked,
    ] {
        assert!(met.contains(&reason), "{reason:?} of {met:?}");
    }
}
