//! The two opinions side by side.

use portguard::{
    compile::{Image, Kernel, Target},
    matrix::Direction,
};
use portguard_common::{Outcome, abi::port_slots};

use super::{Counted, Drawn, Opinion, judge, read, shape};
use crate::sample::{NODE_V4, NODE_V6};

/// How many frames to draw: the value of `PORTGUARD_FRAMES`, else `usual`.
///
/// # Panics
/// When the variable is no number.
pub fn frames_wanted(usual: u64) -> u64 {
    std::env::var("PORTGUARD_FRAMES")
        .map_or(usual, |text| text.parse().expect("PORTGUARD_FRAMES is a number of frames"))
}

/// Compares `outcome`, of `frame` that came in or left by the `interface`th interface, with the second opinion: reason, and
/// the rule and port whose counter it is.
///
/// # Panics
/// When they differ; the message names `seed`, which draws the same again.
pub fn assert_agree(
    outcome: Outcome,
    frame: &[u8],
    (direction, interface): (Direction, usize),
    (drawn, image): (&Drawn, &Image),
    kernel: &impl Kernel,
    seed: u64,
) {
    let own = [NODE_V4.into(), NODE_V6.into()];
    let opinion = judge(&read(frame), (&drawn.matrix, interface), direction, &own, kernel);
    let verdict =
        Opinion { reason: outcome.reason, counted: counted(outcome, (direction, interface), drawn, image) };
    assert_eq!(
        verdict,
        opinion,
        "PORTGUARD_SEED={seed}: the filter (left) and the second opinion (right) differ on {} ({direction:?}), {frame:02x?}, at {:#?}",
        shape(frame),
        drawn.matrix
    );
}

/// What the outcome's counter stands for, by the legend of the image.
fn counted(
    outcome: Outcome,
    (direction, interface): (Direction, usize),
    drawn: &Drawn,
    image: &Image,
) -> Option<Counted> {
    if let Some(place) = outcome.undocumented_place() {
        let (way, target) = Target::of_undocumented(place).expect("it is the place of a port or type");
        assert_eq!(way, direction, "counted in another direction");
        return Some(Counted::Undocumented(target));
    }
    let slot = outcome.slot()?;
    let port = image.legend().port_of(slot).expect("the slot is one of a documented port's");
    let here = (direction, drawn.matrix.interfaces[interface].zone);
    assert_eq!((port.direction, port.zone), here, "counted in another zone or direction");
    Some(match slot - port.slot {
        port_slots::REFUSED => Counted::Refused(port.target),
        port_slots::UNANSWERED => Counted::Unanswered(port.target),
        _ => Counted::Rule(port.target, image.legend().rule_of(slot).expect("the others are its rules")),
    })
}
