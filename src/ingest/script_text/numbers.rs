//! Numbers as perf script prints them.

/// A number of decimal digits and nothing else.
pub fn number(digits: &[u8]) -> Option<u64> {
    /// As many digits fit into 64 bits, whatever they are.
    const FIT: usize = 19;
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let (first, rest) = digits.split_at(digits.len().min(FIT));
    let fitting = first.iter().try_fold(0, |sum: u64, byte| Some(sum * 10 + digit(byte)?))?;
    let add = |sum: u64, byte| sum.checked_mul(10)?.checked_add(digit(byte)?);
    rest.iter().try_fold(fitting, add).filter(|_| !digits.is_empty())
}

/// As [`number`], with a minus for negative ones.
pub(super) fn signed(digits: &[u8]) -> Option<i32> {
    match digits.strip_prefix(b"-") {
        Some(digits) => number(digits).and_then(|number| i32::try_from(-i128::from(number)).ok()),
        None => number(digits).and_then(|number| i32::try_from(number).ok()),
    }
}

/// 1 to 16 hexadecimal digits as perf prints them: in lower case.
pub(super) fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, byte: &u8| match byte {
        b'0'..=b'9' => Some(sum << 4 | u64::from(byte - b'0')),
        b'a'..=b'f' => Some(sum << 4 | u64::from(byte - b'a' + 10)),
        _ => None,
    };
    (1..=16).contains(&digits.len()).then(|| digits.iter().try_fold(0, add)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_fit_are_read() {
        for fits in [0, 7, 1_234_567_890_123_456_789, 9_999_999_999_999_999_999, u64::MAX - 1, u64::MAX] {
            assert_eq!(number(fits.to_string().as_bytes()), Some(fits));
            assert_eq!(number(format!("000{fits}").as_bytes()), Some(fits));
        }
        for no in ["", "18446744073709551616", "99999999999999999999", "1a", "-1", "1234567890123456789a"] {
            assert_eq!(number(no.as_bytes()), None, "{no:?}");
        }
    }
}
