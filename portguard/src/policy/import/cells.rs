//! Texts of a page, made fit for a policy.

/// The most letters that a policy quotes.
const LONGEST: usize = 100;

/// One line of at most a hundred letters, cut between words where it can be; empty if there is nothing in it.
pub(super) fn shortened(text: &str) -> String {
    let tidy = without_shortcodes(text);
    let clean: String = tidy
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .filter(|word| !word.is_empty())
        .take(LONGEST)
        .collect::<Vec<_>>()
        .join(" ");
    let Some((end, _)) = clean.char_indices().nth(LONGEST) else { return clean };
    let head = &clean[..end];
    let cut = head.rfind(' ').filter(|&at| at > 0).unwrap_or(end);
    format!("{}…", head[..cut].trim_end_matches([',', ';', ':', '.', ' ']))
}

/// The text without what a site generator would replace, `{{< … >}}`, and with the links whose address that was as
/// their words alone.
fn without_shortcodes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut left = text;
    while let Some(start) = left.find("{{") {
        let Some(length) = left[start..].find("}}") else { break };
        plain.push_str(&left[..start]);
        left = &left[start + length + 2..];
    }
    plain.push_str(left);
    if plain.contains("]()") { plain.replace("]()", "").replace('[', "") } else { plain }
}

/// The text without what is in parentheses; if that is all there is, with it.
pub(super) fn without_remarks(text: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    if plain.trim().is_empty() { text.replace(['(', ')'], " ") } else { plain }
}

/// The words of a text in lower case, letters and digits only, joined by `-`: what an id or a role can be called. Empty
/// if there is none that begins with a letter.
pub(super) fn slug(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut slug = String::new();
    for letter in text.chars() {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() > LONGEST {
            break;
        }
    }
    if slug.len() > LONGEST {
        let cut = slug.rfind('-').filter(|&at| at > 0).unwrap_or(LONGEST);
        slug.truncate(cut);
    }
    let slug = slug.trim_matches('-');
    if slug.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        slug.to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_words() {
        assert_eq!(shortened("  two\n words\u{7} "), "two words");
        let long = shortened(&"word ".repeat(50));
        assert!(long.ends_with("word…") && long.chars().count() <= LONGEST + 1, "{long}");
        assert_eq!(shortened(&"ä".repeat(500)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn links_of_a_site_generator_are_their_words() {
        let text = "to the [Discovery Service]({{< relref \"/x.md\" >}}) of it";
        assert_eq!(shortened(text), "to the Discovery Service of it");
        assert_eq!(shortened("{{ open"), "{{ open");
    }

    #[test]
    fn a_slug_is_a_name() {
        assert_eq!(slug("Orion master (HTTP) port"), "orion-master-http-port");
        assert_eq!(slug("--- 80"), "");
        assert!(slug(&"longer-than-forty-letters ".repeat(4)).len() <= 40);
    }
}
