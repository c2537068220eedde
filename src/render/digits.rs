//! Decimal digits for what is written once per sample or frame; `format!` would be too slow there.

/// Appends a number with at least `width` digits.
#[inline]
pub fn push_number(number: u64, width: usize, buffer: &mut Vec<u8>) {
    match (number, width) {
        // Most counts.
        (0..10, 1) => buffer.push(b'0' + number as u8),
        _ => push_digits(number, width, buffer),
    }
}

/// Not inlined: in a loop over lines the compiler would compute all twenty digits of the number
/// before it is known whether the line has one.
#[inline(never)]
fn push_digits(mut number: u64, width: usize, buffer: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 || digits.len() - at < width {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    buffer.extend(&digits[at..]);
}

/// Appends the last `width` digits of a number to a text.
pub fn push_padded(number: u64, width: u32, text: &mut String) {
    for place in (0..width).rev() {
        text.push(char::from(b'0' + (number / 10u64.pow(place) % 10) as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_zeros() {
        let mut buffer = Vec::new();
        push_number(0, 1, &mut buffer);
        push_number(9, 1, &mut buffer);
        push_number(10, 1, &mut buffer);
        push_number(70, 9, &mut buffer);
        push_number(u64::MAX, 1, &mut buffer);
        assert_eq!(String::from_utf8(buffer).unwrap(), "091000000007018446744073709551615");
    }
}
