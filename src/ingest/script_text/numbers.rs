//! Numbers as perf script prints them.

/// A number of decimal digits and nothing else.
pub fn number(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add)).flatten()
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
