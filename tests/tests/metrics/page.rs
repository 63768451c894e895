//! What is served, as text.

use std::{
    collections::BTreeSet,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use portguard_tests::lab::Host;

/// The page at `address` of `host`, without its headers; an error where nobody serves it.
pub(crate) fn scrape(host: &Host, address: &str) -> io::Result<String> {
    let address: SocketAddr = address.parse().expect("an address");
    let get = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = host.within(get).expect("the host is there")?;
    let (head, page) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    Ok(page.to_owned())
}

/// The names of the samples on a page.
pub(crate) fn names(page: &str) -> BTreeSet<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

/// The page in the words of the older format, which is all that `promtool check metrics` reads: a counter is named there with
/// its `_total`, an info with its `_info`.
pub(crate) fn classic(page: &str) -> String {
    let kind = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} ")));
        line.expect("each family has a type")
    };
    let renamed = |line: &str| -> Option<String> {
        let Some((word, rest)) =
            line.strip_prefix("# ").map(|line| line.split_once(' ').unwrap_or((line, "")))
        else {
            return Some(line.to_owned());
        };
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (suffix, of_old) = match (word, name) {
            ("UNIT" | "EOF", _) => return None,
            _ if kind(name) == "counter" => ("_total", "counter"),
            _ if kind(name) == "info" => ("_info", "gauge"),
            _ => ("", "gauge"),
        };
        let rest = if word == "TYPE" { of_old } else { rest };
        Some(format!("# {word} {name}{suffix} {rest}"))
    };
    page.lines().filter_map(renamed).map(|line| line + "\n").collect()
}
