//! What can be wrong with a site.

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

use crate::reading;

/// A fault of a site file. Codes `PG0201` to `PG0299`.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[expect(
    missing_docs,
    reason = "the text of each variant says what went wrong, its fields are what the text names"
)]
pub enum Fault {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Reading(#[from] reading::Fault),

    #[error("there is no policy `{name}`")]
    #[diagnostic(code(PG0201))]
    UnknownPolicy {
        name: String,
        #[label("no such policy")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("the policy file `{path}` cannot be read: {why}")]
    #[diagnostic(code(PG0202), help("a path is relative to the site file's directory"))]
    UnreadablePolicy {
        path: String,
        why: String,
        #[label("named here")]
        at: SourceSpan,
    },

    #[error("the policy {policy} has no {kind} `{name}`")]
    #[diagnostic(code(PG0203))]
    NotInPolicy {
        kind: &'static str,
        name: String,
        policy: String,
        #[label("unknown {kind}")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("there is no {kind} `{name}`")]
    #[diagnostic(code(PG0204))]
    Undeclared {
        kind: &'static str,
        name: String,
        #[label("not declared")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("nobody is bound to the role `{role}` of {policy}: {meaning}")]
    #[diagnostic(
        code(PG0205),
        help("in [products.{product}.roles] write {role} = [\"GROUP\"], or {role} = [] to admit nobody")
    )]
    UnboundRole {
        role: Box<str>,
        meaning: Box<str>,
        policy: Box<str>,
        product: Box<str>,
        #[label("admitted by {rules}")]
        at: SourceSpan,
        rules: Box<str>,
    },

    #[error("the addresses of the role `{role}` are fixed by {document}")]
    #[diagnostic(code(PG0206), help("remove the binding; the addresses are {addresses}"))]
    FixedRole {
        role: String,
        document: String,
        addresses: String,
        #[label("cannot be bound")]
        at: SourceSpan,
    },

    #[error("two rules are called `{name}`")]
    #[diagnostic(code(PG0207), help("give one of them another name: counters and verdicts name rules by it"))]
    RuleTwice {
        name: String,
        #[label("again here")]
        at: SourceSpan,
        #[label("first here")]
        first: SourceSpan,
    },

    #[error("no interface is guarded")]
    #[diagnostic(code(PG0208), help("add [interfaces.eth0], with the name of the interface to guard"))]
    NoInterface {
        #[label("no [interfaces.NAME] in this file")]
        at: SourceSpan,
    },

    #[error("a group cannot be called `any`")]
    #[diagnostic(
        code(PG0209),
        help(
            "`any` always is every address there is; choose another name, or use `any` without declaring it"
        )
    )]
    ReservedGroup {
        #[label("reserved")]
        at: SourceSpan,
    },

    #[error(
        "the rule `{rule}` of {policy} would open port {value} (`{expression}`), and ports go from 1 to 65535"
    )]
    #[diagnostic(code(PG0210), help("choose smaller parameters for this product"))]
    NotAPort {
        rule: String,
        policy: String,
        expression: String,
        value: u64,
        #[label("with these parameters")]
        at: SourceSpan,
    },

    #[error(
        "the rule `{rule}` of {policy} would open the ports {first} to {last} (`{expression}`), which are reversed"
    )]
    #[diagnostic(code(PG0211), help("choose the product's parameters so that the lower port comes first"))]
    ReversedPorts {
        rule: String,
        policy: String,
        expression: String,
        first: u16,
        last: u16,
        #[label("with these parameters")]
        at: SourceSpan,
    },

    #[error("`{text}` is nothing that a rule can open")]
    #[diagnostic(code(PG0212))]
    BadService {
        text: String,
        #[label("not a service")]
        at: SourceSpan,
        #[help]
        remedy: &'static str,
    },

    #[error("{policy} speaks of the zone `{zone}`, and this site does not say which of its zones that is")]
    #[diagnostic(code(PG0213), help("in [products.{product}.zones] write {zone} = \"ZONE\""))]
    UnboundZone {
        zone: String,
        policy: String,
        product: String,
        #[label("`{zone}` is not bound")]
        at: SourceSpan,
    },

    #[error("{policy} describes several kinds of nodes, and this site does not say which this one is")]
    #[diagnostic(code(PG0214), help("write profiles = [..] with one or more of {profiles}"))]
    ProfilesMissing {
        policy: String,
        profiles: String,
        #[label("`profiles` belongs here")]
        at: SourceSpan,
    },

    #[error("`{name}` cannot be an interface")]
    #[diagnostic(
        code(PG0215),
        help(
            "an interface's name has 1 to 15 characters, no space, no `/` and no bracket; in a pattern `*` stands for any \
         characters and `?` for one"
        )
    )]
    BadInterface {
        name: String,
        #[label("not an interface")]
        at: SourceSpan,
    },

    #[error("`{name}` and `{other}` both match `{example}`, and neither is the narrower pattern")]
    #[diagnostic(
        code(PG0217),
        help("write them so that they share no name, or that one lies within the other; or write the names")
    )]
    CrossingPatterns {
        name: String,
        other: String,
        example: String,
        #[label("matches `{example}`")]
        at: SourceSpan,
        #[label("matches it, too")]
        other_at: SourceSpan,
    },

    #[error("the file `{path}` of a group cannot be read: {why}")]
    #[diagnostic(code(PG0218), help("a path is relative to the site file's directory"))]
    UnreadableGroupFile {
        path: String,
        why: String,
        #[label("named here")]
        at: SourceSpan,
    },

    #[error("`{text}` names no host")]
    #[diagnostic(code(PG0219))]
    BadHostName {
        text: String,
        #[label("not a host name")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("`failsafe` would admit every {family} address to every port")]
    #[diagnostic(code(PG0220), help("name groups with the few addresses that administrators come from"))]
    FailsafeEverybody {
        family: &'static str,
        #[label("every address there is")]
        at: SourceSpan,
    },

    #[error("the rule `{name}` says both who may come in and what the node may reach")]
    #[diagnostic(
        code(PG0221),
        help("make it two rules: one with `from`, for what comes in, and one with `to`, for what leaves")
    )]
    BothDirections {
        name: String,
        #[label("whom the node may reach")]
        at: SourceSpan,
        #[label("who may come in")]
        from_at: SourceSpan,
    },

    #[error("`{code}` cannot be accepted")]
    #[diagnostic(code(PG0216))]
    NotAcceptable {
        code: String,
        #[label("not a warning that can be accepted")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },
}
