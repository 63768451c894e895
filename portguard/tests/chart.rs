//! A chart knows each counter's port: in the middle of a range, at both ends, with one rule and with many.

use std::path::Path;

use portguard::{
    compile::{Node, compile},
    input::read_site,
    observe::Chart,
};
use portguard_common::abi::port_slots;

#[test]
fn every_counter_of_a_port_leads_to_that_port_and_to_no_other() {
    for site in ["five", "both", "odd", "services"] {
        check(&Path::new("tests/sites").join(site).with_extension("toml"));
    }
}

fn check(site: &Path) {
    let matrix = read_site(site).expect("the site is sound").matrix;
    let image = compile(&matrix, &Node::default()).expect("it fits");
    let chart = Chart::new(image.legend(), &matrix);
    let mut ports = 0;
    for port in chart.ports() {
        let rules = u32::try_from(chart.rules_of(port.list).len()).expect("few rules");
        for slot in port.slot..port.slot + port_slots::ADMITTED + rules {
            assert_eq!(chart.port_of(slot).as_ref(), Some(&port), "{slot}");
        }
        ports += 1;
    }
    assert_eq!(ports, image.legend().ports().count());
    assert_eq!(chart.port_of(0), None, "the counter of a reason");
    assert_eq!(chart.port_of(image.legend().slots()), None, "one beyond the last");
}
