//! The interfaces that the site names, and what the filter is held by on them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::matrix::{Direction, Hook, Matrix, Outbound};

/// An interface of this node, at one of its hooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mooring {
    /// Its name.
    pub name: String,
    /// The kernel's number for it.
    pub index: u32,
    /// Where on it.
    pub hook: Hook,
    /// The program there. At tcx, where there may be many: ours.
    pub program: Option<u32>,
    /// Those that a packet meets before it.
    pub before: Vec<String>,
}

/// What is pinned of the filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// The programs of the generation that enforces.
    pub programs: BTreeMap<Hook, u32>,
    /// By the number of an interface and where on it: the program of its link, or why that cannot be told.
    pub links: BTreeMap<(u32, Hook), Result<u32, String>>,
}

/// An interface, or a pin, that is not as loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loose {
    /// The interface, by its number where it has gone.
    pub interface: String,
    /// What is wrong.
    pub says: String,
}

/// Holds what is attached and pinned against each other and against the site's interfaces.
pub(super) fn loose(matrix: &Matrix, moorings: &[Mooring], pins: &Pins) -> Vec<Loose> {
    let mut loose = Vec::new();
    for mooring in moorings {
        let wanted =
            matrix.interface_for(&mooring.name).and_then(|interface| match mooring.hook.direction() {
                Direction::In => Some(interface.attach.hook()),
                Direction::Out => matrix.outbound.map(|outbound| outbound_hook(outbound, mooring, pins)),
            });
        let named = wanted == Some(mooring.hook);
        let says = match pins.links.get(&(mooring.index, mooring.hook)) {
            None if named => Some(unpinned(mooring, pins)),
            None => None,
            Some(Err(why)) => Some(format!("its link's pin cannot be read: {why}")),
            Some(Ok(_)) if !named => Some(match wanted {
                None => "it is guarded, and the site does not name it".to_owned(),
                Some(other) => {
                    format!("it is guarded at {}, and the site says {}", mooring.hook.name(), other.name())
                }
            }),
            Some(Ok(link)) => moored(mooring, *link, pins),
        };
        loose.extend(says.map(|says| Loose { interface: mooring.name.clone(), says }));
    }
    let gone = pins.links.keys().filter(|(index, _)| !moorings.iter().any(|mooring| mooring.index == *index));
    loose.extend(gone.map(|(index, _)| Loose {
        interface: format!("#{index}"),
        says: "a link is pinned for it, and it is gone".to_owned(),
    }));
    loose
}

/// Where what leaves by an interface is to be guarded: of the places that the site allows the best one that is pinned.
fn outbound_hook(outbound: Outbound, mooring: &Mooring, pins: &Pins) -> Hook {
    let allowed = outbound.attach.hooks();
    let pinned = allowed.iter().find(|&&hook| pins.links.contains_key(&(mooring.index, hook)));
    *pinned.unwrap_or(&allowed[0])
}

fn unpinned(mooring: &Mooring, pins: &Pins) -> String {
    match mooring.program {
        None => "no filter is on it".to_owned(),
        Some(program) if pins.programs.get(&mooring.hook) == Some(&program) => {
            "its link is not pinned: the filter ends with the daemon".to_owned()
        }
        Some(program) => format!("another XDP program is on it, id {program}"),
    }
}

fn moored(mooring: &Mooring, link: u32, pins: &Pins) -> Option<String> {
    match (mooring.program, pins.programs.get(&mooring.hook)) {
        (None, _) if mooring.hook == Hook::Clsact => {
            Some("the filter was taken off it: somebody has deleted it from clsact".to_owned())
        }
        (None, _) => Some("the filter was taken off it: its link is pinned and attached nowhere".to_owned()),
        (Some(program), _) if program != link => {
            Some(format!("its pinned link is of program {link}, and program {program} is on it"))
        }
        (Some(_), None) => {
            Some("the generation that it is under is not pinned, or is another version's".to_owned())
        }
        (Some(program), Some(&current)) if program != current => {
            Some(format!("it is under an older generation: program {program}, and {current} is the latest"))
        }
        (Some(_), Some(_)) if mooring.before.is_empty() => None,
        (Some(_), Some(_)) => Some(format!(
            "another program is before it at {}, and what that accepts is never judged: {}",
            mooring.hook.name(),
            mooring.before.join("; ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Attach, Dormant, Fragments, Interface, Mode, OutboundAttach, Posture, Zone, ZoneId};

    fn matrix() -> Matrix {
        let interface = |name: &str| Interface {
            name: name.to_owned(),
            zone: ZoneId::new(0),
            attach: Attach::Auto,
            dhcp: false,
        };
        Matrix {
            mode: Mode::Enforce,
            posture: Posture::Drop,
            transit: Posture::Pass,
            fragments: Fragments::Admitted,
            outbound: None,
            details: true,
            zones: vec![Zone { name: "default".to_owned() }],
            interfaces: vec![interface("eth*")],
            groups: Vec::new(),
            rules: Vec::new(),
            dormant: Dormant::default(),
        }
    }

    /// What is said of an interface with this program, whose link is pinned so, under a generation whose program is 7.
    fn says(name: &str, program: Option<u32>, link: Option<Result<u32, String>>) -> Vec<String> {
        let mooring =
            Mooring { name: name.to_owned(), index: 2, hook: Hook::Xdp, program, before: Vec::new() };
        let links = link.map(|link| ((2, Hook::Xdp), link)).into_iter().collect();
        let pins = Pins { programs: [(Hook::Xdp, 7)].into(), links };
        loose(&matrix(), &[mooring], &pins).into_iter().map(|loose| loose.says).collect()
    }

    #[test]
    fn an_interface_is_moored_by_a_pinned_link_of_the_latest_program() {
        assert_eq!(says("eth0", Some(7), Some(Ok(7))), [""; 0]);
        assert_eq!(says("lo", None, None), [""; 0]);
        assert_eq!(says("lo", Some(99), None), [""; 0], "another's, on an interface that is none of ours");
        for (program, link, expected) in [
            (None, None, "no filter is on it"),
            (Some(7), None, "is not pinned"),
            (Some(99), None, "another XDP program is on it, id 99"),
            (None, Some(Ok(7)), "was taken off"),
            (Some(99), Some(Ok(7)), "program 99 is on it"),
            (Some(6), Some(Ok(6)), "an older generation"),
            (Some(7), Some(Err("no room".to_owned())), "cannot be read: no room"),
        ] {
            let said = says("eth0", program, link);
            assert!(said.len() == 1 && said[0].contains(expected), "{said:?}");
        }
        assert!(says("wlan0", Some(7), Some(Ok(7)))[0].contains("the site does not name it"));
    }

    #[test]
    fn at_tcx_whoever_is_before_the_filter_is_named() {
        let mut matrix = matrix();
        matrix.interfaces[0].attach = Attach::Tcx;
        let pins = Pins {
            programs: [(Hook::Xdp, 7), (Hook::Tcx, 8)].into(),
            links: [((2, Hook::Tcx), Ok(8))].into(),
        };
        let at = |hook, program, before: &[&str]| {
            let before = before.iter().map(|&program| program.to_owned()).collect();
            Mooring { name: "eth0".to_owned(), index: 2, hook, program, before }
        };
        let says = |moorings: &[Mooring]| -> Vec<String> {
            loose(&matrix, moorings, &pins).into_iter().map(|loose| loose.says).collect()
        };
        // Whose XDP program that is, is of no concern.
        assert_eq!(says(&[at(Hook::Xdp, Some(99), &[]), at(Hook::Tcx, Some(8), &[])]), [""; 0]);
        let said = says(&[at(Hook::Tcx, Some(8), &["`first`, id 9"])]);
        assert!(said.len() == 1 && said[0].ends_with("is never judged: `first`, id 9"), "{said:?}");
        assert!(says(&[at(Hook::Tcx, None, &[])])[0].contains("was taken off"));
    }

    #[test]
    fn an_interface_at_the_other_hook_than_the_site_says_is_told() {
        let pins = Pins { programs: [(Hook::Tcx, 8)].into(), links: [((2, Hook::Tcx), Ok(8))].into() };
        let (name, hook) = ("eth0".to_owned(), Hook::Tcx);
        let mooring = Mooring { name, index: 2, hook, program: Some(8), before: Vec::new() };
        let found = loose(&matrix(), &[mooring], &pins);
        assert_eq!(found[0].says, "it is guarded at tcx, and the site says XDP");
    }

    #[test]
    fn what_leaves_is_to_be_where_the_site_allows_it_and_it_is_pinned() {
        /// What is said of an interface whose packets are guarded at `held` where they leave.
        fn says(attach: OutboundAttach, held: &[Hook], program: Option<u32>) -> Vec<String> {
            let mut matrix = matrix();
            matrix.outbound = Some(Outbound { mode: Mode::Enforce, posture: Posture::Drop, attach });
            let both = [Hook::Egress, Hook::Clsact];
            let pins = Pins {
                programs: both.map(|hook| (hook, 8)).into(),
                links: held.iter().map(|&hook| ((2, hook), Ok(8))).collect(),
            };
            let moorings = both.map(|hook| Mooring {
                name: "eth0".to_owned(),
                index: 2,
                hook,
                program: program.filter(|_| held.contains(&hook)),
                before: Vec::new(),
            });
            loose(&matrix, &moorings, &pins).into_iter().map(|loose| loose.says).collect()
        }
        let (tcx, clsact) = (&[Hook::Egress][..], &[Hook::Clsact][..]);
        for (attach, held) in [
            (OutboundAttach::Auto, tcx),
            (OutboundAttach::Auto, clsact),
            (OutboundAttach::Tcx, tcx),
            (OutboundAttach::Clsact, clsact),
        ] {
            assert_eq!(says(attach, held, Some(8)), [""; 0], "{attach:?} {held:?}");
        }
        assert_eq!(says(OutboundAttach::Auto, &[], None), ["no filter is on it"]);
        let both = [Hook::Egress, Hook::Clsact];
        let better = "it is guarded at clsact egress, and the site says tcx egress";
        assert_eq!(says(OutboundAttach::Auto, &both, Some(8)), [better]);
        assert_eq!(says(OutboundAttach::Tcx, clsact, Some(8)), ["no filter is on it", better]);
        assert!(says(OutboundAttach::Auto, clsact, None)[0].contains("deleted it from clsact"));
    }

    #[test]
    fn a_pin_whose_interface_is_gone_is_told_by_its_number() {
        let pins = Pins { programs: [(Hook::Xdp, 7)].into(), links: [((5, Hook::Xdp), Ok(7))].into() };
        let found = loose(&matrix(), &[], &pins);
        assert_eq!((found.len(), found[0].interface.as_str()), (1, "#5"));
    }
}
