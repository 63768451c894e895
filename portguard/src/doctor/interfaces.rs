//! The interfaces that a site guards.

use std::slice;

use super::{Check, Machine, State};
use crate::{
    compile::ImageInterface,
    datapath::{self, DatapathError, probe},
    matrix::Attach,
};

pub(super) async fn checks(machine: &Machine, wanted: &[ImageInterface]) -> Vec<Check> {
    let mut checks = Vec::new();
    for interface in wanted {
        checks.push(check(machine, interface).await);
    }
    checks
}

async fn check(machine: &Machine, interface: &ImageInterface) -> Check {
    let check = |found: String| {
        Check::fine(&format!("interface {}", interface.name), "a place for the program", found)
    };
    let link = match datapath::resolve(slice::from_ref(interface)).await {
        Ok(links) => links.into_iter().next(),
        Err(error @ DatapathError::NoInterface { .. }) => {
            return check(error.to_string())
                .but(State::Missing, "correct the site file, or create the interface first");
        }
        Err(error) => return check(error.to_string()).but(State::Unseen, "run as root"),
    };
    if let Some(id) = link.and_then(|link| link.program) {
        return match probe::program_name(id) {
            Some(name) if name == probe::OUR_PROGRAM => {
                check(format!("guarded by portguard already (program {id})"))
            }
            Some(name) => occupied(check(format!("the XDP program `{name}`, id {id}, is on it"))),
            None => check(format!("an XDP program is on it, id {id}; this process may not see which"))
                .but(State::Unseen, "run as root to see whose it is"),
        };
    }
    match (generic_only(machine, &interface.name), interface.attach) {
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
