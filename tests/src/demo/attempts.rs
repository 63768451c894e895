//! What the hosts of the demo try. Whom the documents admit is written down here by hand, a second time beside the
//! policies, so that a slip in a policy is a surprise.

use std::{net::IpAddr, net::SocketAddr, process::Command, time::Duration};

use crate::lab::{Host, Lab, Ran, Reach};

/// How long whoever gets no answer waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// The node answered as it should.
    Through,
    /// Not a word.
    Nothing,
    /// Anything else, in the tool's words: neither a server that serves nor a filter that drops looks like this.
    Otherwise(String),
}

impl Came {
    pub(super) fn says(&self) -> String {
        match self {
            Self::Through => "answered".to_owned(),
            Self::Nothing => "no answer".to_owned(),
            Self::Otherwise(what) => what.clone(),
        }
    }
}

/// Whether PortGuard is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Round {
    /// Not yet.
    Without,
    /// It is.
    With,
}

/// How it is tried.
#[derive(Clone, Copy)]
enum By {
    /// `influx`: write a point and read it back.
    Influx,
    /// `influxd backup` of the whole database.
    Backup,
    /// `redis-cli PING`.
    Redis(u16),
    /// The first packet of a TCP connection.
    Syn(u16),
    /// An ICMP echo request.
    Ping,
}

/// Something to try, who may, and who may not, as the documents say.
struct Trial {
    by: By,
    may: &'static [&'static str],
    may_not: &'static [&'static str],
}

const TRIALS: [Trial; 8] = [
    Trial { by: By::Influx, may: &["client"], may_not: &["peer", "stranger"] },
    Trial { by: By::Backup, may: &["peer"], may_not: &["client", "stranger"] },
    Trial { by: By::Redis(12_000), may: &["client", "peer"], may_not: &["stranger"] },
    Trial { by: By::Redis(20_001), may: &["peer"], may_not: &["stranger"] },
    Trial { by: By::Syn(20_001), may: &[], may_not: &["client"] },
    Trial { by: By::Ping, may: &["peer"], may_not: &["client", "stranger"] },
    // The one port that the document leaves out between 3341 and 3343.
    Trial { by: By::Syn(3342), may: &[], may_not: &["peer"] },
    Trial { by: By::Syn(22), may: &[], may_not: &["peer", "client", "stranger"] },
];

impl By {
    fn name(self) -> String {
        match self {
            Self::Influx => "influx: write, query (8086)".to_owned(),
            Self::Backup => "influxd backup (8088)".to_owned(),
            Self::Redis(port) => format!("redis-cli PING ({port})"),
            Self::Syn(port) => format!("SYN to {port}"),
            Self::Ping => "ping".to_owned(),
        }
    }

    /// The port as `portguard explain` wants it.
    fn port(self) -> String {
        match self {
            Self::Influx => "8086/tcp".to_owned(),
            Self::Backup => "8088/tcp".to_owned(),
            Self::Redis(port) | Self::Syn(port) => format!("{port}/tcp"),
            Self::Ping => "icmp".to_owned(),
        }
    }
}

/// One attempt.
pub(super) struct Attempt<'a> {
    pub(super) from: &'a Host,
    pub(super) to: IpAddr,
    /// Whether the document lets it through.
    pub(super) admitted: bool,
    by: By,
}

impl Attempt<'_> {
    /// What is tried.
    pub(super) fn name(&self) -> String {
        self.by.name()
    }

    /// Where it comes from.
    pub(super) fn source(&self) -> IpAddr {
        self.from.address_like(self.to)
    }

    /// The port as `portguard explain` wants it.
    pub(super) fn port(&self) -> String {
        self.by.port()
    }

    /// Whether it must not meet another of its kind: of two backups at once influxd makes one empty, and `influxd
    /// backup` tries again only after two seconds.
    pub(super) fn takes_turns(&self, round: Round) -> bool {
        match (self.by, round) {
            (By::Backup, Round::Without) => true,
            (By::Backup, Round::With) => self.admitted,
            (By::Influx | By::Redis(_) | By::Syn(_) | By::Ping, _) => false,
        }
    }

    /// Makes the attempt.
    pub(super) fn make(&self, round: Round) -> anyhow::Result<Came> {
        let to = self.to.to_string();
        match self.by {
            By::Influx => self.influx(round),
            By::Backup => self.backup(round),
            By::Redis(port) => self
                .tool(Command::new("redis-cli").args(["-h", &to, "-p", &port.to_string(), "PING"]), "PONG"),
            By::Syn(port) => Ok(match self.from.connect(self.to, port)? {
                // Nobody need listen: a refusal has come from the node, too.
                Reach::Open | Reach::Refused => Came::Through,
                Reach::Silent => Came::Nothing,
            }),
            By::Ping => Ok(if self.from.pings(self.to)? { Came::Through } else { Came::Nothing }),
        }
    }

    /// A name that no other attempt has.
    fn tag(&self, round: Round) -> String {
        format!("{}_{}_{round:?}", self.from.name(), if self.to.is_ipv4() { "v4" } else { "v6" })
            .to_lowercase()
    }

    /// What is read back is what this very attempt has written.
    fn influx(&self, round: Round) -> anyhow::Result<Came> {
        let tag = self.tag(round);
        let (insert, select) = (format!("INSERT {tag} value=1"), format!("SELECT value FROM {tag}"));
        let to = self.to.to_string();
        let mut came = Came::Through;
        for (statement, answer) in [("CREATE DATABASE demo", ""), (&insert, ""), (&select, &tag)] {
            if came == Came::Through {
                let mut influx = Command::new("influx");
                influx.args(["-host", &to, "-database", "demo", "-execute", statement]);
                came = self.tool(&mut influx, answer)?;
            }
        }
        Ok(came)
    }

    fn backup(&self, round: Round) -> anyhow::Result<Came> {
        let to = SocketAddr::new(self.to, 8088).to_string();
        let into = self.from.directory().join(format!("backup_{}", self.tag(round)));
        let mut backup = Command::new("influxd");
        self.tool(backup.args(["backup", "-portable", "-host", &to]).arg(into), "backup complete")
    }

    /// Runs a tool, which gets through when it succeeds and says `answer`.
    fn tool(&self, tool: &mut Command, answer: &str) -> anyhow::Result<Came> {
        let ran = self.from.run(tool, PATIENCE)?;
        let timed_out = matches!(ran, Ran::TimedOut(_));
        let output = ran.output();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ok(if output.status.success() && said.contains(answer) {
            Came::Through
        } else if timed_out && !said.contains("fail") {
            // A tool that tries again says why: something has come back.
            Came::Nothing
        } else {
            Came::Otherwise(said.lines().last().unwrap_or("it says nothing").to_owned())
        })
    }
}

/// Everything that is tried; the attempts of both address families follow each other.
pub(super) fn attempts(lab: &Lab) -> Vec<Attempt<'_>> {
    let Lab { node, peer, client, stranger, .. } = lab;
    let mut attempts = Vec::new();
    for Trial { by, may, may_not } in TRIALS {
        for from in [peer, client, stranger] {
            if may.contains(&from.name()) || may_not.contains(&from.name()) {
                let admitted = may.contains(&from.name());
                attempts.extend([node.v4(), node.v6()].map(|to| Attempt { from, to, admitted, by }));
            }
        }
    }
    attempts
}
