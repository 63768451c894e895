//! The groups as sets of addresses.

use std::{collections::BTreeSet, fmt::Write as _};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{
    matrix::{Direction, GroupId, Matrix},
    reading::short_prefix,
};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// What matches every packet of the family.
    pub(super) fn matches(self) -> &'static str {
        match self {
            Self::V4 => "meta nfproto ipv4",
            Self::V6 => "meta nfproto ipv6",
        }
    }
}

/// The addresses of a group in one family.
enum Addresses {
    Nobody,
    Everybody,
    /// Sorted and disjoint.
    Listed(Vec<IpNet>),
}

/// A group that a rule names.
struct Group {
    name: String,
    v4: Addresses,
    v6: Addresses,
}

/// The groups by their number; those that no rule names that is kept are left out.
pub(super) struct Sets(Vec<Option<Group>>);

impl Sets {
    pub(super) fn new(matrix: &Matrix) -> Self {
        let kept = matrix.rules.iter().filter(|rule| matrix.enforces(rule.direction));
        let used: BTreeSet<GroupId> = kept.flat_map(crate::matrix::Rule::groups).collect();
        let groups = (0..matrix.groups.len()).map(GroupId::new);
        Self(groups.map(|id| used.contains(&id).then(|| group(matrix, id))).collect())
    }

    /// What matches the packets of a family from a group, or to it; none where nobody of the group has it.
    pub(super) fn peer(&self, direction: Direction, group: GroupId, family: Family) -> Option<String> {
        let group = self.0[group.index()].as_ref().expect("the group is one of a rule that is kept");
        let end = match direction {
            Direction::In => "saddr",
            Direction::Out => "daddr",
        };
        match (group.addresses(family), family) {
            (Addresses::Nobody, _) => None,
            (Addresses::Everybody, family) => Some(family.matches().to_owned()),
            (Addresses::Listed(_), Family::V4) => Some(format!("ip {end} @{}", group.set(family))),
            (Addresses::Listed(_), Family::V6) => Some(format!("ip6 {end} @{}", group.set(family))),
        }
    }

    /// Declares the sets.
    pub(super) fn write(&self, text: &mut String) {
        for group in self.0.iter().flatten() {
            for family in Family::BOTH {
                let Addresses::Listed(prefixes) = group.addresses(family) else { continue };
                let kind = match family {
                    Family::V4 => "ipv4_addr",
                    Family::V6 => "ipv6_addr",
                };
                let set = group.set(family);
                write!(text, "\tset {set} {{\n\t\ttype {kind}\n\t\tflags interval\n\t\telements = {{\n")
                    .expect("memory does not fail");
                for prefix in prefixes {
                    writeln!(text, "\t\t\t{},", short_prefix(prefix)).expect("memory does not fail");
                }
                text.push_str("\t\t}\n\t}\n\n");
            }
        }
    }
}

impl Group {
    fn addresses(&self, family: Family) -> &Addresses {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// The name of a set. It begins with a word of its own, lest a group be called like something that nft knows; the
    /// colon of a group that a document fixes is none of nft's letters.
    fn set(&self, family: Family) -> String {
        let name = self.name.replace(':', ".");
        match family {
            Family::V4 => format!("group-{name}-v4"),
            Family::V6 => format!("group-{name}-v6"),
        }
    }
}

fn group(matrix: &Matrix, id: GroupId) -> Group {
    let group = matrix.group(id);
    let v4 = group.prefixes.iter().filter_map(|prefix| match prefix {
        IpNet::V4(prefix) => Some(*prefix),
        IpNet::V6(_) => None,
    });
    let v6 = group.prefixes.iter().filter_map(|prefix| match prefix {
        IpNet::V6(prefix) => Some(*prefix),
        IpNet::V4(_) => None,
    });
    // Intervals of a set must not overlap.
    let v4 = Ipv4Net::aggregate(&v4.collect()).into_iter().map(IpNet::V4).collect();
    let v6 = Ipv6Net::aggregate(&v6.collect()).into_iter().map(IpNet::V6).collect();
    Group { name: group.name.clone(), v4: addresses(v4), v6: addresses(v6) }
}

fn addresses(prefixes: Vec<IpNet>) -> Addresses {
    match prefixes.as_slice() {
        [] => Addresses::Nobody,
        [all] if all.prefix_len() == 0 => Addresses::Everybody,
        _ => Addresses::Listed(prefixes),
    }
}
