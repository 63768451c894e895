//! A snapshot as text: which metrics there are, with their labels.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text::encode},
    registry::Registry,
};

use super::{
    Snapshot,
    families::{Families, Label},
    snapshot::{Counts, Generation, InterfaceState},
};
use crate::observe::{Count, Counted, RangeRow, ReasonRow};

/// The snapshot as OpenMetrics text.
pub fn text(snapshot: Snapshot) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string does not fail");
    text
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families::new(encoder);
        self.encode_enforced(&mut families)?;
        self.encode_health(&mut families)?;
        if let Some(counts) = &self.counts {
            counts.encode(&mut families)?;
        }
        families.amounts(
            "portguard_detail_lost",
            "dropped, or that would have been, whose sources had no room in the kernel's table, since the daemon began",
            [([], self.lost)],
        )?;
        let outcomes = [
            ("told", self.events.told),
            ("withheld", self.events.withheld),
            ("unheard", self.events.unheard),
        ];
        families.counter(
            "portguard_events",
            "First drops of a source at a port, by what became of their event, since the daemon began",
            outcomes.map(|(outcome, events)| ([("outcome", outcome)], events)),
        )
    }
}

impl Snapshot {
    fn encode_enforced(&self, families: &mut Families<'_>) -> fmt::Result {
        let Self { version, generation, interfaces, .. } = self;
        let (mode, posture, image) = match generation {
            Some(Generation { mode, posture, image, .. }) => {
                (mode.to_string(), posture.to_string(), image.as_str())
            }
            None => (String::new(), String::new(), ""),
        };
        families.info(
            "portguard",
            "The version of the daemon; mode, posture and image of what enforces",
            &[
                ("version", version.as_str()),
                ("mode", mode.as_str()),
                ("posture", posture.as_str()),
                ("image", image),
            ],
        )?;
        families.gauge(
            "portguard_enforcing",
            "1: a generation is in force that this daemon can read; 0: none is, the filter may be off",
            [([], u64::from(generation.is_some()))],
        )?;
        families.gauge(
            "portguard_generation",
            "The number of the generation in force",
            generation.iter().map(|generation| ([], generation.number)),
        )?;
        families.seconds(
            "portguard_generation_timestamp",
            "Since when the generation is in force, in seconds since 1970",
            generation.as_ref().map(|generation| generation.since),
        )?;
        families.gauge(
            "portguard_interface_guarded",
            "1: the interface of the site is guarded; 0: it is not there, or the filter cannot be put on it",
            interfaces.iter().map(|InterfaceState { name, attached }| {
                let labels = [("interface", name.as_str()), ("attached", attached.as_deref().unwrap_or(""))];
                (labels, u64::from(attached.is_some()))
            }),
        )
    }

    fn encode_health(&self, families: &mut Families<'_>) -> fmt::Result {
        families.gauge(
            "portguard_troubles",
            "What somebody should look at, by what it is about: `portguard status` says it in words",
            self.troubles.iter().map(|&(subject, troubles)| ([("subject", subject)], troubles)),
        )?;
        for (name, help, number) in [
            (
                "portguard_site_broken",
                "1: the site file cannot be put in force, or was taken back; what was in force is so still",
                u64::from(self.site_broken),
            ),
            (
                "portguard_unconfirmed",
                "1: what is in force is taken back unless `portguard confirm` comes",
                u64::from(self.unconfirmed),
            ),
            (
                "portguard_host_names_unresolved",
                "Host names of the site that do not resolve at present; their last answers stay in force",
                self.unresolved,
            ),
            (
                "portguard_audit_store_failing",
                "1: the audit store cannot be written; counting goes on in the kernel",
                u64::from(self.audit_failing),
            ),
        ] {
            families.gauge(name, help, [([], number)])?;
        }
        families.seconds(
            "portguard_start_time",
            "When the daemon began, in seconds since 1970",
            Some(self.started),
        )?;
        families.seconds(
            "portguard_last_reload_success_timestamp",
            "When a site was last put in force, or found to be so already, in seconds since 1970",
            self.reloaded,
        )
    }
}

impl Counts {
    fn encode(&self, families: &mut Families<'_>) -> fmt::Result {
        let passed = self.ranges.iter().flat_map(|range| {
            range.rules.iter().map(move |rule| {
                let labels = [
                    ("product", rule.product.as_str()),
                    ("rule", rule.rule.as_str()),
                    ("place", rule.place.as_str()),
                    ("zone", range.zone.as_str()),
                    ("port", range.ports.as_str()),
                ];
                (labels, rule.passed)
            })
        });
        families.amounts(
            "portguard_rule_passed",
            "that a rule admitted to a range of ports, by the rule and its place in its document",
            passed,
        )?;
        let products: Vec<String> = self.ranges.iter().map(|range| range.products.join(",")).collect();
        let refused = self.ranges.iter().zip(&products).flat_map(|(range, products)| {
            let RangeRow { zone, ports, dropped, would_drop, .. } = range;
            [(DROP, *dropped), (WOULD_DROP, *would_drop)].map(|(verdict, counted)| {
                let port = [("product", products.as_str()), ("zone", zone), ("port", ports)];
                ([port[0], port[1], port[2], ("verdict", verdict)], counted)
            })
        });
        families.amounts(
            "portguard_port_refused",
            "to a documented range of ports that no rule admitted, by what became of them",
            refused,
        )?;
        families.amounts(
            "portguard_reason",
            "by the reason of their verdict; each packet has exactly one",
            self.reasons.iter().flat_map(of_reason),
        )?;
        let Counted { passed, dropped, would_drop } = self.undocumented;
        let verdicts = [(PASS, passed), (DROP, dropped), (WOULD_DROP, would_drop)];
        families.amounts(
            "portguard_undocumented",
            "to ports that no document names, by what became of them",
            verdicts.map(|(verdict, counted)| ([("verdict", verdict)], counted)),
        )
    }
}

const PASS: &str = "pass";
const DROP: &str = "drop";
const WOULD_DROP: &str = "would_drop";

/// What passes is never among what would have been dropped.
fn of_reason(row: &ReasonRow) -> impl Iterator<Item = ([Label<'_>; 3], Count)> {
    let passes = row.action == PASS;
    let counted = if passes { PASS } else { DROP };
    let would = (!passes).then_some((WOULD_DROP, row.would_drop));
    let verdicts = [(counted, row.counted)].into_iter().chain(would);
    verdicts.map(|(verdict, counted)| {
        (
            [("direction", row.direction.name()), ("reason", row.reason.as_str()), ("verdict", verdict)],
            counted,
        )
    })
}
