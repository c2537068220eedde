//! Hashes that replace names.

use sha2::{Digest, Sha256};

/// Digits of a hash, if there is room for them.
pub(super) const DIGITS: usize = 12;

/// `prefix` and the hash of `name`, together no longer than a record has room for: the field of a
/// name is padded to 8 bytes with at least one NUL.
pub(super) fn hash(name: &str, prefix: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    format!("{prefix}{}", hash_within(name, room_of(name).saturating_sub(prefix.len())))
}

/// The bytes that a record has for a name in place of this one.
pub(super) fn room_of(name: &str) -> usize {
    (name.len() + 1).next_multiple_of(8) - 1
}

/// The first digits of the hash of `name`, as many as there is `room` for.
pub(super) fn hash_within(name: &str, room: usize) -> String {
    digits(name)[..DIGITS.min(room)].to_owned()
}

/// Digits of the hash of `name`, repeated until they are as long as `name`.
pub(super) fn hash_of_same_length(name: &str) -> String {
    digits(name).chars().cycle().take(name.len()).collect()
}

/// The SHA-256 of a name: 64 hexadecimal digits.
fn digits(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
