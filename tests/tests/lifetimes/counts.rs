//! Counts go on over whatever happens to generations and daemons.

use portguard_tests::{
    demo::SITE,
    lab::{Guard, Lab, wait_until},
};

use super::{SOON, counted, generation, send};

/// The site with another set of clients, which is another generation.
fn variant(number: usize) -> String {
    SITE.replace("\"10.88.0.3\"", &format!("\"10.88.0.3\", \"10.99.0.{number}\""))
}

#[test]
fn counts_go_on_over_reloads_restarts_and_kills() {
    let lab = Lab::new().unwrap();
    let mut guard = Guard::start(&lab.node, SITE).unwrap();
    let (mut sent, first) = (0, generation(&guard));
    for round in 1..=6 {
        send(&lab.stranger, lab.node.v4(), 100 + round);
        sent += 100 + round;
        let output = guard.reload(&variant(round)).unwrap();
        assert!(output.status.success(), "{}", super::said(&output));
        send(&lab.stranger, lab.node.v4(), 10);
        sent += 10;
        guard = guard.restart().unwrap();
        assert_eq!(generation(&guard), first + round as u64);
        // On a busy machine a packet may still be on its way when it was sent.
        wait_until(SOON, || counted(&guard) == sent as u64);
        assert_eq!(counted(&guard), sent as u64, "round {round}: {}", guard.counters().unwrap());
    }
    let kept = std::fs::read_dir(guard.pins().join("generations")).unwrap().count();
    assert_eq!(kept, 1, "what was counted is put away, and its generation with it");
    guard.stop().unwrap();
}

#[test]
fn what_a_rule_admitted_is_told_after_the_rule_is_gone() {
    let lab = Lab::new().unwrap();
    let _sockets = super::listen(&lab.node, &[22]);
    let site = format!("{SITE}\n[[rules]]\nname = \"shell\"\nports = [\"22/tcp\"]\nfrom = [\"clients\"]\n");
    let guard = Guard::start(&lab.node, &site).unwrap();
    lab.client.connect(lab.node.v4(), 22).unwrap();
    let passed = |guard: &Guard| {
        let counters = guard.counters().unwrap();
        let ports = counters["ports"].as_array().unwrap().clone();
        let row = ports.into_iter().find(|row| row["port"] == "22/tcp").expect("the port is told");
        let rule = row["rules"].as_array().unwrap()[0].clone();
        (rule["passed"]["packets"].as_u64().unwrap(), rule["in_force"].as_bool().unwrap())
    };
    let before = passed(&guard);
    assert!(before.0 > 0 && before.1, "{before:?}");
    assert!(guard.reload(SITE).unwrap().status.success());
    assert_eq!(passed(&guard), (before.0, false));
    let shown = super::said(&guard.ask(&["counters"]).unwrap());
    assert!(shown.contains("site/shell") && shown.contains("no longer in force"), "{shown}");
    guard.stop().unwrap();
}
