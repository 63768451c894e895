//! Frames drawn at random: sound ones, the same with one thing changed, and ones that an attacker would make.

use std::net::IpAddr;

use portguard::matrix::Direction;
use rand::{Rng as _, RngExt, rngs::StdRng, seq::IndexedRandom};

use super::draw::{Drawn, address};
use crate::craft::{V4, V6, authentication, ethernet, fragment, options, tagged};

/// Where most packets come from, and where the sockets' peers are.
pub(super) const SOURCE_PORT: u16 = 40_000;

/// Frames for one site.
#[derive(Debug)]
pub struct Frames<'a> {
    drawn: &'a Drawn,
    direction: Direction,
}

/// The ends of a packet, and the ports that it has if it has any.
struct Ends {
    source: IpAddr,
    destination: IpAddr,
    ports: [u16; 2],
}

impl<'a> Frames<'a> {
    /// Frames that hit what the site has for this direction.
    pub fn new(drawn: &'a Drawn, direction: Direction) -> Self {
        Self { drawn, direction }
    }

    /// A frame of 14 bytes or more.
    ///
    /// # Panics
    /// Never.
    pub fn next(&self, random: &mut StdRng) -> Vec<u8> {
        let v6 = random.random_bool(0.5);
        let mut frame = match random.random_range(0..40) {
            0 => no_ip(random),
            _ if v6 => self.v6(random),
            _ => self.v4(random),
        };
        if random.random_bool(0.05) {
            // To a group, or to everybody.
            frame[0] = *[0x01, 0x33, 0xff].choose(random).expect("three");
        }
        if random.random_bool(0.2) {
            let count = *[1, 1, 2, 3, 4, 5, 8].choose(random).expect("seven");
            let tag = |random: &mut StdRng| {
                let tpid = *[0x8100, 0x8100, 0x88a8, 0x9100].choose(random).expect("four");
                (tpid, *[0, 100, 0x2064].choose(random).expect("three"))
            };
            let tags: Vec<(u16, u16)> = (0..count).map(|_| tag(random)).collect();
            frame = tagged(&tags, &frame);
        }
        spoil(&mut frame, random);
        frame
    }

    /// Who sends to whom: now and then the ends of a connection.
    fn ends(&self, v6: bool, random: &mut StdRng) -> Ends {
        let any = |random: &mut StdRng| *self.drawn.ports.choose(random).expect("there are ports");
        let connected = random.random_bool(0.15).then(|| self.drawn.sockets.pick(v6, random)).flatten();
        let (peer, port) = connected.unwrap_or_else(|| (address(v6, random), any(random)));
        let other = *[SOURCE_PORT, SOURCE_PORT, SOURCE_PORT, 67, 68, 546, 547].choose(random).expect("seven");
        let node = node(v6, random);
        match self.direction {
            Direction::In => Ends { source: peer, destination: node, ports: [other, port] },
            // An answer, or what the node opens: from a port that it serves, too, now and then.
            Direction::Out => {
                let opens = connected.is_none() && random.random_bool(0.5);
                let from = if random.random_bool(0.3) { any(random) } else { other };
                let ports = if opens { [from, port] } else { [port, other] };
                Ends { source: node, destination: peer, ports }
            }
        }
    }

    fn v4(&self, random: &mut StdRng) -> Vec<u8> {
        let mut chain = Vec::new();
        let mut protocol = protocol(random);
        let Ends { source, destination, ports } = self.ends(false, random);
        let mut payload = payload(protocol, 1, ports, random);
        for _ in 0..*[0, 0, 0, 0, 0, 0, 0, 1, 2].choose(random).expect("nine") {
            let mut header = authentication(random.random_range(0..4));
            header[0] = protocol;
            protocol = 51;
            chain.splice(0..0, header);
        }
        chain.append(&mut payload);
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else {
            unreachable!("both are IPv4")
        };
        let mut packet = V4::new(source.octets(), protocol);
        packet.destination = destination.octets();
        packet.fragment = place(random).map_or(0, |(offset, more)| offset | u16::from(more) << 13);
        if random.random_bool(0.15) {
            packet.options = v4_options(random);
        }
        packet.frame(&chain)
    }

    fn v6(&self, random: &mut StdRng) -> Vec<u8> {
        let Ends { source, destination, ports } = self.ends(true, random);
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (source, destination) else {
            unreachable!("both are IPv6")
        };
        let mut packet = V6::new(source.octets(), protocol(random));
        packet.destination = destination.octets();
        packet.hop_limit = *[255, 255, 64, 254, 0].choose(random).expect("five");
        if random.random_bool(0.4) {
            let count = *[1, 1, 1, 2, 2, 3, 7, 8, 9, 10].choose(random).expect("ten");
            packet.extensions = (0..count).map(|position| extension(position, random)).collect();
        }
        let payload = payload(packet.protocol, 58, ports, random);
        packet.frame(&payload)
    }
}

fn payload(protocol: u8, icmp: u8, ports: [u16; 2], random: &mut StdRng) -> Vec<u8> {
    let mut ports = ports.map(u16::to_be_bytes).concat();
    let mut payload = match protocol {
        6 => {
            let words = *[5, 5, 5, 5, 6, 10, 15, 4, 0].choose(random).expect("nine");
            let flags = match random.random_range(0..4) {
                0 => 0x02,
                1 => 0x10,
                _ => random.random::<u8>() & 0x3f,
            };
            ports.extend([0, 0, 0, 1, 0, 0, 0, 0, words << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
            ports.resize(ports.len().max(usize::from(words) * 4), 1);
            ports
        }
        17 => [ports, vec![0, 8, 0, 0]].concat(),
        132 => [ports, vec![0; 8]].concat(),
        number if number == icmp => {
            let kinds =
                [0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 42, 128, 129, 130, 133, 134, 135, 136, 137, 139, 143];
            vec![*kinds.choose(random).expect("many"), 0, 0, 0, 0, 0, 0, 0]
        }
        _ => vec![0x45; 24],
    };
    if random.random_bool(0.4) {
        payload.extend([0; 8]);
    }
    if random.random_bool(0.07) {
        payload.truncate(random.random_range(0..payload.len() + 1));
    }
    payload
}

fn node(v6: bool, random: &mut StdRng) -> IpAddr {
    use crate::sample::{NODE_V4, NODE_V6};
    match (v6, random.random_range(0..10)) {
        (_, 0) => address(v6, random),
        (false, _) => IpAddr::V4(NODE_V4),
        (true, _) => IpAddr::V6(NODE_V6),
    }
}

fn protocol(random: &mut StdRng) -> u8 {
    let known = [6, 6, 6, 6, 17, 17, 17, 1, 58, 58, 2, 132, 47, 51, 89, 59, 135, 4, 50];
    if random.random_bool(0.05) { random.random() } else { *known.choose(random).expect("many") }
}

/// Offset and whether more follow, mostly of a whole packet.
fn place(random: &mut StdRng) -> Option<(u16, bool)> {
    let offset = *[0, 0, 0, 1, 2, 185, 0x1fff].choose(random).expect("seven");
    random.random_bool(0.15).then(|| (offset, random.random_bool(0.5)))
}

fn extension(position: usize, random: &mut StdRng) -> (u8, Vec<u8>) {
    match random.random_range(0..20) {
        0..3 if position == 0 => (0, options(1)),
        0 => (0, options(1)),
        1..5 => {
            let (offset, more) = place(random).unwrap_or((0, random.random_bool(0.5)));
            (44, fragment(offset, more))
        }
        5 | 6 => (51, authentication(random.random_range(0..4))),
        7 => (43, vec![0, 0, random.random_range(0..5), random.random_range(0..2), 0, 0, 0, 0]),
        _ => (60, options(*[1, 1, 1, 2, 5].choose(random).expect("five"))),
    }
}

fn v4_options(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < random.random_range(1..40) {
        let one: &[u8] = match random.random_range(0..16) {
            0 => &[0],
            1 => &[131, 3, 4],
            2 => &[137, 3, 4],
            3 => &[7, 0],
            4 => &[7, 30],
            5..8 => &[148, 4, 0, 0],
            8 => &[148, 4, 131, 137],
            9 => &[68, 8, 5, 0, 0, 0, 0, 0],
            _ => &[1],
        };
        bytes.extend(one);
    }
    bytes.resize(bytes.len().next_multiple_of(4).min(40), 1);
    bytes.truncate(40);
    bytes
}

fn no_ip(random: &mut StdRng) -> Vec<u8> {
    let known = [0x0806, 0x88cc, 0x8809, 0x888e, 0x88f7, 0x8847, 0x8864, 0x892f, 0x9200, 0x1234, 0x05ff, 38];
    let ether_type =
        if random.random_bool(0.3) { random.random() } else { *known.choose(random).expect("some") };
    let payload: &[u8] = match random.random_range(0..4) {
        0 => &[0x42, 0x42, 3, 0, 0],
        1 => &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45],
        2 => &[0x42],
        _ => &[0; 46],
    };
    ethernet(ether_type, payload)
}

/// Changes something, now and then: bytes of the headers, the length, what follows the packet.
fn spoil(frame: &mut Vec<u8>, random: &mut StdRng) {
    match random.random_range(0..12) {
        0 => {
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(12..frame.len().min(120));
                frame[at] = if random.random_bool(0.5) {
                    random.random()
                } else {
                    frame[at] ^ 1 << random.random_range(0..8)
                };
            }
        }
        1 => frame.truncate(random.random_range(14..frame.len() + 1)),
        2 => {
            let mut trailer = vec![0; random.random_range(1..40)];
            random.fill_bytes(&mut trailer);
            frame.extend(trailer);
        }
        _ => {}
    }
}
