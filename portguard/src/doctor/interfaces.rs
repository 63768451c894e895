//! The interfaces that a site guards.

use super::{Check, Machine, State};
use crate::{
    compile::{ImageInterface, interface_for},
    datapath::{AttachedProgram, Network, Present, probe},
    matrix::Attach,
};

const NO_ETHERNET: &str = "it is no Ethernet: loopback, or a line without Ethernet headers";

/// `outbound`: what leaves by them is judged, too.
pub(super) async fn checks(machine: &Machine, wanted: &[ImageInterface], outbound: bool) -> Vec<Check> {
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
    let checks = wanted.iter().flat_map(|interface| of_interface(machine, interface, wanted, &present));
    let no_ethernet =
        |found: &&Present| outbound && !found.ethernet && interface_for(wanted, &found.name).is_some();
    checks.chain(present.iter().filter(no_ethernet).map(no_way_out)).collect()
}

/// What leaves is judged by its Ethernet header on.
fn no_way_out(interface: &Present) -> Check {
    Check::fine(&format!("interface {}, outbound", interface.name), "a place for the program of what leaves", NO_ETHERNET).but(
        State::Missing,
        "the site file has outbound: guard the interface that packets of this one leave by, or set outbound = \"off\"",
    )
}

/// The interfaces that an entry of the site stands for; of a pattern any number.
fn of_interface(
    machine: &Machine,
    wanted: &ImageInterface,
    all: &[ImageInterface],
    present: &[Present],
) -> Vec<Check> {
    let held = |found: &&Present| interface_for(all, &found.name) == Some(wanted);
    let checks: Vec<Check> =
        present.iter().filter(held).map(|found| check(machine, wanted.attach, found)).collect();
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

fn check(machine: &Machine, attach: Attach, interface: &Present) -> Check {
    let check = |found: String| begun(&format!("interface {}", interface.name), found);
    if attach == Attach::Tcx {
        let remedy = "the site file says attach = \"tcx\": guard the interface that its packets arrive by";
        return if interface.ethernet {
            check("at tcx, beside the programs that are there".to_owned())
        } else {
            check(NO_ETHERNET.to_owned()).but(State::Missing, remedy)
        };
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
    match (generic_only(machine, &interface.name), attach) {
        (Some(kind), Attach::Native) => {
            check(format!("it is {kind}, which runs XDP in the generic hook only"))
                .but(State::Missing, "the site file says attach = \"native\": use \"auto\" or \"generic\"")
        }
        (Some(kind), _) => check(format!("it is {kind}, which runs XDP in the generic hook only")).but(
            State::Notice,
            "guard the interfaces below it, where the driver runs XDP and drops cost less",
        ),
        (None, _) => check(format!("free, driver {}", driver(machine, &interface.name))),
    }
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
    if machine.has(&format!("/proc/net/vlan/{name}")) {
        return Some("a VLAN");
    }
    // `ARPHRD_LOOPBACK` of `include/uapi/linux/if_arp.h`.
    let loopback = machine.read(&format!("/sys/class/net/{name}/type")).is_ok_and(|kind| kind == "772");
    loopback.then_some("the loopback interface")
}

fn driver(machine: &Machine, name: &str) -> String {
    let link = machine.path(&format!("/sys/class/net/{name}/device/driver"));
    let driver = std::fs::read_link(link).ok();
    let name =
        driver.as_ref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "not told (a virtual interface)".to_owned())
}
