//! Lint: what a careful colleague would ask about a site that holds together.
//!
//! Each question has a code (`reading::Code`) and can be accepted in the site file with a reason. The room sees the
//! site as written, for places; the matrix, for what it comes to; the policies, for what the documents keep within the
//! cluster; and the [`Surroundings`], which somebody else has read. It never touches the operating system, and it does
//! not decide whether a site may be used: that is done.

mod accept;
mod addresses;
mod answers;
mod exposure;
mod failsafe;
mod groups;
mod leases;
mod lookup;
mod members;
mod openings;
mod outward;
mod ports;
mod shadow;
mod ssh;
mod surroundings;
mod warning;

pub use accept::{Accepted, Findings};
pub use surroundings::{LocalPorts, SshSession, Surroundings};
pub use warning::Warning;

use crate::{
    matrix::{Library, Matrix},
    site::Site,
};
use lookup::Lookup;
pub use members::odd_answers;

/// Everything that is odd about the site, less what it accepts, in the order of the file.
pub fn lint(site: &Site, library: &Library, matrix: &Matrix, around: &Surroundings) -> Findings {
    let lookup = Lookup::new(site, library, matrix);
    let mut warnings = groups::unused(site, matrix);
    warnings.extend(members::empty_files(site));
    warnings.extend(members::loopback(site));
    warnings.extend(members::hosts(site));
    warnings.extend(groups::inside(&lookup));
    warnings.extend(failsafe::wide(&lookup));
    warnings.extend(failsafe::empty(&lookup));
    warnings.extend(exposure::open_roles(&lookup));
    warnings.extend(exposure::open_ports(&lookup));
    warnings.extend(shadow::find(&lookup));
    warnings.extend(ssh::find(&lookup, around));
    warnings.extend(answers::find(&lookup, around));
    warnings.extend(outward::find(&lookup));
    warnings.extend(leases::find(&lookup, around));
    warnings.extend(ports::ephemeral(&lookup, around));
    warnings.extend(ports::wanted_twice(&lookup));
    warnings.extend(ports::not_given(&lookup));
    accept::sift(site, warnings)
}
