//! Names as compilers write them.

/// The name without the suffixes that compilers add.
pub(super) fn without_suffix(name: &str) -> &str {
    match name.find('.') {
        Some(at) if at > 0 => &name[..at],
        _ => name,
    }
}
