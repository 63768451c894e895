//! The interfaces that a site guards.

use super::{Check, Machine, State};
use crate::{
    compile::{ImageInterface, interface_for},
    datapath::{AttachedProgram, Network, Present, probe},
    matrix::Attach,
};

const NO_ETHERNET: &str = "it is no Ethernet: loopback, or a tunnel or other line without Ethernet headers";

pub(super) async fn checks(machine: &Machine, wanted: &[ImageInterface]) -> Vec<Check> {
    let present = match Network::open() {
        Ok(network) => network.present().await,
        Err(error) => Err(error),
    };
    let present = match present {
        Ok(present) => present,
        Err(error) => {
            return vec![begun("interfaces", error.whole_story()).but(State::Unseen, "run as root")];
        }
    };
    wanted.iter().flat_map(|interface| of_interface(machine, interface, wanted, &present)).collect()
}

/// The interfaces that an entry of the site stands for; of a pattern any number.
fn of_interface(
    machine: &Machine,
    wanted: &ImageInterface,
    all: &[ImageInterface],
    present: &[Present],
) -> Vec<Check> {
    let held = |found: &&Present| interface_for(all, &found.name) == Some(wanted);
    let checks: Vec<Check> = present
        .iter()
        .filter(held)
        .flat_map(|found| [Some(check(machine, wanted, found)), sockets_above(machine, &found.name)])
        .flatten()
        .collect();
    if !checks.is_empty() {
        return checks;
    }
    let names: Vec<&str> = present.iter().map(|found| found.name.as_str()).collect();
    let name = &wanted.name;
    let found = format!("there is no network interface `{name}` on this node (it has: {})", names.join(", "));
    let remedy = "correct the site file, or create the interface: portguard waits for it";
    vec![begun(&format!("interface {name}"), found).but(State::Missing, remedy)]
}

fn begun(what: &str, found: String) -> Check {
    Check::fine(what, "a place for the program", found)
}

fn check(machine: &Machine, wanted: &ImageInterface, interface: &Present) -> Check {
    let check = |found: String| begun(&format!("interface {}", interface.name), found);
    match (interface.ethernet, wanted.is_pattern()) {
        (true, _) => {}
        (false, true) => {
            let remedy = format!(
                "the pattern `{}` matches it, and it is not guarded: guard what its packets arrive by",
                wanted.name
            );
            return check(NO_ETHERNET.to_owned()).but(State::Notice, remedy);
        }
        (false, false) => {
            let remedy = "guard the interface that its packets arrive by";
            return check(NO_ETHERNET.to_owned()).but(State::Missing, remedy);
        }
    }
    if wanted.attach == Attach::Tcx {
        return check("at tcx, beside the programs that are there".to_owned());
    }
    if let Some(AttachedProgram { id, .. }) = interface.program {
        return match probe::program_name(id) {
            Some(name) if name == probe::OUR_PROGRAM => {
                check(format!("guarded by portguard already (program {id})"))
            }
            Some(name) => occupied(check(format!("the XDP program `{name}`, id {id}, is on it"))),
            None => check(format!("an XDP program is on it, id {id}; this process may not see which"))
                .but(State::Unseen, "run as root to see whose it is"),
        };
    }
    match (generic_only(machine, &interface.name), wanted.attach) {
        (Some(kind), Attach::Native) => {
            check(format!("it is {kind}, which runs XDP in the generic hook only"))
                .but(State::Missing, "the site file says attach = \"native\": use \"auto\" or \"generic\"")
        }
        (Some(kind), _) => check(format!("it is {kind}, which runs XDP in the generic hook only")).but(
            State::Notice,
            "guard the interfaces below it, where the driver runs XDP and drops cost less; or set attach = \"tcx\", or what the node \
             sends to multicast groups does not come back to it",
        ),
        (None, _) => check(format!("free, driver {}", driver(machine, &interface.name))),
    }
}

/// Whether what is built on an interface (a bridge that it is a port of, a VLAN, a container's device) may have sockets that the look-up for
/// replies does not find: it looks as from the interface where the packet comes in.
fn sockets_above(machine: &Machine, name: &str) -> Option<Check> {
    let links = std::fs::read_dir(machine.path(&format!("/sys/class/net/{name}"))).ok()?;
    let names = links
        .flatten()
        .filter_map(|link| Some(link.file_name().to_str()?.strip_prefix("upper_")?.to_owned()));
    let mut above: Vec<String> = names.collect();
    above.sort_unstable();
    if above.is_empty() {
        return None;
    }
    let above = above.join(", ");
    let check = Check::fine(
        &format!("interface {name}, replies"),
        "answers to connections that the node opened itself",
        format!("built on it: {above}"),
    );
    Some(check.but(
        State::Notice,
        format!(
            "sockets that are bound to {above}, or in a container behind it, get no answers through {name}: guard {above} instead, or \
             give those answers a rule"
        ),
    ))
}

fn occupied(check: Check) -> Check {
    check.but(
        State::Missing,
        "portguard does not replace it: take it off with the tool that put it there (bpftool net)",
    )
}

/// Kinds of interfaces whose drivers are known to have no XDP.
fn generic_only(machine: &Machine, name: &str) -> Option<&'static str> {
    let has = |what: &str| machine.has(&format!("/sys/class/net/{name}/{what}"));
    if has("bridge") {
        return Some("a bridge");
    }
    machine.has(&format!("/proc/net/vlan/{name}")).then_some("a VLAN")
}

fn driver(machine: &Machine, name: &str) -> String {
    let link = machine.path(&format!("/sys/class/net/{name}/device/driver"));
    let driver = std::fs::read_link(link).ok();
    let name =
        driver.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "not told (a virtual interface)".to_owned())
}
