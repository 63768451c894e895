//! The opinion: the rules of a site, scanned in order.

use std::net::IpAddr;

use toml::{Table, Value};

use super::{
    Kind, Question, Site,
    draw::{OwnRule, Product},
    ports::{Settings, ranges},
};

/// What should become of a packet, in the words of `portguard explain --batch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Whether it passes.
    pub passes: bool,
    /// The reason.
    pub reason: &'static str,
    /// The policy of the rule that decides.
    pub policy: Option<String>,
    /// That rule.
    pub rule: Option<String>,
    /// Its line.
    pub line: Option<u32>,
}

/// Types that no rule decides on: errors, echo replies, neighbour and listener discovery. And what an administrator must
/// name: source quench, redirects, router discovery for IPv4, timestamp, information, mask; for IPv6 redirects and node
/// information.
const ALWAYS: ([u8; 4], [u8; 13]) =
    ([0, 3, 11, 12], [1, 2, 3, 4, 129, 130, 131, 132, 133, 134, 135, 136, 143]);
const UNWANTED: ([u8; 10], [u8; 3]) = ([4, 5, 9, 10, 13, 14, 15, 16, 17, 18], [137, 139, 140]);

fn always(v4: bool, number: u8) -> bool {
    if v4 { ALWAYS.0.contains(&number) } else { ALWAYS.1.contains(&number) }
}

fn unwanted(v4: bool, number: u8) -> bool {
    if v4 { UNWANTED.0.contains(&number) } else { UNWANTED.1.contains(&number) }
}

/// The first rule of those that name what the question wants.
struct Found {
    policy: Option<String>,
    rule: String,
    line: u32,
}

impl Site {
    /// What should become of `question`.
    pub fn judge(&self, question: &Question) -> Opinion {
        let (named, admitting) = self.rules_for(question);
        match (question.out, self.outbound_pass) {
            (false, _) if question.from.is_multicast() => opinion(false, "martian", None),
            (false, _) => self.comes_in(question, named, admitting),
            (true, None) => opinion(true, "outbound_not_enforced", admitting),
            (true, Some(pass)) => self.leaves(question, pass, named, admitting),
        }
    }

    /// The first rule that names what the question wants, and the first that admits the other end as well.
    fn rules_for(&self, question: &Question) -> (Option<Found>, Option<Found>) {
        let (mut named, mut admitting) = (None, None);
        for product in &self.products {
            for rule in product.rules() {
                if self.keeps(rule, question) && names(product, rule, question) {
                    let found = || Found {
                        policy: Some(product.policy.clone()),
                        rule: text(rule, "id").to_owned(),
                        line: line(rule),
                    };
                    named.get_or_insert_with(found);
                    if self.admits(product, rule, question) {
                        admitting.get_or_insert_with(found);
                    }
                }
            }
        }
        for OwnRule { name, line, ports, group, out } in &self.own_rules {
            if matches!(question.to, Kind::Tcp(port) if ports.contains(&port)) && question.out == *out {
                let found = || Found { policy: None, rule: name.clone(), line: *line };
                named.get_or_insert_with(found);
                if self.holds(group, question.from) {
                    admitting.get_or_insert_with(found);
                }
            }
        }
        let judged = !question.out || self.outbound_pass.is_some();
        if judged && self.failsafe.iter().any(|group| self.holds(group, question.from)) {
            // Below mode and posture.
            let found = || Found { policy: None, rule: "failsafe".to_owned(), line: 3 };
            admitting.get_or_insert_with(found);
        }
        (named, admitting)
    }

    /// Whether `rule` goes the question's way: the outbound half of one for both directions is there only where it is kept.
    fn keeps(&self, rule: &Table, question: &Question) -> bool {
        match rule.get("direction").and_then(Value::as_str) {
            Some("out") => question.out,
            Some("both") => !question.out || self.outbound_pass.is_some(),
            _ => !question.out,
        }
    }

    fn leaves(
        &self,
        question: &Question,
        pass: bool,
        named: Option<Found>,
        admitting: Option<Found>,
    ) -> Opinion {
        if let Some(reason) = always_passes(question) {
            return opinion(true, reason, None);
        }
        let answers = admitting.is_none() && self.answers(question);
        match (admitting, named, question.to) {
            (Some(rule), _, _) => opinion(true, "admitted", Some(rule)),
            _ if answers => opinion(true, "reply", None),
            (None, Some(rule), Kind::Protocol(_)) => opinion(false, "protocol", Some(rule)),
            (None, Some(rule), _) => opinion(false, "destination_not_admitted", Some(rule)),
            (None, None, Kind::Icmp(number)) if unwanted(question.from.is_ipv4(), number) => {
                opinion(false, "icmp_type", None)
            }
            (None, None, Kind::Protocol(89)) if pass => opinion(true, "protocol_passed", None),
            (None, None, Kind::Protocol(_) | Kind::Sctp(_)) => opinion(false, "protocol", None),
            (None, None, _) if pass => opinion(true, "undocumented_passed", None),
            (None, None, Kind::Tcp(_) | Kind::Udp(_) | Kind::Icmp(_)) => opinion(false, "undocumented", None),
        }
    }

    /// Whether the packet may answer what came in: of what has no connections that is so where the other end is admitted to
    /// the port or protocol that it goes out from. The first packet of a TCP connection answers nothing.
    fn answers(&self, question: &Question) -> bool {
        /// The port that `explain` asks from.
        const FROM: u16 = 49_152;
        let to = match question.to {
            Kind::Udp(_) => Kind::Udp(FROM),
            Kind::Sctp(_) => Kind::Sctp(FROM),
            Kind::Protocol(number) => Kind::Protocol(number),
            Kind::Tcp(_) | Kind::Icmp(_) => return false,
        };
        self.rules_for(&Question { to, out: false, ..question.clone() }).1.is_some()
    }

    fn comes_in(&self, question: &Question, named: Option<Found>, admitting: Option<Found>) -> Opinion {
        let v4 = question.from.is_ipv4();
        if let Some(reason) = always_passes(question) {
            return opinion(true, reason, None);
        }
        match (admitting, named, question.to) {
            (Some(rule), _, _) => opinion(true, "admitted", Some(rule)),
            (None, Some(rule), Kind::Protocol(_)) => opinion(false, "protocol", Some(rule)),
            (None, Some(rule), _) => opinion(false, "source_not_admitted", Some(rule)),
            (None, None, Kind::Icmp(number)) if unwanted(v4, number) => opinion(false, "icmp_type", None),
            // Generic routing encapsulation is a tunnel; OSPF is none.
            (None, None, Kind::Protocol(89)) if self.posture_pass => opinion(true, "protocol_passed", None),
            // SCTP passes by rule only.
            (None, None, Kind::Protocol(_) | Kind::Sctp(_)) => opinion(false, "protocol", None),
            (None, None, _) if self.posture_pass => opinion(true, "undocumented_passed", None),
            (None, None, Kind::Udp(_)) => opinion(false, "no_socket", None),
            (None, None, Kind::Tcp(_) | Kind::Icmp(_)) => opinion(false, "undocumented", None),
        }
    }

    fn admits(&self, product: &Product, rule: &Table, question: &Question) -> bool {
        let peers = if question.out { "to" } else { "from" };
        texts(rule, peers).any(|role| match (role, product.fixed_addresses(role)) {
            ("self", _) => false,
            (_, Some(prefixes)) => prefixes.iter().any(|prefix| prefix.contains(&question.from)),
            (bound, None) => product.roles[bound].iter().any(|group| self.holds(group, question.from)),
        })
    }

    fn holds(&self, group: &str, from: IpAddr) -> bool {
        self.groups[group].iter().any(|prefix| prefix.contains(&from))
    }
}

/// The reason of what no rule decides on, if it is that.
fn always_passes(question: &Question) -> Option<&'static str> {
    let v4 = question.from.is_ipv4();
    let Kind::Icmp(number) = question.to else { return None };
    always(v4, number).then_some(match (v4, number) {
        (true, 0) | (false, 129) => "echo_reply",
        (false, 133..=136) => "neighbour_discovery",
        (false, 130..=132 | 143) => "multicast_listener",
        _ => "icmp_error",
    })
}

fn opinion(passes: bool, reason: &'static str, found: Option<Found>) -> Opinion {
    match found {
        Some(Found { policy, rule, line }) => {
            Opinion { passes, reason, policy, rule: Some(rule), line: Some(line) }
        }
        None => Opinion { passes, reason, policy: None, rule: None, line: None },
    }
}

/// Whether `rule` is switched on and names what the question wants, where it wants it.
fn names(product: &Product, rule: &Table, question: &Question) -> bool {
    let mut profiles = texts(rule, "profiles").peekable();
    let mut zones = texts(rule, "zones").peekable();
    texts(rule, "when").all(|condition| holds(condition, &product.settings))
        && (profiles.peek().is_none() || profiles.any(|profile| product.profiles.contains(profile)))
        && (zones.peek().is_none() || zones.any(|zone| product.zones[zone].contains(&question.zone)))
        && opens(rule, &product.settings, question)
}

fn opens(rule: &Table, settings: &Settings, question: &Question) -> bool {
    let every = texts(rule, "ports").any(|ports| ports == "*");
    let lists = |port: u16| ranges(&rule["ports"], settings).iter().any(|range| range.contains(&port));
    let v4 = question.from.is_ipv4();
    match (text(rule, "protocol"), question.to) {
        ("tcp", Kind::Tcp(port)) | ("udp", Kind::Udp(port)) | ("sctp", Kind::Sctp(port)) => lists(port),
        ("icmp", Kind::Icmp(number)) => !always(v4, number) && !unwanted(v4, number),
        ("icmpv4", Kind::Icmp(number)) if v4 && every => !always(true, number) && !unwanted(true, number),
        ("icmpv6", Kind::Icmp(number)) if !v4 && every => !always(false, number) && !unwanted(false, number),
        ("icmpv4", Kind::Icmp(number)) => v4 && lists(number.into()),
        ("icmpv6", Kind::Icmp(number)) => !v4 && lists(number.into()),
        (protocol, Kind::Protocol(number)) => protocol == format!("ip/{number}"),
        _ => false,
    }
}

fn holds(condition: &str, settings: &Settings) -> bool {
    if let Some((name, value)) = condition.split_once("!=") {
        return settings[name].as_str() != Some(value);
    }
    if let Some((name, value)) = condition.split_once('=') {
        return settings[name].as_str() == Some(value);
    }
    match condition.strip_prefix('!') {
        Some(name) => settings[name].as_bool() == Some(false),
        None => settings[condition].as_bool() == Some(true),
    }
}

fn text<'t>(rule: &'t Table, key: &str) -> &'t str {
    rule[key].as_str().expect("a string")
}

fn texts<'t>(rule: &'t Table, key: &str) -> impl Iterator<Item = &'t str> {
    rule.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn line(rule: &Table) -> u32 {
    let line = match &rule["line"] {
        Value::Array(lines) => &lines[0],
        line => line,
    };
    line.as_integer().and_then(|line| line.try_into().ok()).expect("a line")
}
