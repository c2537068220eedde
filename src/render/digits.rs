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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_zeros() {
        let mut buffer = Vec::new();
        push_number(0, 1, &mut buffer);
        push_number(70, 9, &mut buffer);
        push_number(u64::MAX, 1, &mut buffer);
        assert_eq!(String::from_utf8(buffer).unwrap(), "000000007018446744073709551615");
    }
}
