//! What answers, and so needs no rule of its own.

use super::{
    groups::{Family, Sets},
    rules,
    words::{Line, accept, remark, set, titled},
};
use crate::matrix::{Direction, Matrix, Mode, Rule, Service, Transport, ZoneId};

pub(super) fn lines(matrix: &Matrix, zone: ZoneId, sets: &Sets, direction: Direction) -> Vec<Line> {
    match direction {
        Direction::In => vec![
            remark(
                "replies to connections that this node opened itself; a peer's own are for the rules, packet by packet",
            ),
            accept("meta l4proto { tcp, udp } ct state established,related ct direction reply", "reply"),
        ],
        Direction::Out => leave(matrix, zone, sets),
    }
}

/// As the verdict has it, by what the inbound rules admit the peer to, so that loading the ruleset cuts no connection that
/// is served: connection tracking may see it from the middle on, and take the answer for the beginning. It is asked about
/// peers that no rule admits any more, or that posture or mode let in.
fn leave(matrix: &Matrix, zone: ZoneId, sets: &Sets) -> Vec<Line> {
    let mut admitted = Vec::new();
    for rule in rules(matrix, zone, Direction::In) {
        let Some(served) = served(&rule.service) else { continue };
        for group in rule.groups() {
            let why = format!("answer: {} for {}", matrix.cite(&rule.origin), matrix.group(group).name);
            let peers =
                Family::BOTH.into_iter().filter_map(|family| sets.peer(Direction::Out, group, family));
            admitted.extend(peers.map(|peer| accept(&format!("{peer} {served}"), &why)));
        }
    }
    // Of TCP the connection is known.
    let connectionless = |rule: &&Rule| matrix.mode == Mode::Observe && !is_tcp(&rule.service);
    let observed = rules(matrix, zone, Direction::In).filter(connectionless).filter_map(|rule| {
        Some(accept(&served(&rule.service)?, &format!("answer: {}", matrix.cite(&rule.origin))))
    });
    let mut lines = titled("answers to whom inbound rules admit, from what they admit it to", admitted);
    lines.extend(titled(
        "and to everybody else, whom inbound rules that are only observed let in",
        observed.collect(),
    ));
    lines.push(remark("what goes on over a connection that the peer opened; resets"));
    lines.push(accept("meta l4proto tcp ct state established ct direction reply", "answer"));
    lines.push(accept("tcp flags & (syn | rst) == rst", "reset"));
    lines
}

fn is_tcp(service: &Service) -> bool {
    matches!(service, Service::Transport { transport: Transport::Tcp, .. })
}

/// What matches the answers of a service. Answers to pings are needed anyhow, and members of failsafe groups are reached
/// whatever it is.
fn served(service: &Service) -> Option<String> {
    match service {
        Service::Transport { transport, ports } => {
            let opens_nothing = if is_tcp(service) { " tcp flags & (syn | ack) != syn" } else { "" };
            Some(format!("{transport} sport {}{opens_nothing}", set(ports.ranges())))
        }
        Service::Protocol(number) => Some(format!("meta l4proto {number}")),
        Service::Icmp { .. } | Service::All => None,
    }
}
