//! Which of the record somebody wants to see, as options say it. What the record can never hold is refused: an empty answer
//! would pass for one.

use std::net::IpAddr;

use ipnet::IpNet;
use portguard_common::{Action, Reason};

use crate::{
    audit::DropFilter,
    observe::{port_text, split_direction},
    reading::{did_you_mean, short_prefix},
};

/// A prefix, or an address alone.
pub(super) fn prefix(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address
        .or_else(|_| text.parse())
        .map_err(|_| "write an address or a prefix: 10.1.2.3, 10.1.0.0/16".to_owned())
}

/// A port, as the record names it: `8086/tcp`, `icmpv4/8`, `out 443/tcp`; or what stands before or behind its `/` for all
/// that have it there.
pub(super) fn port(text: &str) -> Result<String, String> {
    const WRITE: &str = "write 8086, 8086/tcp, icmpv4/8 (a type) or ip/47 (a protocol), with `out ` before it for what was to leave \
                         alone; `-` is where no port could be read";
    let text = text.to_ascii_lowercase();
    let (direction, of) = split_direction(&text);
    let number = |digits: &str| digits.parse::<u16>().ok();
    let small = |digits: &str| digits.parse::<u8>().ok();
    let named = match of.split_once('/') {
        None if matches!(of, "-" | "other" | "icmpv4" | "icmpv6" | "ip") => Some(of.to_owned()),
        None => number(of).map(|port| port.to_string()),
        Some((kind @ ("icmpv4" | "icmpv6" | "ip"), digits)) => {
            small(digits).map(|number| format!("{kind}/{number}"))
        }
        Some((digits, transport @ ("tcp" | "udp" | "sctp"))) => {
            number(digits).map(|port| format!("{port}/{transport}"))
        }
        Some(_) => None,
    };
    named.map(|port| port_text(direction, port)).ok_or_else(|| WRITE.to_owned())
}

/// A reason for which packets drop, `out ` before it for what was to leave alone.
pub(super) fn reason(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let (direction, name) = split_direction(&text);
    let drops =
        Reason::ALL.iter().filter(|reason| reason.action() == Action::Drop).map(|reason| reason.name());
    match drops.clone().find(|known| *known == name) {
        Some(known) => Ok(port_text(direction, known)),
        None => Err(did_you_mean(name, "reasons", drops)),
    }
}

/// What `filter` leaves, in words: ` (port 8086/tcp, reason undocumented)`; nothing, where it leaves all.
pub(super) fn words(filter: &DropFilter) -> String {
    let DropFilter { span: _, source, port, rule, reason, order: _, limit: _ } = filter;
    let wanted = [
        source.map(|source| format!("source {}", short_prefix(&source))),
        port.as_ref().map(|port| format!("port {port}")),
        rule.as_ref().map(|rule| format!("product `{rule}`")),
        reason.as_ref().map(|reason| format!("reason {reason}")),
    ];
    let wanted: Vec<String> = wanted.into_iter().flatten().collect();
    if wanted.is_empty() { String::new() } else { format!(" ({})", wanted.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Order, Span};

    #[test]
    fn a_port_is_named_as_the_record_names_it() {
        for (text, named) in [
            ("8086", "8086"),
            ("9999/TCP", "9999/tcp"),
            ("Out 0443/tcp", "out 443/tcp"),
            ("ICMPv4/8", "icmpv4/8"),
            ("icmpv6", "icmpv6"),
            ("ip/47", "ip/47"),
            ("-", "-"),
        ] {
            assert_eq!(port(text).as_deref(), Ok(named), "{text}");
        }
    }

    #[test]
    fn what_the_record_never_holds_is_refused_with_what_to_write() {
        for text in ["", "foo", "99999", "80/http", "tcp/80", "icmp/8", "ip/256", "8000-8001", "out"] {
            assert!(port(text).is_err_and(|why| why.contains("8086/tcp")), "{text}");
        }
        assert_eq!(reason("Undocumented").as_deref(), Ok("undocumented"));
        assert_eq!(reason("out destination_not_admitted").as_deref(), Ok("out destination_not_admitted"));
        assert_eq!(reason("undocumentd"), Err("did you mean `undocumented`?".to_owned()));
        let passes = reason("admitted");
        assert!(passes.is_err_and(|why| why.contains("`martian`")), "packets that pass are not recorded");
    }

    #[test]
    fn an_answer_says_what_it_was_asked_for() {
        let all = DropFilter {
            span: Span { since: 0, until: 1 },
            source: None,
            port: None,
            rule: None,
            reason: None,
            order: Order::Loudest,
            limit: 1,
        };
        assert_eq!(words(&all), "");
        let some = DropFilter {
            source: prefix("10.1.2.3").ok(),
            port: port("80/TCP").ok(),
            rule: Some("redis".to_owned()),
            reason: reason("stale").ok(),
            ..all
        };
        assert_eq!(words(&some), " (source 10.1.2.3, port 80/tcp, product `redis`, reason stale)");
    }
}
