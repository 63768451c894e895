//! A real Prometheus on a host of the lab.

use std::{fs, path::Path, process::Command, time::Duration};

use portguard_tests::lab::{Host, Process, Reach};
use serde_json::Value;

use crate::ADDRESS;

const PORT: u16 = 9090;
const URL: &str = "http://127.0.0.1:9090";
/// How long it may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// Scrapes the daemon on its own host, each second, with the rules of `deploy/`.
pub(crate) struct Prometheus {
    host: Host,
    _process: Process,
}

/// A sample: its labels, its name among them, and its value.
pub(crate) type Sample = (Value, f64);

impl Prometheus {
    pub(crate) fn start(host: &Host) -> Self {
        let directory = host.directory().join("prometheus");
        fs::create_dir(&directory).expect("the lab's directory can be written to");
        let config = directory.join("prometheus.yml");
        let rules = deploy("prometheus/portguard.rules.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{rules:?}]\nscrape_configs:\n\
             - job_name: portguard\n  static_configs: [{{ targets: [\"{ADDRESS}\"] }}]\n"
        );
        fs::write(&config, text).expect("the lab's directory can be written to");
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", directory.join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{PORT}"));
        let mut process = host.spawn(&mut command).expect("Prometheus is installed");
        let loopback = std::net::Ipv4Addr::LOCALHOST.into();
        process
            .wait_ready(PATIENCE, |_| Ok(host.connect(loopback, PORT)? == Reach::Open))
            .expect("Prometheus takes its configuration");
        Self { host: host.clone(), _process: process }
    }

    /// What it answers to a query.
    pub(crate) fn query(&self, query: &str) -> Vec<Sample> {
        let output = self.host.output(10, "promtool", &["query", "instant", "--format=json", URL, query]);
        let output = output.expect("promtool is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{query}: {said}");
        let samples: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        let value = |sample: &Value| sample["value"][1].as_str().and_then(|value| value.parse().ok());
        samples.iter().map(|sample| (sample["metric"].clone(), value(sample).expect("a number"))).collect()
    }

    /// The one number that it answers; `None`: no series.
    pub(crate) fn number(&self, query: &str) -> Option<f64> {
        let samples = self.query(query);
        assert!(samples.len() <= 1, "{query}: {samples:?}");
        samples.first().map(|(_, value)| *value)
    }
}

/// A file of `deploy/`.
pub(crate) fn deploy(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file).display().to_string()
}
