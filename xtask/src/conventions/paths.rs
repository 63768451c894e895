//! The paths that a Rust source names: those in `use` trees, spelled out, and those in code. Knows no rule.
//!
//! It reads tokens and no more. Comments and strings are not code; a path that a macro puts together is not found.

use std::{iter::Peekable, vec::IntoIter};

/// A path as written, `std::net::TcpStream`, and its line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub(super) line: usize,
    pub(super) path: String,
}

/// Every path of at least one name, in the order of the source.
pub(super) fn paths(source: &str) -> Vec<NamedPath> {
    let mut tokens = tokens(source).into_iter().peekable();
    let mut found = Vec::new();
    while let Some((line, token)) = tokens.next() {
        match token {
            Token::Name(name) if name == "use" => tree(&mut tokens, "", &mut found),
            Token::Name(name) => {
                let path = rest(&mut tokens, name);
                found.push(NamedPath { line, path });
            }
            Token::Separator | Token::Mark(_) => {}
        }
    }
    found
}

enum Token {
    Name(String),
    /// `::`
    Separator,
    Mark(char),
}

type Tokens = Peekable<IntoIter<(usize, Token)>>;

/// The rest of a path in code that begins with `first`.
fn rest(tokens: &mut Tokens, first: String) -> String {
    let mut path = first;
    while tokens.next_if(|(_, token)| matches!(token, Token::Separator)).is_some() {
        match tokens.next_if(|(_, token)| matches!(token, Token::Name(_))) {
            Some((_, Token::Name(name))) => path = format!("{path}::{name}"),
            _ => break,
        }
    }
    path
}

/// A `use` tree below `prefix`, up to the `,`, `}` or `;` that ends it.
fn tree(tokens: &mut Tokens, prefix: &str, found: &mut Vec<NamedPath>) {
    let mut path = prefix.to_owned();
    let mut line = 0;
    while let Some((at, token)) = tokens.next_if(|(_, token)| !matches!(token, Token::Mark(',' | '}' | ';')))
    {
        match token {
            Token::Name(name) if name == "as" => drop(tokens.next()),
            Token::Name(name) if name == "self" && !path.is_empty() => line = at,
            Token::Name(name) => {
                line = at;
                path = if path.is_empty() { name } else { format!("{path}::{name}") };
            }
            Token::Mark('{') => return branches(tokens, &path, found),
            Token::Mark('*') => line = at,
            Token::Separator | Token::Mark(_) => {}
        }
    }
    if line > 0 {
        found.push(NamedPath { line, path });
    }
}

/// The trees between `{` and `}`.
fn branches(tokens: &mut Tokens, prefix: &str, found: &mut Vec<NamedPath>) {
    loop {
        tree(tokens, prefix, found);
        match tokens.next() {
            Some((_, Token::Mark(','))) => {}
            _ => return,
        }
    }
}

fn tokens(source: &str) -> Vec<(usize, Token)> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut left = source;
    while let Some(first) = left.chars().next() {
        let (length, token) = if is_name(first) {
            let length = left.find(|letter| !is_name(letter)).unwrap_or(left.len());
            match raw_string(left) {
                Some(length) => (length, None),
                None => (length, Some(Token::Name(left[..length].to_owned()))),
            }
        } else if left.starts_with("::") {
            (2, Some(Token::Separator))
        } else if let Some(length) = comment(left).or_else(|| string(left)).or_else(|| character(left)) {
            (length, None)
        } else {
            (first.len_utf8(), (!first.is_whitespace()).then_some(Token::Mark(first)))
        };
        tokens.extend(token.map(|token| (line, token)));
        line += left[..length].matches('\n').count();
        left = &left[length..];
    }
    tokens
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let inside = text.strip_prefix("/*")?;
    Some(inside.find("*/").map_or(text.len(), |end| end + "/**/".len()))
}

fn string(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    Some(end.map_or(text.len(), |end| end + "\"\"".len()))
}

/// `r"…"`, `r#"…"#`, `br#"…"#`.
fn raw_string(text: &str) -> Option<usize> {
    let opening = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let hashes = opening.len() - opening.trim_start_matches('#').len();
    let inside = opening[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let end = inside.find(&closing).map_or(inside.len(), |end| end + closing.len());
    Some(text.len() - inside.len() + end)
}

/// `'x'`, `'\n'`; not a lifetime.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let letter = if inside.starts_with('\\') { 2 } else { inside.chars().next()?.len_utf8() };
    inside.get(letter..)?.starts_with('\'').then_some(letter + "''".len())
}

#[cfg(test)]
mod tests {
    use super::paths;

    fn of(source: &str) -> Vec<(usize, String)> {
        paths(source).into_iter().map(|named| (named.line, named.path)).collect()
    }

    fn at(line: usize, path: &str) -> (usize, String) {
        (line, path.to_owned())
    }

    #[test]
    fn a_use_tree_is_spelled_out() {
        let source =
            "use std::{\n    fs::{self, File},\n    io::Read as _,\n};\npub use crate::matrix::*;\nuse aya;";
        let expected = [
            at(2, "std::fs"),
            at(2, "std::fs::File"),
            at(3, "std::io::Read"),
            at(5, "pub"),
            at(5, "crate::matrix"),
            at(6, "aya"),
        ];
        assert_eq!(of(source), expected);
    }

    #[test]
    fn a_path_in_code_is_found() {
        assert_eq!(
            of("x(std::fs::read::<P>(p)?, ::libc::c_int)"),
            [at(1, "x"), at(1, "std::fs::read"), at(1, "P"), at(1, "p"), at(1, "libc::c_int")]
        );
    }

    #[test]
    fn comments_strings_and_characters_are_not_code() {
        let source = concat!(
            "// std::fs\n/* std::fs\n */ \"std::fs \\\" std::fs\" r#\"\" std::fs\"# '\"' '\\'' 'life\n",
            "tokio"
        );
        assert_eq!(of(source), [at(3, "life"), at(4, "tokio")]);
    }
}
