//! The filters that are flooded. All but those that only drop or pass have the same rules: ports 8000 to 8999 for the same
//! sources, and nothing else.

use std::{
    fmt::Write as _,
    fs,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use nix::net::if_::if_nametoindex;
use portguard::{
    compile::{Image, Node, compile},
    datapath::{Loaded, Network, resolve},
    matrix::{Attach, Interface, ZoneId},
};

use super::ground::{Ground, INTERFACE, output};
use crate::{bench::site::site, floor::Floor, lab::Host, pinned::Pinned};

/// What takes the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// The stack at once.
    Nothing,
    /// An XDP program that passes at once.
    Pass,
    /// An XDP program that drops at once.
    Drop,
    /// An XDP program that asks for a UDP socket and drops.
    Ask,
    /// An XDP program that does what the verdict cannot do without.
    Judge,
    /// PortGuard, which notes and tells who was dropped.
    PortGuard,
    /// PortGuard, which only counts.
    Counting,
    /// nftables where a packet comes in.
    NftIngress,
    /// nftables before a socket, with connection tracking.
    NftInput,
}

impl Filter {
    /// The packets of a burst: it takes some hundred milliseconds, since it ends with a tick of the kernel's clock.
    pub(super) fn burst(self) -> u32 {
        match self {
            Self::Nothing | Self::Pass => 1_000_000,
            Self::Drop | Self::Ask | Self::Judge | Self::PortGuard | Self::Counting => 4_000_000,
            Self::NftIngress | Self::NftInput => 400_000,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Pass => "only XDP_PASS",
            Self::Drop => "only XDP_DROP",
            Self::Ask => "socket look-up and XDP_DROP",
            Self::Judge => "the same verdict by hand",
            Self::PortGuard => "portguard",
            Self::Counting => "portguard, details = false",
            Self::NftIngress => "nftables, netdev ingress",
            Self::NftInput => "nftables, input, conntrack",
        }
    }
}

/// Everything that the filters are made of.
pub(super) struct Filters<'a> {
    node: &'a Host,
    object: &'a [u8],
    image: Image,
    counting: Image,
    ingress: PathBuf,
    input: PathBuf,
}

/// A filter in its place, which it leaves when this is dropped.
#[expect(dead_code, reason = "held, not used")]
pub(super) enum Installed<'a> {
    Nothing,
    Bare(OwnedFd),
    PortGuard(Box<Pinned>),
    Rules(Rules<'a>),
}

/// nftables' rules on a host; dropping this takes all of them off.
pub(super) struct Rules<'a>(&'a Host);

impl<'a> Filters<'a> {
    /// Filters that admit `prefixes`, which are IPv4.
    pub(super) fn new(ground: &'a Ground, object: &'a [u8], prefixes: Vec<IpNet>) -> anyhow::Result<Self> {
        let node = ground.node();
        let file = |name: &str, text: String| {
            let path = node.directory().join(name);
            fs::write(&path, text).map(|()| path)
        };
        let device = format!("ingress device {INTERFACE}");
        let ingress = file("ingress.nft", rules("netdev", &device, "", &prefixes))?;
        let input =
            file("input.nft", rules("inet", "input", "ct state established,related accept", &prefixes))?;
        let mut matrix = site(prefixes);
        let zone = ZoneId::new(0);
        let (name, attach, dhcp) = (INTERFACE.to_owned(), Attach::Native, false);
        matrix.interfaces.push(Interface { name, zone, attach, dhcp });
        let image = compile(&matrix, &Node::default())?;
        matrix.details = false;
        let counting = compile(&matrix, &Node::default())?;
        Ok(Self { node, object, image, counting, ingress, input })
    }

    /// Puts `filter` on the node's interface.
    pub(super) fn install(&self, filter: Filter) -> anyhow::Result<Installed<'a>> {
        Ok(match filter {
            Filter::Nothing => Installed::Nothing,
            Filter::Pass => Installed::Bare(self.attach(&Floor::load()?)?),
            Filter::Drop => Installed::Bare(self.attach(&Floor::dropping()?)?),
            Filter::Ask => Installed::Bare(self.attach(&Floor::asking()?)?),
            Filter::Judge => Installed::Bare(self.attach(&Floor::judging()?)?),
            Filter::PortGuard => Installed::PortGuard(Box::new(self.portguard(&self.image)?)),
            Filter::Counting => Installed::PortGuard(Box::new(self.portguard(&self.counting)?)),
            Filter::NftIngress => Installed::Rules(self.nft(&self.ingress)?),
            Filter::NftInput => Installed::Rules(self.nft(&self.input)?),
        })
    }

    fn attach(&self, program: &Floor) -> anyhow::Result<OwnedFd> {
        self.node.within(|| program.attach(if_nametoindex(INTERFACE)?))?
    }

    fn portguard(&self, image: &Image) -> anyhow::Result<Pinned> {
        self.node.within(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
            let present = runtime.block_on(async { Network::open()?.present().await })?;
            let links = resolve(image.interfaces(), &present, None);
            Pinned::install(Loaded::new(self.object, image, &links)?, &links)
        })?
    }

    fn nft(&self, file: &Path) -> anyhow::Result<Rules<'a>> {
        // Made first, so that half a ruleset is taken off as well.
        let rules = Rules(self.node);
        output(self.node, "nft", &["--file", &file.display().to_string()])?;
        Ok(rules)
    }
}

impl Drop for Rules<'_> {
    fn drop(&mut self) {
        // If that fails, they go with the namespace.
        let _: anyhow::Result<String> = output(self.0, "nft", &["flush", "ruleset"]);
    }
}

/// The rules for nftables; `first` comes before them.
fn rules(family: &str, hook: &str, first: &str, prefixes: &[IpNet]) -> String {
    let mut elements = String::new();
    for prefix in prefixes {
        write!(elements, "{prefix},").expect("memory does not fail");
    }
    format!(
        "table {family} bench {{\n\
         counter dropped {{ }}\n\
         set sources {{ type ipv4_addr; flags interval; elements = {{ {elements} }} }}\n\
         chain guard {{\n\
         type filter hook {hook} priority 0; policy accept;\n\
         {first}\n\
         ip saddr @sources tcp dport 8000-8999 accept\n\
         ip saddr @sources udp dport 8000-8999 accept\n\
         meta l4proto {{ tcp, udp }} counter name dropped drop\n\
         }}\n}}\n"
    )
}
