//! What a frame is, in a line: `q:100 v6 hop tcp:8086/S`.

use std::fmt::Write as _;

use super::{Layer, Segment, read};

/// The layers of `frame`, outermost first, Ethernet left out; `!` when the last one is faulty.
pub fn shape(frame: &[u8]) -> String {
    let reading = read(frame);
    let layers = reading.layers.iter().filter(|layer| !matches!(layer, Layer::Ethernet { .. })).map(token);
    let fault = reading.fault.map(|_| "!".to_owned());
    layers.chain(fault).collect::<Vec<_>>().join(" ")
}

fn token(layer: &Layer) -> String {
    let port = |name: &str, ports: Option<(u16, u16)>| match ports {
        Some((_, port)) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    match layer {
        Layer::Ethernet { .. } => String::new(),
        Layer::Tag { service, vlan } => format!("{}:{vlan}", if *service { "ad" } else { "q" }),
        Layer::NoIp(ether_type, _) => format!("{ether_type:04x}"),
        Layer::V4 { words, ttl: _, ends: _, fragment, options: _ } => {
            let header = if *words == 5 { "v4".to_owned() } else { format!("v4/{words}") };
            header + &place(*fragment)
        }
        Layer::V6 { .. } => "v6".to_owned(),
        Layer::HopByHop => "hop".to_owned(),
        Layer::Destination => "dst".to_owned(),
        Layer::Routing => "route".to_owned(),
        Layer::Fragment(None) => "frag".to_owned(),
        Layer::Fragment(Some((0, false))) => "frag@whole".to_owned(),
        Layer::Fragment(Some(fragment)) => "frag".to_owned() + &place(*fragment),
        Layer::Authentication => "ah".to_owned(),
        Layer::Tcp(None) => "tcp".to_owned(),
        Layer::Tcp(Some(segment)) => tcp(segment),
        Layer::Udp(ports) => port("udp", *ports),
        Layer::Sctp(ports) => port("sctp", *ports),
        Layer::Icmp(None) => "icmp".to_owned(),
        Layer::Icmp(Some(kind)) => format!("icmp:{kind}"),
        Layer::Other(number) => format!("ip:{number}"),
    }
}

/// `@2+`: at offset 2, and more follow. Nothing for what is whole.
fn place((offset, more): (u16, bool)) -> String {
    match (offset, more) {
        (0, false) => String::new(),
        (offset, more) => format!("@{offset}{}", if more { "+" } else { "" }),
    }
}

fn tcp(segment: &Segment) -> String {
    let Segment { ports: (_, port), syn, ack, fin, rst, other, data } = *segment;
    let flags = [(syn, 'S'), (ack, 'A'), (fin, 'F'), (rst, 'R'), (other, 'P')];
    let mut text = format!("tcp:{port}/");
    text.extend(flags.iter().filter(|(set, _)| *set).map(|(_, letter)| letter));
    if data {
        write!(text, "+").expect("a string takes all");
    }
    text
}
