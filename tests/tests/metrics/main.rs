//! Metrics, as a real Prometheus sees them.

mod endpoint;
mod files;
mod page;
mod prometheus;
mod values;

use portguard_tests::demo::SITE;

/// Where metrics are served.
const ADDRESS: &str = "127.0.0.1:9469";

/// The demo's site with a range of its own whose packets can be counted one by one, and metrics.
fn site(address: &str) -> String {
    format!(
        "{SITE}\n[[rules]]\nname = \"telemetry\"\nports = [\"7000-7009/udp\"]\nfrom = [\"clients\"]\n\n\
         [metrics]\nlisten = \"{address}\"\n"
    )
}
