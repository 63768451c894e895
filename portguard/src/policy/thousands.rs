//! Numbers that are written with a separator: `10,000`.

/// Whether `10,000` or the like is in the text: three digits that begin with a zero are no port of a list. Who writes one
/// number so writes all of them so: `10,000-19,999`.
pub(super) fn has_certain(text: &str) -> bool {
    let bytes = text.as_bytes();
    (0..bytes.len()).any(|at| is_separator(bytes, at) && bytes[at + 1] == b'0')
}

/// The text without the commas that may separate thousands.
pub(super) fn without_separators(text: &str) -> String {
    text.char_indices()
        .filter(|&(at, _)| !is_separator(text.as_bytes(), at))
        .map(|(_, letter)| letter)
        .collect()
}

/// Whether a comma is there, after a digit and before exactly three.
fn is_separator(bytes: &[u8], at: usize) -> bool {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    bytes[at] == b',' && at > 0 && is_digit(at - 1) && (at + 1..at + 4).all(is_digit) && !is_digit(at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_after_a_comma_may_be_thousands_and_are_with_a_zero() {
        assert!(has_certain("10,000 to 19,999") && !has_certain("80,443") && !has_certain("8070,0"));
        assert_eq!(without_separators("10,000,80 and 19,999, 8070,8071"), "10000,80 and 19999, 8070,8071");
    }
}
