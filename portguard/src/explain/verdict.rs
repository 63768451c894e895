//! The verdict: the kernel's own, and of an outbound packet that it passes where the site does not judge what leaves.

use std::borrow::Cow;

use portguard_common::{Action, Arrival, Outcome, Reason, decide, outgoing};

use super::{Question, frame};
use crate::{
    compile::{Image, NativeTables, NoSockets, Target},
    matrix::{Direction, IcmpTypes, Matrix, Rule, RuleId, Service},
};
use portguard_common::wire::{icmp, protocol};

/// The reason of every outbound packet where nothing judges what leaves.
const OUTBOUND: &str = "outbound_not_enforced";
const OUTBOUND_SAYS: &str = "outbound traffic passes: the site declares outbound rules and does not enforce them (outbound = \"off\")";
/// What is said of an authentication header that a rule admits.
const HEADER_SAYS: &str = "a rule admits authentication headers between the two; what stands behind one is judged as if it stood there alone";

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
    if of_header && verdict.action == Action::Pass { passed_header(question, matrix) } else { verdict }
}

/// The packet of an authentication header passes by what stands behind it, and the header by a rule; or it leaves, and may answer one
/// that comes in.
fn passed_header(question: &Question, matrix: &Matrix) -> Verdict<'static> {
    let is_of = |rule: &Rule| rule.direction == question.direction || matches!(rule.service, Service::All);
    let named = naming(question, matrix, is_of);
    let rule = admitting(question, matrix, &named);
    let (reason, says) = match rule {
        Some(_) => (Reason::Admitted, HEADER_SAYS),
        None => (Reason::Reply, Reason::Reply.says_outbound()),
    };
    let named = Cow::Owned(named);
    Verdict { action: Action::Pass, reason: reason.name(), says, rule, named, unnamed: false }
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
    let named = naming(question, matrix, |rule| rule.direction == Direction::Out);
    Verdict {
        action: Action::Pass,
        reason: OUTBOUND,
        says: OUTBOUND_SAYS,
        rule: admitting(question, matrix, &named),
        named: Cow::Owned(named),
        unnamed: false,
    }
}

/// The rules of such that name what is asked about.
fn naming(question: &Question, matrix: &Matrix, such: impl Fn(&Rule) -> bool) -> Vec<RuleId> {
    let names = |id: &RuleId| {
        let rule = matrix.rule(*id);
        such(rule) && rule.zones.contains(&question.zone) && opens(&rule.service, question.target())
    };
    (0..matrix.rules.len()).map(RuleId::new).filter(names).collect()
}

/// The first of these rules that admits the other end.
fn admitting(question: &Question, matrix: &Matrix, named: &[RuleId]) -> Option<RuleId> {
    let admits = |id: &&RuleId| {
        let mut prefixes =
            matrix.rule(**id).groups().into_iter().flat_map(|group| &matrix.group(group).prefixes);
        prefixes.any(|prefix| prefix.contains(&question.from))
    };
    named.iter().find(admits).copied()
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
