//! What a capture's packets begin with (<https://www.tcpdump.org/linktypes.html>).

use pcap_parser::Linktype;

/// What to do about packets that have no Ethernet header: `None` for those that have one.
pub(super) fn obstacle(link: Linktype) -> Option<(String, &'static str)> {
    const ON_ONE_INTERFACE: &str =
        "capture on the guarded interface itself, `tcpdump -i eth0 -w FILE`, and not on `any`";
    const BELOW_THE_TUNNEL: &str = "capture on the Ethernet interface that carries it; a tunnel's or a modem's own is out of the filter's sight";
    const BEFORE_THE_AIR: &str = "capture without monitor mode, so that the driver gives Ethernet frames";
    match link {
        Linktype::ETHERNET => None,
        Linktype(113) => Some(("of Linux cooked capture".to_owned(), ON_ONE_INTERFACE)),
        Linktype(276) => Some(("of Linux cooked capture, version 2".to_owned(), ON_ONE_INTERFACE)),
        Linktype(12 | 14 | 101 | 228 | 229) => Some(("raw IP".to_owned(), BELOW_THE_TUNNEL)),
        Linktype(9 | 50 | 51) => Some(("of a point-to-point link".to_owned(), BELOW_THE_TUNNEL)),
        Linktype(105 | 119 | 127 | 163) => Some(("of a wireless link".to_owned(), BEFORE_THE_AIR)),
        Linktype(0 | 108) => Some((
            "of a loopback interface".to_owned(),
            "capture on the guarded interface: the filter sees nothing of the loopback",
        )),
        Linktype(other) => Some((format!("of link type {other}"), ON_ONE_INTERFACE)),
    }
}
