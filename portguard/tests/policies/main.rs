//! The policies that come with the binary, held against their documents: what they open, row by row of a second
//! reading; whether every port number is covered and every citation true; what `docs/coverage.md` says of it.

mod completeness;
mod coverage;
mod document;
mod opened;
#[expect(unreachable_pub, reason = "the kernel's tests are another crate and include the rows as well")]
mod rows;

use portguard::{
    policy::{self, Policy, built_in},
    reading::Source,
};

fn parsed(name: &str) -> Policy {
    let built_in = built_in(name).expect("the policy comes with the binary");
    policy::parse(&Source::new(built_in.file, built_in.text)).expect("the policy is sound")
}
