//! Port expressions: `8086`, `10000-19999`, `$cm_port`, `9443+$offset`, `*`.

use std::fmt;

use super::{Setting, Settings};
use crate::matrix::PortRange;

/// Ports as a policy writes them, before a site's parameters are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortExpression {
    /// `*`: of ICMP every type, of another protocol without ports the whole of it.
    All,
    /// One port, or a parameter that stands for any number of ports.
    One(Sum),
    /// From one port to another.
    Range(Sum, Sum),
}

/// Numbers and parameters that are added up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    Number(u16),
    Parameter(String),
}

/// Why an expression has no ports under the given settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortFault {
    /// A sum is zero or above 65535.
    NotAPort(u64),
    /// A range begins after its end.
    Reversed(u16, u16),
    /// A parameter that cannot be added to a port.
    NotANumber(String),
}

impl PortExpression {
    /// Reads an expression; the error says in a few words what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self::All);
        }
        match text.split_once('-') {
            Some((first, last)) => Ok(Self::Range(Sum::parse(first)?, Sum::parse(last)?)),
            None => Ok(Self::One(Sum::parse(text)?)),
        }
    }

    /// The parameters it names.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        let (first, last) = match self {
            Self::All => (None, None),
            Self::One(sum) => (Some(sum), None),
            Self::Range(first, last) => (Some(first), Some(last)),
        };
        first.into_iter().chain(last).flat_map(|sum| &sum.0).filter_map(|term| match term {
            Term::Parameter(name) => Some(name.as_str()),
            Term::Number(_) => None,
        })
    }

    /// The one number it consists of, if that is what it is (an ICMP type).
    pub fn as_number(&self) -> Option<u16> {
        match self {
            Self::One(Sum(terms)) => match terms.as_slice() {
                [Term::Number(number)] => Some(*number),
                _ => None,
            },
            Self::All | Self::Range(..) => None,
        }
    }

    /// Its ports under `settings`; none for a parameter that holds none.
    pub fn evaluate(&self, settings: &Settings) -> Result<Vec<PortRange>, PortFault> {
        match self {
            Self::All => Ok(PortRange::new(1, u16::MAX).into_iter().collect()),
            Self::One(sum) => match sum.ports(settings) {
                Some(ports) => Ok(ports.to_vec()),
                None => Ok(vec![PortRange::single(sum.evaluate(settings)?)]),
            },
            Self::Range(first, last) => {
                let (first, last) = (first.evaluate(settings)?, last.evaluate(settings)?);
                PortRange::new(first, last).map(|range| vec![range]).ok_or(PortFault::Reversed(first, last))
            }
        }
    }
}

impl Sum {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.split('+').map(|term| Term::parse(term.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// The ports of the one `ports` parameter that it consists of.
    fn ports<'s>(&self, settings: &'s Settings) -> Option<&'s [PortRange]> {
        let [Term::Parameter(name)] = self.0.as_slice() else { return None };
        match settings.get(name) {
            Some(Setting::Ports(ports)) => Some(ports),
            _ => None,
        }
    }

    fn evaluate(&self, settings: &Settings) -> Result<u16, PortFault> {
        let mut sum = 0_u64;
        for term in &self.0 {
            sum += u64::from(match term {
                Term::Number(number) => *number,
                Term::Parameter(name) => match settings.get(name) {
                    Some(Setting::Port(number) | Setting::Number(number)) => *number,
                    _ => return Err(PortFault::NotANumber(name.clone())),
                },
            });
        }
        u16::try_from(sum).ok().filter(|&port| port > 0).ok_or(PortFault::NotAPort(sum))
    }
}

impl Term {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(name) = text.strip_prefix('$') {
            let named =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return named
                .then(|| Self::Parameter(name.to_owned()))
                .ok_or("`$` must be followed by a parameter");
        }
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("a port is digits, a parameter begins with `$`");
        }
        text.parse().map(Self::Number).map_err(|_| "ports end at 65535")
    }
}

impl fmt::Display for PortExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::One(sum) => sum.fmt(f),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, term) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("+")?;
            }
            match term {
                Term::Number(number) => write!(f, "{number}")?,
                Term::Parameter(name) => write!(f, "${name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str, settings: &[(&str, Setting)]) -> Result<String, PortFault> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let ranges = PortExpression::parse(text).unwrap().evaluate(&settings)?;
        Ok(ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn sums_follow_their_parameters() {
        let offset = [("offset", Setting::Number(3)), ("http", Setting::Port(80))];
        assert_eq!(ports("9443+$offset", &offset).unwrap(), "9446");
        assert_eq!(ports("$http", &offset).unwrap(), "80");
        assert_eq!(ports("$http+$offset - 100+$offset", &offset).unwrap(), "83-103");
    }

    #[test]
    fn a_parameter_may_stand_for_many_ports_or_none() {
        let ranges = vec![PortRange::new(10, 12).unwrap(), PortRange::single(20)];
        assert_eq!(ports("$endpoints", &[("endpoints", Setting::Ports(ranges))]).unwrap(), "10-12,20");
        assert_eq!(ports("$endpoints", &[("endpoints", Setting::Ports(vec![]))]).unwrap(), "");
    }

    #[test]
    fn what_is_no_port_is_refused() {
        assert_eq!(
            ports("65535+$offset", &[("offset", Setting::Number(1))]),
            Err(PortFault::NotAPort(65536))
        );
        assert_eq!(ports("0", &[]), Err(PortFault::NotAPort(0)));
        assert_eq!(ports("20-10", &[]), Err(PortFault::Reversed(20, 10)));
        assert_eq!(
            ports("1+$on", &[("on", Setting::Flag(true))]),
            Err(PortFault::NotANumber("on".to_owned()))
        );
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "a", "80,81", "1-2-3", "$", "$a-b", "80+", "70000", "-1", "+1", "1e3"] {
            assert!(PortExpression::parse(text).is_err(), "{text}");
        }
    }
}
