//! The demo's site file.

/// One node of an InfluxDB and of a Redis cluster; the second node is the cluster, and there is one client.
pub const SITE: &str = r#"mode = "enforce"
posture = "drop"

[interfaces.eth0]

[groups]
cluster = ["10.88.0.2", "fd88::2"]
clients = ["10.88.0.3", "fd88::3"]

[products.influxdb]
policy = "influxdb-enterprise"
[products.influxdb.roles]
clients = ["clients"]
data-nodes = ["cluster"]
meta-nodes = ["cluster"]
chronograf = []

[products.redis]
policy = "redis-enterprise"
[products.redis.roles]
internal = ["cluster"]
external = ["clients"]
active-active = []
"#;
