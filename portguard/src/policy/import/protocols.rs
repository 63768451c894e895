//! Protocols as people write them: those of IP by their names, and what runs over TCP or UDP.

use super::{Doubt, Field, cells};

/// What a text says of protocols.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Protocols {
    /// As a policy writes them; never empty.
    pub(super) names: Vec<&'static str>,
    pub(super) doubt: Option<Doubt>,
}

/// Protocols that a policy has a word for.
const OF_IP: [(&str, &str); 10] = [
    ("tcp", "tcp"),
    ("udp", "udp"),
    ("sctp", "sctp"),
    ("icmp", "icmp"),
    ("icmpv4", "icmpv4"),
    ("icmpv6", "icmpv6"),
    ("gre", "ip/47"),
    ("esp", "ip/50"),
    ("ah", "ip/51"),
    ("vrrp", "ip/112"),
];

/// What runs over them, as one finds it in manuals' columns.
const OVER: [(&str, &str, &str); 33] = [
    ("amqp", "AMQP", "tcp"),
    ("ftp", "FTP", "tcp"),
    ("ftps", "FTPS", "tcp"),
    ("grpc", "gRPC", "tcp"),
    ("http", "HTTP", "tcp"),
    ("https", "HTTPS", "tcp"),
    ("imap", "IMAP", "tcp"),
    ("jdbc", "JDBC", "tcp"),
    ("jmx", "JMX", "tcp"),
    ("jms", "JMS", "tcp"),
    ("ldap", "LDAP", "tcp"),
    ("ldaps", "LDAPS", "tcp"),
    ("memcached", "Memcached", "tcp"),
    ("mqtt", "MQTT", "tcp"),
    ("mysql", "MySQL", "tcp"),
    ("odbc", "ODBC", "tcp"),
    ("postgres", "PostgreSQL", "tcp"),
    ("postgresql", "PostgreSQL", "tcp"),
    ("rdp", "RDP", "tcp"),
    ("rmi", "RMI", "tcp"),
    ("rpc", "RPC", "tcp"),
    ("scp", "SCP", "tcp"),
    ("sftp", "SFTP", "tcp"),
    ("smtp", "SMTP", "tcp"),
    ("smtps", "SMTPS", "tcp"),
    ("ssh", "SSH", "tcp"),
    ("ssl", "SSL", "tcp"),
    ("thrift", "Thrift", "tcp"),
    ("tls", "TLS", "tcp"),
    ("websocket", "WebSocket", "tcp"),
    ("dhcp", "DHCP", "udp"),
    ("ntp", "NTP", "udp"),
    ("snmp", "SNMP", "udp"),
];

/// The transport protocol that a word names, if it names one, as in `443/tcp`.
pub(super) fn transport(word: &str) -> Option<&'static str> {
    OF_IP.iter().take(3).find(|(name, _)| *name == word).map(|&(_, protocol)| protocol)
}

/// Reads the cell of a column of protocols.
pub(super) fn read(text: &str) -> Protocols {
    let words = words(text);
    let mut names = Vec::new();
    for word in &words {
        if let Some(&(_, protocol)) = OF_IP.iter().find(|(name, _)| name == word)
            && !names.contains(&protocol)
        {
            names.push(protocol);
        }
    }
    if !names.is_empty() {
        return Protocols { names, doubt: None };
    }
    if let Some((shown, protocol)) = over(&words) {
        let why = format!("{shown} runs over {}", protocol.to_uppercase());
        return Protocols { names: vec![protocol], doubt: Some(Doubt::new(Field::Protocol, why)) };
    }
    let shown = cells::shortened(text);
    let why = if shown.is_empty() {
        "the document names no protocol, and TCP is the usual one".to_owned()
    } else {
        format!("the document says `{shown}`, and TCP is the usual one")
    };
    Protocols { names: vec!["tcp"], doubt: Some(Doubt::new(Field::Protocol, why)) }
}

/// Looks for a protocol in a description, where there is no column for it.
pub(super) fn guess(description: &str) -> Protocols {
    let words = words(description);
    if let Some(protocol) = words.iter().find_map(|word| transport(word)) {
        let why = format!("the description speaks of {}", protocol.to_uppercase());
        return Protocols { names: vec![protocol], doubt: Some(Doubt::new(Field::Protocol, why)) };
    }
    match over(&words) {
        Some((shown, protocol)) => {
            let why =
                format!("the description speaks of {shown}, which runs over {}", protocol.to_uppercase());
            Protocols { names: vec![protocol], doubt: Some(Doubt::new(Field::Protocol, why)) }
        }
        None => read(""),
    }
}

fn over(words: &[String]) -> Option<(&'static str, &'static str)> {
    let known = |word: &String| OVER.iter().find(|(name, _, _)| name == word);
    words.iter().find_map(known).map(|&(_, shown, protocol)| (shown, protocol))
}

/// The words in lower case; a dash inside a word is none: `Mem-cached`.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric() && letter != '-')
        .map(|word| word.replace('-', ""))
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_of_ip_are_taken_as_written() {
        assert_eq!(read("TCP/UDP"), Protocols { names: vec!["tcp", "udp"], doubt: None });
        assert_eq!(read("ICMP").names, ["icmp"]);
        assert_eq!(read("GRE").names, ["ip/47"]);
    }

    #[test]
    fn what_runs_over_tcp_is_inferred_with_why() {
        for (text, why) in [
            ("SSH", "SSH runs over TCP"),
            ("RPC", "RPC runs over TCP"),
            ("Mem-cached ", "Memcached runs over TCP"),
            ("Simba", "the document says `Simba`, and TCP is the usual one"),
            ("", "the document names no protocol, and TCP is the usual one"),
        ] {
            let Protocols { names, doubt } = read(text);
            assert_eq!((names, doubt.unwrap().why.as_str()), (vec!["tcp"], why), "{text}");
        }
        assert_eq!(read("SNMP").names, ["udp"]);
    }

    #[test]
    fn a_description_is_a_hint_and_no_more() {
        let hint = guess("The default port that runs the UDP service.");
        assert_eq!((hint.names, hint.doubt.is_some()), (vec!["udp"], true));
        assert_eq!(
            guess("HTTPS gateway port").doubt.unwrap().why,
            "the description speaks of HTTPS, which runs over TCP"
        );
    }
}
