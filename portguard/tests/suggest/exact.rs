//! Whatever was dropped: pasted in, a suggestion lets in whom it names, and nobody beside.

use portguard::{
    audit::DropRow,
    compile::Image,
    explain::{Destination, Explanation, Question},
    matrix::{Direction, Matrix, ZoneId},
};
use proptest::prelude::*;

use crate::{SITE, both, image, newly_in, pasted, row, suggest};

fn any_row() -> impl Strategy<Value = DropRow> {
    let v4 = (0..4_u8, 0..4_u8, any::<u8>()).prop_map(|(b, c, d)| format!("10.{b}.{c}.{d}"));
    let near = (0..16_u8).prop_map(|d| format!("10.30.4.{d}"));
    let v6 = (0..4_u8, 0..8_u8).prop_map(|(b, d)| format!("2001:db8:{b}::{d:x}"));
    let source = prop_oneof![v4, near, v6];
    let port = prop_oneof![
        prop::sample::select(vec![22, 53, 8001, 8004, 8086, 8088, 8089, 8091, 9100, 10_005, 20_001]),
        9_300..9_310_u16,
        any::<u16>(),
    ];
    let port = (port, prop::sample::select(vec!["tcp", "udp"])).prop_map(|(port, of)| format!("{port}/{of}"));
    let reason = prop::sample::select(vec!["source_not_admitted", "undocumented", "no_socket", "stale"]);
    (source, port, reason, 0..50_u64)
        .prop_map(|(source, port, reason, packets)| row(&source, &port, reason, packets))
}

fn admits(matrix: &Matrix, image: &Image, from: std::net::IpAddr, to: &str) -> bool {
    let to: Destination = to.parse().expect("a port");
    let question = Question { from, to, zone: ZoneId::new(0), direction: Direction::In };
    !Explanation::new(&question, matrix, image).drops()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_suggested_sources_are_newly_admitted(rows in prop::collection::vec(any_row(), 0..40), widen in 0..3_u32) {
        let old = both();
        let suggestions = suggest(&old, rows, widen);
        let new = pasted(SITE, &suggestions).matrix;
        let mut named: Vec<_> = suggestions.groups().flat_map(|group| group.addresses.clone()).collect();
        named.sort();
        let newly: Vec<_> = newly_in(&old, &new);
        let named = ipnet::IpNet::aggregate(&named);
        if widen == 0 {
            prop_assert_eq!(&newly, &named);
        }
        prop_assert!(newly.iter().all(|prefix| named.iter().any(|named| named.contains(prefix))));
        let (before, after) = (image(&old), image(&new));
        for seen in suggestions.groups().flat_map(|group| &group.seen) {
            prop_assert!(!admits(&old, &before, seen.source, &seen.port));
            prop_assert!(admits(&new, &after, seen.source, &seen.port), "{} {}", seen.source, seen.port);
        }
    }
}
