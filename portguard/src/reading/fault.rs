//! What can be wrong with a file before anyone asks what it means.

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

/// A fault that any file may have. Codes `PG0001` to `PG0099`.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[expect(
    missing_docs,
    reason = "the text of each variant says what went wrong, its fields are what the text names"
)]
pub enum Fault {
    #[error("this is not TOML: {message}")]
    #[diagnostic(code(PG0001), help("mend this first: what follows it in the file may have been misread"))]
    Syntax {
        message: String,
        #[label("the reader gave up here")]
        at: SourceSpan,
    },

    #[error("{table} has no key `{key}`")]
    #[diagnostic(code(PG0002))]
    UnknownKey {
        key: String,
        table: String,
        #[label("unknown key")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("{table} lacks the key `{key}`")]
    #[diagnostic(code(PG0003))]
    MissingKey {
        key: String,
        table: String,
        #[label("`{key}` belongs here")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("`{key}` must be {expected}, not {found}")]
    #[diagnostic(code(PG0004), help("write {expected}, for example {example}"))]
    WrongType {
        key: String,
        expected: &'static str,
        example: String,
        found: &'static str,
        #[label("this is {found}")]
        at: SourceSpan,
    },

    #[error("`{key}` cannot be `{value}`")]
    #[diagnostic(code(PG0005))]
    NotOneOf {
        key: String,
        value: String,
        #[label("not a value of `{key}`")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("`{key}` is {value}, outside {first} to {last}")]
    #[diagnostic(code(PG0006), help("write a number from {first} to {last}"))]
    OutOfRange {
        key: String,
        value: String,
        first: u32,
        last: u32,
        #[label("not within {first} to {last}")]
        at: SourceSpan,
    },

    #[error("`{name}` is not a name")]
    #[diagnostic(
        code(PG0007),
        help("a name begins with a letter and goes on with letters, digits, `-` and `_`, 64 at most")
    )]
    BadName {
        name: String,
        #[label("not a name")]
        at: SourceSpan,
    },

    #[error("`{text}` is neither an address nor a prefix")]
    #[diagnostic(code(PG0008))]
    BadPrefix {
        text: String,
        #[label("not an address")]
        at: SourceSpan,
        #[help]
        remedy: &'static str,
    },

    #[error("`{text}` is the address of a host, not of a network: bits are set beyond /{length}")]
    #[diagnostic(code(PG0009), help("for the network write \"{network}\", for the host alone \"{host}\""))]
    HostBits {
        text: String,
        length: u8,
        network: String,
        host: String,
        #[label("bits set beyond /{length}")]
        at: SourceSpan,
    },

    #[error("`{text}` is an IPv4 address in an IPv6 coat, which no packet on the wire carries")]
    #[diagnostic(code(PG0010))]
    MappedAddress {
        text: String,
        #[label("IPv4-mapped IPv6")]
        at: SourceSpan,
        #[help]
        remedy: String,
    },

    #[error("`{prefix}` stands twice in {list}")]
    #[diagnostic(code(PG0011), help("remove one of the two"))]
    PrefixTwice {
        prefix: String,
        list: String,
        #[label("again here")]
        at: SourceSpan,
        #[label("first here")]
        first: SourceSpan,
    },

    #[error("`{inner}` lies inside `{outer}`, both in {list}")]
    #[diagnostic(
        code(PG0012),
        help("remove `{inner}`, which adds nothing; or narrow `{outer}` if it admits more than you meant")
    )]
    PrefixInside {
        inner: String,
        outer: String,
        list: String,
        #[label("is part of `{outer}`")]
        at: SourceSpan,
        #[label("admits all of it")]
        outer_at: SourceSpan,
    },

    #[error("the port range `{text}` is reversed")]
    #[diagnostic(code(PG0013), help("write the lower port first: `{last}-{first}`"))]
    ReversedRange {
        text: String,
        first: u32,
        last: u32,
        #[label("begins after its end")]
        at: SourceSpan,
    },

    #[error("`{text}` is not a port or a range of ports")]
    #[diagnostic(code(PG0014), help("write ports from 1 to 65535: 8086, \"8086\" or \"20000-29999\""))]
    BadPorts {
        text: String,
        #[label("not ports")]
        at: SourceSpan,
    },

    #[error("`{name}` stands twice in {list}")]
    #[diagnostic(code(PG0015), help("remove one of the two"))]
    NameTwice {
        name: String,
        list: String,
        #[label("again here")]
        at: SourceSpan,
        #[label("first here")]
        first: SourceSpan,
    },

    #[error("`{key}` must not be empty")]
    #[diagnostic(code(PG0016))]
    Empty {
        key: String,
        #[label("nothing here")]
        at: SourceSpan,
        #[help]
        remedy: &'static str,
    },

    #[error("this key or table stands in the file a second time")]
    #[diagnostic(code(PG0017), help("keep one: TOML has no way to add to the first"))]
    KeyTwice {
        #[label("again here")]
        at: SourceSpan,
    },
}
