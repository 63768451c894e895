//! Replay: what the filter would do with a capture, packet by packet.
//!
//! [`Capture`] reads packets, [`Replay`] judges them with the verdict function that the kernel runs, [`Summary`] says what
//! they came to. The verdict is that of mode `enforce`. What the kernel knows and a capture does not say is told rather
//! than guessed: a packet of which too little was captured is [`Skipped`](Verdict::Skipped), and so is one that this node sent,
//! where the site does not judge what leaves;
//! which connections the node opened is taken from the packets that it sent. Memory does not grow with
//! the capture. Files are the caller's.

mod capture;
mod connections;
mod ends;
mod engine;
mod error;
mod line;
mod link;
mod scene;
mod snapped;
mod summary;

use std::net::IpAddr;

use portguard_common::{Action, Arrival, Outcome, Reason, decide, general, outgoing};

pub use capture::{Capture, Direction, Packet};
pub use engine::{Engine, KernelRuns};
pub use error::{CaptureError, EngineError};
pub use line::{Line, Verdict};
pub use scene::Scene;
pub use summary::Summary;

use crate::{
    compile::{Kernel, NativeTables, NoSockets},
    matrix::{self, Origin},
};
use connections::{Connections, Sending};
use ends::{Ends, Kind};
use snapped::Snapped;
use summary::Key;

/// The reason of packets that this node sent.
const OUTBOUND: &str = "outbound";
/// The reason of packets of which the capture does not hold what the verdict rests on.
const TRUNCATED: &str = "truncated";

/// Judges the packets of a capture, in their order.
pub struct Replay<'a> {
    scene: &'a Scene,
    arrival: Arrival,
    /// None where the site does not judge what leaves.
    departure: Option<Arrival>,
    engine: Engine,
    connections: Connections,
    summary: Summary<'a>,
}

/// What came of a packet, before it is put into words.
enum Judged {
    CameIn(Outcome),
    Left(Outcome),
    Skipped(&'static str),
}

impl<'a> Replay<'a> {
    /// Judges by `engine` what came to `scene`.
    pub fn new(scene: &'a Scene, engine: Engine) -> Self {
        let interface = &scene.image.interfaces()[0];
        let (arrival, departure) = (interface.arrival(), scene.image.departure(interface));
        let summary = Summary::new(&scene.matrix, scene.mode);
        Self { scene, arrival, departure, engine, connections: Connections::default(), summary }
    }

    /// Judges the next packet.
    pub fn judge(&mut self, packet: &Packet<'_>) -> Result<Line<'a>, EngineError> {
        let ends = Ends::of(packet.bytes);
        let judged = if self.is_outbound(packet, &ends) {
            if let Some(segment) = &ends.segment {
                self.connections.sent(segment);
            }
            self.outbound(packet)
        } else {
            self.inbound(packet, &ends)?
        };
        let line = self.line(packet.index, &ends, &judged);
        self.note(packet, &ends, &judged);
        Ok(line)
    }

    /// What all packets so far came to; the last comparison with the kernel is part of it.
    pub fn finish(mut self) -> (Summary<'a>, Result<(), EngineError>) {
        let compared = match &self.engine {
            Engine::Native => Ok(()),
            Engine::Kernel(runs) => {
                self.summary.caveats.left_out = runs.left_out();
                runs.finish()
            }
        };
        (self.summary, compared)
    }

    fn has(&self, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| self.scene.node.addresses().binary_search(&address).is_ok())
    }

    fn is_outbound(&self, packet: &Packet<'_>, ends: &Ends) -> bool {
        match packet.direction {
            Some(direction) => direction == Direction::Outbound,
            None => self.has(ends.source),
        }
    }

    fn inbound(&mut self, packet: &Packet<'_>, ends: &Ends) -> Result<Judged, EngineError> {
        // Where directions are not known, nothing is a reply.
        let directed = packet.direction.is_some() || !self.scene.node.addresses().is_empty();
        if let (Some(segment), true) = (&ends.segment, directed) {
            self.connections.received(segment);
        }
        let Some(outcome) = self.outcome(packet, &self.connections) else {
            return Ok(Judged::Skipped(TRUNCATED));
        };
        if let Engine::Kernel(runs) = &mut self.engine {
            let alone = native(packet, self.arrival, &NativeTables::new(&self.scene.image, NoSockets));
            // What can be judged with sockets can be judged without.
            let alone = alone.unwrap_or(outcome);
            runs.check(packet.index, packet.bytes, packet.wire_len, alone)?;
        }
        Ok(Judged::CameIn(outcome))
    }

    fn outbound(&self, packet: &Packet<'_>) -> Judged {
        let Some(departure) = self.departure else { return Judged::Skipped(OUTBOUND) };
        let tables = NativeTables::outbound(&self.scene.image, Sending(&self.connections));
        let frame = Snapped::new(packet.bytes, packet.wire_len);
        let outcome = outgoing(&frame, departure, &tables);
        if frame.missed() { Judged::Skipped(TRUNCATED) } else { Judged::Left(outcome) }
    }

    fn outcome(&self, packet: &Packet<'_>, connections: &Connections) -> Option<Outcome> {
        native(packet, self.arrival, &NativeTables::new(&self.scene.image, connections))
    }

    fn line(&self, index: u64, ends: &Ends, judged: &Judged) -> Line<'a> {
        let key = self.key(judged);
        let (policy, rule, line) = match key.rule.map(|id| &self.scene.matrix.rule(id).origin) {
            Some(Origin::Document { policy, rule, line, .. }) => {
                (Some(policy.as_str()), Some(rule.as_str()), Some(*line))
            }
            Some(Origin::Site { rule, line }) => (None, Some(rule.as_str()), Some(*line)),
            Some(Origin::Failsafe { line }) => (None, Some("failsafe"), Some(*line)),
            None => (None, None, None),
        };
        let Key { direction, verdict, reason, rule: _ } = key;
        let from = other_end(ends, judged);
        Line { index, verdict, reason, policy, rule, line, direction, from, to: ends.to }
    }

    fn key(&self, judged: &Judged) -> Key {
        let direction = direction(judged);
        match judged {
            Judged::Skipped(reason) => Key { direction, verdict: Verdict::Skipped, reason, rule: None },
            Judged::CameIn(outcome) | Judged::Left(outcome) => {
                let verdict = match outcome.reason.action() {
                    Action::Pass => Verdict::Pass,
                    Action::Drop => Verdict::Drop,
                };
                let legend = self.scene.image.legend();
                let rule = outcome.slot().and_then(|slot| {
                    legend.rule_of(slot).or_else(|| legend.port_of(slot)?.rules.first().copied())
                });
                Key { direction, verdict, reason: outcome.reason.name(), rule }
            }
        }
    }

    fn note(&mut self, packet: &Packet<'_>, ends: &Ends, judged: &Judged) {
        self.summary.add(self.key(judged), other_end(ends, judged));
        let directed = !self.scene.node.addresses().is_empty();
        let stray = directed && ends.source.is_some() && !ends.group && !self.has(ends.destination);
        let caveats = &mut self.summary.caveats;
        match judged {
            Judged::Skipped(reason) => caveats.truncated += u64::from(*reason == TRUNCATED),
            Judged::Left(outcome) => {
                caveats.midway_out += u64::from(outcome.reason == Reason::NoSocket);
            }
            Judged::CameIn(outcome) => {
                caveats.undirected += u64::from(!directed && packet.direction.is_none());
                caveats.of_others += u64::from(stray && ends.destination.is_some());
                caveats.midway += u64::from(matches!(outcome.reason, Reason::NoSocket | Reason::Stale));
                let udp = ends.segment.is_some_and(|segment| segment.kind == Kind::Udp);
                caveats.udp_replies += u64::from(outcome.reason == Reason::Reply && udp);
            }
        }
    }
}

fn direction(judged: &Judged) -> matrix::Direction {
    match judged {
        Judged::Left(_) => matrix::Direction::Out,
        Judged::CameIn(_) | Judged::Skipped(_) => matrix::Direction::In,
    }
}

/// Who is at the other end: the source, of what leaves and is judged the destination.
fn other_end(ends: &Ends, judged: &Judged) -> Option<IpAddr> {
    match direction(judged) {
        matrix::Direction::In => ends.source,
        matrix::Direction::Out => ends.destination,
    }
}

/// The outcome, or none where it rests on bytes that were not captured.
fn native<S: Kernel>(packet: &Packet<'_>, arrival: Arrival, tables: &NativeTables<'_, S>) -> Option<Outcome> {
    if packet.bytes.len() == packet.wire_len {
        return Some(decide(packet.bytes, arrival, tables));
    }
    // The shortcut for plain packets reads more than it needs; this one does not.
    let frame = Snapped::new(packet.bytes, packet.wire_len);
    let outcome = general(&frame, arrival, tables);
    (!frame.missed()).then_some(outcome)
}
