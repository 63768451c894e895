//! The verdict: the kernel's own, and of an outbound packet that it passes where the site does not judge what leaves.

use std::borrow::Cow;

use portguard_common::{Action, Arrival, Outcome, Reason, decide, outgoing};

use super::{Question, frame};
use crate::{
    compile::{Image, NativeTables, NoSockets, Target},
    matrix::{Direction, IcmpTypes, Matrix, RuleId, Service},
};
use portguard_common::wire::{icmp, protocol};

/// The reason of every outbound packet where nothing judges what leaves.
const OUTBOUND: &str = "outbound_not_enforced";
/// What an authentication header is admitted by.
const HEADER_SAYS: &str = "a rule admits the peer's authentication headers; what stands behind one is judged as if it stood there alone";
const OUTBOUND_SAYS: &str = "outbound traffic passes: the site declares outbound rules and does not enforce them (outbound = \"off\")";

/// What becomes of a packet.
pub(super) struct Verdict<'a> {
    pub(super) action: Action,
    /// The reason's name.
    pub(super) reason: &'static str,
    /// What it means.
    pub(super) says: &'static str,
    /// The rule that admits the packet, or declares it.
    pub(super) rule: Option<RuleId>,
    /// The rules that name the port, in the order of the matrix.
    pub(super) named: Cow<'a, [RuleId]>,
    /// Whether it drops because no rule names the port.
    pub(super) unnamed: bool,
}

/// Judges `question`. `image` is `matrix` compiled.
pub(super) fn judge<'a>(question: &Question, matrix: &Matrix, image: &'a Image) -> Verdict<'a> {
    let verdict = match question.direction {
        Direction::In => judged(inbound(question, image), Reason::says, image),
        Direction::Out if matrix.outbound.is_some() => {
            judged(outbound(question, image), Reason::says_outbound, image)
        }
        Direction::Out => return declared(question, matrix),
    };
    let of_header = question.target() == Target::Protocol(protocol::AH);
    if of_header && verdict.action == Action::Pass {
        admitted_header(question, matrix).unwrap_or(verdict)
    } else {
        verdict
    }
}

/// The packet of an authentication header passes by what stands behind it, and the header by a rule.
fn admitted_header(question: &Question, matrix: &Matrix) -> Option<Verdict<'static>> {
    let header = Verdict { reason: Reason::Admitted.name(), says: HEADER_SAYS, ..declared(question, matrix) };
    header.rule.is_some().then_some(header)
}

fn inbound(question: &Question, image: &Image) -> Outcome {
    let bytes = frame::build(question);
    // The packet is no DHCP answer, so whether those pass does not matter.
    let arrival = Arrival::new(number(question.zone.index()), false);
    decide(bytes.as_slice(), arrival, &NativeTables::new(image, NoSockets))
}

fn outbound(question: &Question, image: &Image) -> Outcome {
    let bytes = frame::build(question);
    let zones = image.settings().outbound_zones as usize;
    let departure = Arrival::new(number(zones + question.zone.index()), false);
    outgoing(bytes.as_slice(), departure, &NativeTables::outbound(image, NoSockets))
}

fn number(zone: usize) -> u16 {
    u16::try_from(zone).expect("an image has 65536 zones at most")
}

fn judged(outcome: Outcome, says: fn(Reason) -> &'static str, image: &Image) -> Verdict<'_> {
    let (reason, slot) = (outcome.reason, outcome.slot());
    let unnamed =
        matches!(reason, Reason::Undocumented | Reason::NoSocket | Reason::Protocol | Reason::IcmpType);
    Verdict {
        action: reason.action(),
        reason: reason.name(),
        says: says(reason),
        rule: slot.and_then(|slot| image.legend().rule_of(slot)),
        named: Cow::Borrowed(
            slot.and_then(|slot| image.legend().port_of(slot)).map_or(&[], |port| port.rules),
        ),
        unnamed: unnamed && slot.is_none(),
    }
}

fn declared(question: &Question, matrix: &Matrix) -> Verdict<'static> {
    let target = question.target();
    let named: Vec<RuleId> = (0..matrix.rules.len())
        .map(RuleId::new)
        .filter(|&id| {
            let rule = matrix.rule(id);
            rule.direction == question.direction
                && rule.zones.contains(&question.zone)
                && opens(&rule.service, target)
        })
        .collect();
    let declares = |&&id: &&RuleId| {
        let mut prefixes =
            matrix.rule(id).groups().into_iter().flat_map(|group| &matrix.group(group).prefixes);
        prefixes.any(|prefix| prefix.contains(&question.from))
    };
    Verdict {
        action: Action::Pass,
        reason: OUTBOUND,
        says: OUTBOUND_SAYS,
        rule: named.iter().find(declares).copied(),
        named: Cow::Owned(named),
        unnamed: false,
    }
}

/// Whether a rule that opens `service` names `target`.
pub(super) fn opens(service: &Service, target: Target) -> bool {
    let of_type = |types: &IcmpTypes, number: u8, kind: icmp::Kind| match types {
        IcmpTypes::All => kind == icmp::Kind::ByRule,
        IcmpTypes::Listed(types) => types.contains(&number),
    };
    match (service, target) {
        (Service::Transport { transport: of, ports }, Target::Port { transport, port }) => {
            *of == transport && ports.contains(port)
        }
        (Service::Icmp { families, types }, Target::Icmpv4(number)) => {
            families.v4() && of_type(types, number, icmp::kind_v4(number))
        }
        (Service::Icmp { families, types }, Target::Icmpv6(number)) => {
            families.v6() && of_type(types, number, icmp::kind_v6(number))
        }
        (Service::Protocol(of), Target::Protocol(number)) => *of == number,
        (Service::All, _) => true,
        (Service::Transport { .. } | Service::Icmp { .. } | Service::Protocol(_), _) => false,
    }
}
