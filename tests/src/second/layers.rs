//! A frame as a list of layers.

use std::net::IpAddr;

use etherparse::{
    Ethernet2HeaderSlice, IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
    SingleVlanHeaderSlice, TcpHeaderSlice, UdpHeaderSlice,
    err::{ip_auth, ipv4, ipv6, tcp},
};

/// One header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Ethernet II. Whether it went to a group.
    Ethernet {
        /// Whether the destination is a group address.
        group: bool,
    },
    /// 802.1Q or 802.1ad.
    Tag {
        /// Whether it is 802.1ad.
        service: bool,
        /// The VLAN.
        vlan: u16,
    },
    /// Something that is not IP, by its EtherType (or the length of an LLC frame), and its first bytes.
    NoIp(u16, Vec<u8>),
    /// IPv4.
    V4 {
        /// The header's length in words.
        words: u8,
        /// Time to live.
        ttl: u8,
        /// Source and destination.
        ends: [IpAddr; 2],
        /// Offset in units of eight bytes, and whether more follow.
        fragment: (u16, bool),
        /// The options as they are.
        options: Vec<u8>,
    },
    /// IPv6.
    V6 {
        /// Hop limit.
        hop_limit: u8,
        /// Source and destination.
        ends: [IpAddr; 2],
    },
    /// Hop-by-hop options.
    HopByHop,
    /// Destination options.
    Destination,
    /// A routing header, whatever its type.
    Routing,
    /// A fragment header: offset in units of eight bytes, and whether more follow. `None` when it is cut.
    Fragment(Option<(u16, bool)>),
    /// An authentication header.
    Authentication,
    /// TCP; `None` when it is cut.
    Tcp(Option<Segment>),
    /// UDP: source and destination port. `None` when it is cut.
    Udp(Option<(u16, u16)>),
    /// SCTP: source and destination port. `None` when it is cut.
    Sctp(Option<(u16, u16)>),
    /// ICMP of the family of the packet, and its type. `None` when it is cut.
    Icmp(Option<u8>),
    /// Another protocol by its number.
    Other(u8),
}

/// What a TCP header says.
#[expect(clippy::struct_excessive_bools, reason = "they are the header's flags")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Destination port, the source port first.
    pub ports: (u16, u16),
    /// Whether SYN is set.
    pub syn: bool,
    /// Whether ACK is set.
    pub ack: bool,
    /// Whether FIN is set.
    pub fin: bool,
    /// Whether RST is set.
    pub rst: bool,
    /// Whether PSH or URG is set.
    pub other: bool,
    /// Whether anything follows the header.
    pub data: bool,
}

/// What is wrong with the last layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends too early.
    Cut,
    /// Its options end too early, though the fixed part is there.
    CutOptions,
    /// Its fields cannot be.
    Wrong,
}

/// The layers of a frame as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// From the outermost. Of a later fragment nothing is read behind its header.
    pub layers: Vec<Layer>,
    /// What is wrong with the last one; with none, the frame is too short for Ethernet.
    pub fault: Option<Fault>,
    /// Whether not one byte follows the headers of IP.
    pub empty: bool,
}

/// Reads a frame.
pub fn read(frame: &[u8]) -> Reading {
    let mut reading = Reading::default();
    reading.fault = reading.ethernet(frame).err();
    reading
}

type Step = Result<(), Fault>;

impl Reading {
    fn ethernet(&mut self, frame: &[u8]) -> Step {
        let header = Ethernet2HeaderSlice::from_slice(frame).map_err(|_| Fault::Cut)?;
        self.layers.push(Layer::Ethernet { group: header.destination()[0] % 2 == 1 });
        let (mut ether_type, mut rest) = (header.ether_type().0, &frame[14..]);
        while ether_type == 0x8100 || ether_type == 0x88a8 {
            let service = ether_type == 0x88a8;
            let tag = SingleVlanHeaderSlice::from_slice(rest);
            let vlan = tag.as_ref().map_or(0, |tag| tag.vlan_identifier().value());
            self.layers.push(Layer::Tag { service, vlan });
            (ether_type, rest) = (tag.map_err(|_| Fault::Cut)?.ether_type().0, &rest[4..]);
        }
        match ether_type {
            0x0800 => self.v4(rest),
            0x86dd => self.v6(rest),
            other => {
                self.layers.push(Layer::NoIp(other, rest.iter().take(3).copied().collect()));
                Ok(())
            }
        }
    }

    fn v4(&mut self, bytes: &[u8]) -> Step {
        let header = match Ipv4HeaderSlice::from_slice(bytes) {
            Ok(header) => header,
            Err(error) => {
                let nobody = IpAddr::from([0; 4]);
                let (ends, options) = ([nobody, nobody], Vec::new());
                self.layers.push(Layer::V4 { words: 0, ttl: 0, ends, fragment: (0, false), options });
                let wrong = matches!(error, ipv4::HeaderSliceError::Content(_));
                return Err(if wrong { Fault::Wrong } else { Fault::Cut });
            }
        };
        let fragment = (header.fragments_offset().value(), header.more_fragments());
        self.layers.push(Layer::V4 {
            words: header.ihl(),
            ttl: header.ttl(),
            ends: [header.source_addr().into(), header.destination_addr().into()],
            fragment,
            options: header.options().to_vec(),
        });
        // What lies beyond the length in the header is no part of the packet.
        let packet = bytes.get(..usize::from(header.total_len())).ok_or(Fault::Wrong)?;
        let payload = packet.get(header.slice().len()..).ok_or(Fault::Wrong)?;
        if fragment.0 > 0 {
            self.layers.push(Layer::Other(header.protocol().0));
            return Ok(());
        }
        self.behind_v4(header.protocol().0, payload)
    }

    fn behind_v4(&mut self, protocol: u8, bytes: &[u8]) -> Step {
        if protocol == 51 {
            let (next, rest) = self.authentication(bytes)?;
            return self.behind_v4(next, rest);
        }
        self.transport(protocol, 1, bytes)
    }

    fn v6(&mut self, bytes: &[u8]) -> Step {
        let header = match Ipv6HeaderSlice::from_slice(bytes) {
            Ok(header) => header,
            Err(error) => {
                let nobody = IpAddr::from([0; 16]);
                self.layers.push(Layer::V6 { hop_limit: 0, ends: [nobody, nobody] });
                // Of fewer than 40 bytes nothing is believed.
                let wrong = matches!(error, ipv6::HeaderSliceError::Content(_)) && bytes.len() >= 40;
                return Err(if wrong { Fault::Wrong } else { Fault::Cut });
            }
        };
        let ends = [header.source_addr().into(), header.destination_addr().into()];
        self.layers.push(Layer::V6 { hop_limit: header.hop_limit(), ends });
        let length = usize::from(header.payload_length());
        let payload = bytes[40..].get(..length).filter(|payload| !payload.is_empty()).ok_or(Fault::Wrong)?;
        self.behind_v6(header.next_header().0, payload)
    }

    fn behind_v6(&mut self, protocol: u8, bytes: &[u8]) -> Step {
        let layer = match protocol {
            0 => Layer::HopByHop,
            60 => Layer::Destination,
            43 => Layer::Routing,
            44 => return self.fragment(bytes),
            51 => {
                let (next, rest) = self.authentication(bytes)?;
                return self.behind_v6(next, rest);
            }
            _ => return self.transport(protocol, 58, bytes),
        };
        self.layers.push(layer);
        let header = Ipv6RawExtHeaderSlice::from_slice(bytes).map_err(|_| Fault::Cut)?;
        self.behind_v6(header.next_header().0, &bytes[header.slice().len()..])
    }

    fn fragment(&mut self, bytes: &[u8]) -> Step {
        // By hand: etherparse 0.19 takes the lowest bits of offset and flag for the highest.
        let Some((&[next, _, high, low, ..], rest)) = bytes.split_first_chunk::<8>() else {
            self.layers.push(Layer::Fragment(None));
            return Err(Fault::Cut);
        };
        let (offset, more) = (u16::from(high) * 32 + u16::from(low / 8), low % 2 == 1);
        self.layers.push(Layer::Fragment(Some((offset, more))));
        if offset > 0 {
            self.layers.push(Layer::Other(next));
            return Ok(());
        }
        self.behind_v6(next, rest)
    }

    fn authentication<'a>(&mut self, bytes: &'a [u8]) -> Result<(u8, &'a [u8]), Fault> {
        self.layers.push(Layer::Authentication);
        match IpAuthHeaderSlice::from_slice(bytes) {
            Ok(header) => Ok((header.next_header().0, &bytes[header.slice().len()..])),
            Err(ip_auth::HeaderSliceError::Content(_)) => Err(Fault::Wrong),
            Err(ip_auth::HeaderSliceError::Len(_)) => Err(Fault::Cut),
        }
    }

    /// `icmp` is the number of the family's own ICMP.
    fn transport(&mut self, protocol: u8, icmp: u8, bytes: &[u8]) -> Step {
        let (layer, fault) = match protocol {
            6 => segment(bytes),
            17 => {
                let header = UdpHeaderSlice::from_slice(bytes).ok();
                let ports = header.map(|header| (header.source_port(), header.destination_port()));
                (Layer::Udp(ports), ports.is_none().then_some(Fault::Cut))
            }
            132 => {
                // Ports, verification tag, checksum: etherparse knows nothing of SCTP.
                let port = |at: usize| u16::from(bytes[at]) * 256 + u16::from(bytes[at + 1]);
                let ports = (bytes.len() >= 12).then(|| (port(0), port(2)));
                (Layer::Sctp(ports), ports.is_none().then_some(Fault::Cut))
            }
            number if number == icmp => {
                let kind = (bytes.len() >= 8).then(|| bytes[0]);
                (Layer::Icmp(kind), kind.is_none().then_some(Fault::Cut))
            }
            other => (Layer::Other(other), None),
        };
        self.empty = bytes.is_empty();
        self.layers.push(layer);
        fault.map_or(Ok(()), Err)
    }
}

fn segment(bytes: &[u8]) -> (Layer, Option<Fault>) {
    let header = match TcpHeaderSlice::from_slice(bytes) {
        Ok(header) => header,
        Err(tcp::HeaderSliceError::Content(_)) => return (Layer::Tcp(None), Some(Fault::Wrong)),
        Err(tcp::HeaderSliceError::Len(_)) if bytes.len() >= 20 => {
            return (Layer::Tcp(None), Some(Fault::CutOptions));
        }
        Err(tcp::HeaderSliceError::Len(_)) => return (Layer::Tcp(None), Some(Fault::Cut)),
    };
    let segment = Segment {
        ports: (header.source_port(), header.destination_port()),
        syn: header.syn(),
        ack: header.ack(),
        fin: header.fin(),
        rst: header.rst(),
        other: header.psh() || header.urg(),
        data: bytes.len() > header.slice().len(),
    };
    (Layer::Tcp(Some(segment)), None)
}
