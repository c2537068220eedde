//! Times, written without formatting machinery: a picture has up to 50,000 of them.

use crate::render::digits::push_padded;

/// Appends µs as seconds with this many decimals; the others are cut off.
pub fn push_fraction(us: u64, decimals: u32, text: &mut String) {
    let seconds = us / 1_000_000;
    push_padded(seconds, seconds.checked_ilog10().unwrap_or(0) + 1, text);
    if decimals > 0 {
        text.push('.');
        push_padded(us % 1_000_000 / 10u64.pow(6 - decimals.min(6)), decimals.min(6), text);
    }
}

/// Appends the time of a day, in µs since midnight: `19:04:47.765 UTC`.
pub fn push_time_of_day(us: u64, decimals: u32, text: &mut String) {
    push_padded(us / 3_600_000_000, 2, text);
    text.push(':');
    push_padded(us / 60_000_000 % 60, 2, text);
    text.push(':');
    push_padded(us / 1_000_000 % 60, 2, text);
    text.push('.');
    push_padded(us % 1_000_000 / 10u64.pow(6 - decimals.min(6)), decimals.min(6), text);
    text.push_str(" UTC");
}
