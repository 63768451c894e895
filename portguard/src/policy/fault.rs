//! What can be wrong with a policy.

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

use crate::reading;

/// A fault of a policy file. Codes `PG0101` to `PG0199`.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[expect(
    missing_docs,
    reason = "the text of each variant says what went wrong, its fields are what the text names"
)]
pub enum Fault {
    #[error(transparent)]
    #[diagnostic(transparent)]
    Reading(#[from] reading::Fault),

    #[error("no {kind} `{name}` is declared")]
    #[diagnostic(code(PG0101))]
    Undeclared {
        kind: &'static str,
        name: String,
        #[label("not declared")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("two rules are called `{id}`")]
    #[diagnostic(code(PG0102), help("give one of them another id: counters and verdicts name rules by it"))]
    RuleTwice {
        id: String,
        #[label("again here")]
        at: SourceSpan,
        #[label("first here")]
        first: SourceSpan,
    },

    #[error("the rules `{first_id}` and `{id}` say the same")]
    #[diagnostic(code(PG0103), help("keep one and let its `line` list the lines of both"))]
    SameRule {
        id: String,
        first_id: String,
        #[label("the same ports, protocol, peers and conditions")]
        at: SourceSpan,
        #[label("as here")]
        first: SourceSpan,
    },

    #[error("`{expression}` is {value} with the parameters' defaults, and ports go from 1 to 65535")]
    #[diagnostic(code(PG0104), help("choose a smaller number or default"))]
    NotAPort {
        expression: String,
        value: u64,
        #[label("no such port")]
        at: SourceSpan,
    },

    #[error("`{expression}` cannot be read as ports: {why}")]
    #[diagnostic(
        code(PG0105),
        help(
            "write for example \"8086\", \"10000-19999\", \"$cm_port\", \"9443+$offset\", or \"*\" for ICMP"
        )
    )]
    BadExpression {
        expression: String,
        why: &'static str,
        #[label("not ports")]
        at: SourceSpan,
    },

    #[error("the parameter `{parameter}` is of type {is}, and this needs {needs}")]
    #[diagnostic(code(PG0106))]
    WrongParameter {
        parameter: String,
        is: String,
        needs: &'static str,
        #[label("of type {is}")]
        at: SourceSpan,
        #[help]
        remedy: &'static str,
    },

    #[error("`{condition}` is not a condition")]
    #[diagnostic(
        code(PG0107),
        help("write \"name\" or \"!name\" for a bool, \"name=value\" or \"name!=value\" for a choice")
    )]
    BadCondition {
        condition: String,
        #[label("not a condition")]
        at: SourceSpan,
    },

    #[error("`{protocol}` is not a protocol")]
    #[diagnostic(
        code(PG0108),
        help(
            "write \"tcp\", \"udp\", \"sctp\", \"icmp\", \"icmpv4\", \"icmpv6\", or \"ip/47\" for one without ports"
        )
    )]
    BadProtocol {
        protocol: String,
        #[label("not a protocol")]
        at: SourceSpan,
    },

    #[error("`{expression}` does not fit the protocol {protocol}")]
    #[diagnostic(code(PG0109))]
    PortsForProtocol {
        expression: String,
        protocol: String,
        #[label("not for {protocol}")]
        at: SourceSpan,
        #[help]
        remedy: &'static str,
    },

    #[error("the rule `{id}` goes beyond its document and does not say why")]
    #[diagnostic(code(PG0110), help("say in `why` what speaks for the fields that `inferred` lists"))]
    InferredWithoutWhy {
        id: String,
        #[label("has `inferred` and no `why`")]
        at: SourceSpan,
    },

    #[error("the rule `{id}` says why, and not which of its fields go beyond its document")]
    #[diagnostic(code(PG0115), help("list the fields, for example inferred = [\"from\"], or remove `why`"))]
    WhyWithoutInferred {
        id: String,
        #[label("has `why` and no `inferred`")]
        at: SourceSpan,
    },

    #[error("this is format {found}, and this version of portguard reads format 1")]
    #[diagnostic(code(PG0111), help("write format = 1, or use a newer portguard"))]
    Format {
        found: u32,
        #[label("unknown format")]
        at: SourceSpan,
    },

    #[error("`{name}` has a meaning of its own and cannot be declared")]
    #[diagnostic(code(PG0112), help("`self` is the node itself in every policy; choose another name"))]
    Reserved {
        name: String,
        #[label("reserved")]
        at: SourceSpan,
    },

    #[error(
        "the ports `{expression}` are reversed with the parameters' defaults: {first} comes after {last}"
    )]
    #[diagnostic(code(PG0113), help("write the lower port first"))]
    Reversed {
        expression: String,
        first: u16,
        last: u16,
        #[label("begins after its end")]
        at: SourceSpan,
    },

    #[error("a policy without rules guards nothing")]
    #[diagnostic(code(PG0114), help("add a [[rules]] table for each row of the document"))]
    NoRules {
        #[label("no [[rules]] in this file")]
        at: SourceSpan,
    },
}
