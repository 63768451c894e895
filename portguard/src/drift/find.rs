//! The comparison: each port that somebody listens on, then each rule whose ports nobody listens on.

use std::collections::{BTreeMap, BTreeSet};

use super::{Drift, FEW, Listener, Mismatch, Process, Silent, Socket, Undocumented};
use crate::matrix::{Direction, Matrix, PeerKind, PortRange, PortSet, Rule, Service, Transport};

/// Where DHCP's answers arrive, for IPv4 and IPv6. A client listens there, and no rule needs to say so.
const DHCP_CLIENTS: [u16; 2] = [68, 546];

type Port = (Transport, u16);

pub(super) fn drift(matrix: &Matrix, listeners: &[Listener], ephemeral: PortRange) -> Drift {
    let mut by_port: BTreeMap<Port, Vec<&Listener>> = BTreeMap::new();
    for listener in listeners {
        by_port.entry((listener.transport, listener.port)).or_default().push(listener);
    }
    let mut drift = Drift {
        undocumented: Vec::new(),
        exposed: Vec::new(),
        loopback_only: Vec::new(),
        silent: silent(matrix, &by_port),
        loose: None,
        clients: Vec::new(),
        listeners: listeners.len(),
        unnamed: listeners.iter().filter(|listener| listener.process.is_none()).count(),
    };
    for (&port, sockets) in &by_port {
        let (local, reachable): (Vec<&Listener>, Vec<&Listener>) =
            sockets.iter().partition(|listener| listener.is_local());
        let rules: Vec<Naming<'_>> = naming(matrix, port).collect();
        if rules.is_empty() && !reachable.is_empty() {
            unnamed(matrix, port, &reachable, ephemeral, &mut drift);
        } else if !rules.is_empty() && reachable.is_empty() {
            let open = rules.iter().filter(|naming| naming.few && admits(naming.rule));
            let open: Vec<&Rule> = open.map(|naming| naming.rule).collect();
            if !open.is_empty() {
                drift.loopback_only.push(mismatch(matrix, port, &local, open.into_iter()));
            }
        } else if !rules.is_empty() && rules.iter().all(|naming| is_for_the_node(naming.rule)) {
            drift.exposed.push(mismatch(matrix, port, &reachable, rules.iter().map(|it| it.rule)));
        }
    }
    drift
}

/// What the network can reach and no rule names.
fn unnamed(matrix: &Matrix, port: Port, listeners: &[&Listener], ephemeral: PortRange, drift: &mut Drift) {
    if is_answered_dhcp(matrix, port) {
        return;
    }
    let socket = socket(port, listeners);
    if port.0 == Transport::Udp && ephemeral.contains(port.1) {
        drift.clients.push(socket);
    } else {
        drift.undocumented.push(Undocumented { socket, switched_off: switched_off(matrix, port) });
    }
}

/// An inbound rule that names a port, and whether it names but a few.
struct Naming<'m> {
    rule: &'m Rule,
    few: bool,
}

fn naming(matrix: &Matrix, (wanted, port): Port) -> impl Iterator<Item = Naming<'_>> {
    inbound(matrix)
        .filter(move |(_, transport, ports)| *transport == wanted && ports.contains(port))
        .map(|(rule, _, ports)| Naming { rule, few: is_few(ports) })
}

/// The inbound rules for TCP and UDP. Who listens for SCTP, the kernel tells in another way.
fn inbound(matrix: &Matrix) -> impl Iterator<Item = (&Rule, Transport, &PortSet)> {
    matrix.rules.iter().filter_map(|rule| match &rule.service {
        Service::Transport { transport: transport @ (Transport::Tcp | Transport::Udp), ports }
            if rule.direction == Direction::In =>
        {
            Some((rule, *transport, ports))
        }
        _ => None,
    })
}

fn is_few(ports: &PortSet) -> bool {
    ports.iter().take(FEW + 1).count() <= FEW
}

fn is_for_the_node(rule: &Rule) -> bool {
    rule.peers.iter().all(|peer| peer.kind == PeerKind::Node)
}

/// Whether the rule lets anybody in.
fn admits(rule: &Rule) -> bool {
    !rule.groups().is_empty()
}

fn is_answered_dhcp(matrix: &Matrix, (transport, port): Port) -> bool {
    transport == Transport::Udp
        && DHCP_CLIENTS.contains(&port)
        && matrix.interfaces.iter().any(|interface| interface.dhcp)
}

fn switched_off(matrix: &Matrix, (wanted, port): Port) -> Vec<String> {
    let dormant = matrix.dormant.rules.iter().filter(|rule| {
        rule.direction == Direction::In
            && matches!(&rule.service, Service::Transport { transport, ports } if *transport == wanted && ports.contains(port))
    });
    dormant
        .flat_map(|rule| {
            let name = matrix.cite(&rule.origin);
            rule.causes.iter().map(move |cause| format!("{name}: {cause}"))
        })
        .collect()
}

fn socket((transport, port): Port, listeners: &[&Listener]) -> Socket {
    let addresses: BTreeSet<String> = listeners.iter().map(ToString::to_string).collect();
    let processes: BTreeSet<Process> =
        listeners.iter().filter_map(|listener| listener.process.clone()).collect();
    Socket {
        port: format!("{port}/{transport}"),
        addresses: addresses.into_iter().collect(),
        processes: processes.into_iter().collect(),
    }
}

fn mismatch<'m>(
    matrix: &Matrix,
    port: Port,
    listeners: &[&Listener],
    rules: impl Iterator<Item = &'m Rule>,
) -> Mismatch {
    let rules = rules.map(|rule| matrix.cite(&rule.origin)).collect();
    Mismatch { socket: socket(port, listeners), rules }
}

/// The rules with ports where nobody listens. Of a rule for many ports one listener is enough.
fn silent(matrix: &Matrix, listening: &BTreeMap<Port, Vec<&Listener>>) -> Vec<Silent> {
    let silent = inbound(matrix).filter_map(|(rule, transport, ports)| {
        let few = is_few(ports);
        let taken = listening.keys().filter(|(listening, _)| *listening == transport);
        let taken = PortSet::new(taken.map(|&(_, port)| PortRange::single(port)).collect());
        let left = match taken {
            None => ports.clone(),
            Some(taken) => ports.without(&taken)?,
        };
        (few || left == *ports).then(|| Silent {
            ports: left.to_string(),
            protocol: transport.to_string(),
            description: rule.description.clone(),
            rule: matrix.cite(&rule.origin),
            expected: few && (admits(rule) || is_for_the_node(rule) && !rule.peers.is_empty()),
        })
    });
    silent.collect()
}
