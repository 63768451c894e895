//! `cargo xtask bench`: what PortGuard costs.

use clap::Parser as _;
use portguard_tests::bench;

fn main() -> anyhow::Result<()> {
    bench::run(&bench::Options::parse())
}
