//! The questions themselves, each with its place and its remedy.

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

/// What is odd about a site. Codes `PG0301` to `PG0399`.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[expect(
    missing_docs,
    reason = "the text of each variant says what is odd, its fields are what the text names"
)]
pub enum Warning {
    #[error("nobody uses the group `{group}`")]
    #[diagnostic(
        code(PG0301),
        severity(Warning),
        help("bind it to a role or name it in a rule, or remove it")
    )]
    UnusedGroup {
        group: String,
        #[label("in no binding and no rule")]
        at: SourceSpan,
    },

    #[error(
        "`{role}` of {policy} is bound to the whole internet, and {document} keeps it within the cluster"
    )]
    #[diagnostic(code(PG0302), severity(Warning), help("bind a group with the cluster's addresses instead"))]
    OpenRole {
        role: String,
        product: String,
        policy: String,
        document: String,
        #[label("every address there is")]
        at: SourceSpan,
    },

    #[error("the rule `{rule}` opens to the whole internet what is for the cluster only: {documented}")]
    #[diagnostic(
        code(PG0303),
        severity(Warning),
        help("leave those ports out, or name the groups that need them in `from`")
    )]
    OpenPort {
        rule: String,
        documented: String,
        #[label("admits every address there is")]
        at: SourceSpan,
    },

    #[error("the rule `{rule}` adds nothing: all of its sources are admitted to all of its ports by {by}")]
    #[diagnostic(
        code(PG0304),
        severity(Warning),
        help("remove it; or narrow the other, if it was not meant to admit them")
    )]
    IdleRule {
        rule: String,
        by: String,
        #[label("changes no verdict")]
        at: SourceSpan,
    },

    #[error("the rule `{rule}` admits everybody whom the document admits by {documented}")]
    #[diagnostic(
        code(PG0305),
        severity(Warning),
        help(
            "take the documented ports, or the groups bound to them, out of the rule, and the document decides again"
        )
    )]
    OverridingRule {
        rule: String,
        documented: String,
        #[label("leaves the document nothing to decide")]
        at: SourceSpan,
    },

    #[error(
        "addresses of `{inner}` lie inside `{outer}` (`{prefix}`{others}), and are admitted wherever that is"
    )]
    #[diagnostic(
        code(PG0306),
        severity(Warning),
        help(
            "narrow `{outer_prefix}`, if `{inner}` is not meant to have what `{outer}` has; else accept this"
        )
    )]
    GroupInside {
        inner: String,
        outer: String,
        prefix: String,
        others: String,
        outer_prefix: String,
        #[label("of `{inner}`")]
        at: SourceSpan,
        #[label("`{outer}` holds it")]
        outer_at: SourceSpan,
    },

    #[error("no rule admits SSH from {client}, where this session comes from: {consequence}")]
    #[diagnostic(code(PG0307), severity(Warning))]
    NoSsh {
        client: String,
        label: String,
        consequence: &'static str,
        #[help]
        remedy: String,
        #[label("{label}")]
        at: SourceSpan,
    },

    #[error("answers to this node's own {what} queries may be dropped")]
    #[diagnostic(
        code(PG0308),
        severity(Warning),
        help(
            "answers pass by themselves where the resolver and the time client connect their UDP sockets; if they do, accept \
             this with that reason. Else add a rule with ports = [\"{range}/udp\"] (for NTP \"123/udp\" may do) from the servers"
        )
    )]
    NoAnswers {
        what: &'static str,
        range: String,
        #[label("closes the ports that answers to unconnected UDP sockets come to")]
        at: SourceSpan,
    },

    #[error("`{product}` listens on {ports}, and this node's own connections are given ports from {range}")]
    #[diagnostic(code(PG0309), severity(Advice))]
    EphemeralPorts {
        product: String,
        ports: String,
        range: String,
        #[help]
        remedy: String,
        #[label("may find a port taken when it starts")]
        at: SourceSpan,
    },

    #[error("`{first}` and `{second}` would both listen on {ports}")]
    #[diagnostic(
        code(PG0310),
        severity(Warning),
        help(
            "move or narrow the ports of one by its parameters, as it is configured; what both open is open to the peers of both"
        )
    )]
    WantedTwice {
        first: String,
        second: String,
        ports: String,
        #[label("wants them")]
        at: SourceSpan,
        #[label("wants them, too")]
        first_at: SourceSpan,
    },

    #[error("`{parameter}` of {policy} is not given, so that {rules} opens no port: {meaning}")]
    #[diagnostic(
        code(PG0311),
        severity(Warning),
        help(
            "in [products.{product}.parameters] write {parameter} = \"PORTS\", or {parameter} = [] if nobody needs them"
        )
    )]
    PortsNotGiven {
        parameter: String,
        meaning: String,
        policy: String,
        product: String,
        rules: String,
        #[label("the document cannot know these ports")]
        at: SourceSpan,
    },

    #[error("there is no {code}{about} to accept")]
    #[diagnostic(
        code(PG0312),
        severity(Warning),
        help("remove this [[accept]]: what it was written for is gone, or its `subject` is misspelt")
    )]
    UnmatchedAcceptance {
        code: &'static str,
        about: String,
        #[label("matches nothing")]
        at: SourceSpan,
    },

    #[error("the file `{path}` of the group `{group}` holds no address")]
    #[diagnostic(
        code(PG0313),
        severity(Warning),
        help("it admits nobody: write addresses into it, one a line, or take it out of the group")
    )]
    EmptyGroupFile {
        path: String,
        group: String,
        #[label("admits nobody")]
        at: SourceSpan,
    },

    #[error("`{name}` in the group `{group}` does not resolve: {why}")]
    #[diagnostic(
        code(PG0314),
        severity(Warning),
        help(
            "see whether `getent ahosts {name}` finds it on the node: names come from /etc/hosts, then from the servers of \
             /etc/resolv.conf"
        )
    )]
    Unresolved {
        name: String,
        group: String,
        why: String,
        consequence: &'static str,
        #[label("{consequence}")]
        at: SourceSpan,
    },

    #[error("`{name}` in the group `{group}` resolves to {addresses}, which no peer can have")]
    #[diagnostic(
        code(PG0315),
        severity(Warning),
        help("they are left out; mend the name's entry in DNS, or in /etc/hosts of the node")
    )]
    RefusedAnswer {
        name: String,
        group: String,
        addresses: String,
        consequence: &'static str,
        #[label("{consequence}")]
        at: SourceSpan,
    },

    #[error("the failsafe group `{group}` holds more {family} addresses than a /{length}")]
    #[diagnostic(
        code(PG0316),
        severity(Warning),
        help(
            "each of them is admitted to every port, documented or not: name the few that administrators come from"
        )
    )]
    WideFailsafe {
        group: String,
        family: &'static str,
        length: u8,
        #[label("admitted to everything")]
        at: SourceSpan,
    },

    #[error("the failsafe group `{group}` has no member")]
    #[diagnostic(
        code(PG0317),
        severity(Warning),
        help("it keeps nobody from being locked out: give it addresses, or take it out of `failsafe`")
    )]
    EmptyFailsafe {
        group: String,
        #[label("admits nobody")]
        at: SourceSpan,
    },

    #[error("no outbound rule of this site's own lets this node reach {what}")]
    #[diagnostic(
        code(PG0318),
        severity(Warning),
        help(
            "add [[rules]] with `to`, for example ports = [\"53/udp\", \"53/tcp\"] and to = [\"resolvers\"]; or accept it, if this \
             node asks nobody"
        )
    )]
    NoWayOut {
        what: String,
        consequence: &'static str,
        #[label("{consequence}")]
        at: SourceSpan,
    },

    #[error("the address of {leased} is leased, and {closed}: it is lost when the lease ends")]
    #[diagnostic(
        code(PG0319),
        severity(Warning),
        help(
            "in [interfaces.{table}] write dhcp = true; or accept it, if another interface renews the lease"
        )
    )]
    NoDhcp {
        leased: String,
        table: String,
        closed: &'static str,
        #[label("without dhcp = true")]
        at: SourceSpan,
    },

    #[error("`{member}` in the group `{group}` is this node itself, which no packet from outside comes from")]
    #[diagnostic(
        code(PG0320),
        severity(Warning),
        help("leave it out: the loopback is not guarded, and what talks to this node over it needs no rule")
    )]
    Loopback {
        member: String,
        group: String,
        #[label("admits nobody")]
        at: SourceSpan,
    },
}

impl Warning {
    /// The names that the warning is about, one of which an acceptance can single out.
    pub fn subjects(&self) -> Vec<&str> {
        match self {
            Self::UnusedGroup { group, .. }
            | Self::WideFailsafe { group, .. }
            | Self::EmptyFailsafe { group, .. } => vec![group],
            Self::OpenRole { role, product, .. } => vec![role, product],
            Self::OpenPort { rule, .. } | Self::IdleRule { rule, .. } | Self::OverridingRule { rule, .. } => {
                vec![rule]
            }
            Self::GroupInside { inner, outer, .. } => vec![inner, outer],
            Self::EphemeralPorts { product, .. } => vec![product],
            Self::WantedTwice { first, second, .. } => vec![first, second],
            Self::PortsNotGiven { parameter, product, .. } => vec![parameter, product],
            Self::NoSsh { client, .. } => vec![client],
            Self::NoDhcp { table, .. } => vec![table],
            Self::EmptyGroupFile { path, group, .. } => vec![path, group],
            Self::Loopback { member, group, .. } => vec![member, group],
            Self::Unresolved { name, group, .. } | Self::RefusedAnswer { name, group, .. } => {
                vec![name, group]
            }
            Self::NoAnswers { .. } | Self::NoWayOut { .. } | Self::UnmatchedAcceptance { .. } => Vec::new(),
        }
    }
}
