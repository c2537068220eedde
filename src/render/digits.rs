//! Decimal digits for lines that are written once per sample; `format!` would be too slow there.

/// Appends a number with at least `width` digits.
pub fn push_number(mut number: u64, width: usize, buffer: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 || digits.len() - at < width {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    buffer.extend(&digits[at..]);
}
