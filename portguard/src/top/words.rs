//! Numbers and names as short as a column is wide.

use super::rates::Rate;

/// A number of packets, or of them a second: `-`, `0.3`, `8.5`, `412`, `12.4k`, `3.1M`.
pub(super) fn rate(Rate(rate): Rate) -> String {
    match rate {
        0.0 => "-".to_owned(),
        _ if rate < 0.05 => "<0.1".to_owned(),
        _ if rate < 9.95 => format!("{rate:.1}"),
        _ => scaled(rate),
    }
}

/// The same of a count.
pub(super) fn count(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let count = count as f64;
    scaled(count)
}

fn scaled(number: f64) -> String {
    if number < 999.5 {
        return format!("{number:.0}");
    }
    let units = [(1e3, "k"), (1e6, "M"), (1e9, "G")];
    let (scale, unit) = units.into_iter().find(|(scale, _)| number < scale * 999.95).unwrap_or((1e12, "T"));
    format!("{:.1}{unit}", number / scale)
}

/// A text in at most `width` characters; one that is cut ends in `…`.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    if width == 0 { kept } else { kept + "…" }
}
