//! The register of codes: what people look up, quote and accept. No two diagnostics share one, and none is used again
//! for something else. `docs/diagnostics.md` has a section for each, under the same title.

pub use miette::Severity;

/// A kind of diagnostic.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `PG0301`.
    pub name: &'static str,
    /// An error keeps a site from being used; a warning asks whether it is meant; advice is about the machine that the
    /// command runs on, not about the file.
    pub severity: Severity,
    /// What it is about, in a few words.
    pub title: &'static str,
}

/// The warning about acceptances, which cannot be accepted away itself.
const UNMATCHED_ACCEPTANCE: &str = "PG0312";

impl Code {
    /// Every code there is, ascending.
    pub fn all() -> &'static [Self] {
        CODES
    }

    /// The code of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CODES.iter().find(|code| code.name == name)
    }

    /// Whether a site can take it as it is, with a reason.
    pub fn can_be_accepted(&self) -> bool {
        self.severity != Severity::Error && self.name != UNMATCHED_ACCEPTANCE
    }
}

const fn error(name: &'static str, title: &'static str) -> Code {
    Code { name, severity: Severity::Error, title }
}

const fn warning(name: &'static str, title: &'static str) -> Code {
    Code { name, severity: Severity::Warning, title }
}

const fn advice(name: &'static str, title: &'static str) -> Code {
    Code { name, severity: Severity::Advice, title }
}

/// `PG00` is for any file, `PG01` for policies, `PG02` for sites, `PG03` for what is odd about a site, `PG04` for what
/// the kernel's tables cannot hold.
const CODES: &[Code] = &[
    error("PG0001", "not TOML"),
    error("PG0002", "an unknown key"),
    error("PG0003", "a missing key"),
    error("PG0004", "a value of the wrong type"),
    error("PG0005", "a word that is not one of those possible"),
    error("PG0006", "a number out of range"),
    error("PG0007", "not a name"),
    error("PG0008", "not an address"),
    error("PG0009", "host bits in a prefix"),
    error("PG0010", "an IPv4-mapped IPv6 address"),
    error("PG0011", "the same prefix twice"),
    error("PG0012", "a prefix inside another of the same list"),
    error("PG0013", "a reversed range of ports"),
    error("PG0014", "not ports"),
    error("PG0015", "the same name twice"),
    error("PG0016", "nothing where something belongs"),
    error("PG0017", "the same key or table twice"),
    error("PG0018", "a file that cannot be read"),
    error("PG0101", "a name that the policy does not declare"),
    error("PG0102", "two rules of a policy with one id"),
    error("PG0103", "two rules of a policy that say the same"),
    error("PG0104", "a port expression that is no port"),
    error("PG0105", "not a port expression"),
    error("PG0106", "a parameter of the wrong type"),
    error("PG0107", "not a condition"),
    error("PG0108", "not a protocol"),
    error("PG0109", "ports that do not fit the protocol"),
    error("PG0110", "an inference without a reason"),
    error("PG0111", "an unknown format"),
    error("PG0112", "a reserved role"),
    error("PG0113", "a reversed port expression"),
    error("PG0114", "a policy without rules"),
    error("PG0115", "a reason without an inference"),
    error("PG0201", "an unknown policy"),
    error("PG0202", "a policy file that cannot be read"),
    error("PG0203", "a name that the policy does not have"),
    error("PG0204", "a name that the site does not declare"),
    error("PG0205", "a role that nobody is bound to"),
    error("PG0206", "a binding of a role whose addresses are fixed"),
    error("PG0207", "two rules of a site with one name"),
    error("PG0208", "no interface"),
    error("PG0209", "a group called any"),
    error("PG0210", "parameters that lead to no port"),
    error("PG0211", "parameters that reverse a range"),
    error("PG0212", "not a service"),
    error("PG0213", "a zone of the policy that is not bound"),
    error("PG0214", "no profile where one is required"),
    error("PG0215", "not the name of an interface"),
    error("PG0216", "a code that cannot be accepted"),
    error("PG0217", "interface patterns that cross"),
    error("PG0218", "a group file that cannot be read"),
    error("PG0219", "not a host name"),
    error("PG0220", "a failsafe for everybody"),
    error("PG0221", "a rule for both directions"),
    warning("PG0301", "a group that nobody uses"),
    warning("PG0302", "a cluster's role bound to the whole internet"),
    warning("PG0303", "a cluster's port opened to the whole internet"),
    warning("PG0304", "a rule that adds nothing"),
    warning("PG0305", "a rule that leaves the document nothing to decide"),
    warning("PG0306", "addresses of one group inside another"),
    warning("PG0307", "no SSH for this session"),
    warning("PG0308", "answers to DNS and NTP not thought of"),
    advice("PG0309", "documented ports among this node's ephemeral ones"),
    warning("PG0310", "two products that want the same port"),
    warning("PG0311", "ports that only this site knows"),
    warning(UNMATCHED_ACCEPTANCE, "an acceptance that matches nothing"),
    warning("PG0313", "a group file without addresses"),
    warning("PG0314", "a host name that does not resolve"),
    warning("PG0315", "an answer that no peer can have"),
    warning("PG0316", "a wide failsafe group"),
    warning("PG0317", "a failsafe group without members"),
    warning("PG0318", "no way out to names and clocks"),
    warning("PG0319", "a lease that cannot be renewed"),
    warning("PG0320", "the loopback as a member"),
    error("PG0401", "more than the tables can hold"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ascending_and_well_formed() {
        assert!(CODES.windows(2).all(|pair| pair[0].name < pair[1].name));
        for code in CODES {
            let number = code.name.strip_prefix("PG").expect("codes begin with PG");
            assert!(number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()), "{}", code.name);
        }
    }

    #[test]
    fn errors_cannot_be_accepted_and_warnings_can() {
        assert!(!Code::named("PG0201").unwrap().can_be_accepted());
        assert!(!Code::named(UNMATCHED_ACCEPTANCE).unwrap().can_be_accepted());
        assert!(Code::named("PG0309").unwrap().can_be_accepted());
        assert_eq!(Code::named("PG9999"), None);
    }
}
