//! Demangling: C++ and Rust names as their authors wrote them.

use std::borrow::Cow;

/// Longest mangled name that is looked at; beyond it lies nothing a compiler made, and much that was made to cost time.
const LONGEST: usize = 4096;

/// The name as written in the source; the name itself if it is not mangled.
pub fn demangle(name: &str) -> Cow<'_, str> {
    if name.len() > LONGEST {
        return Cow::Borrowed(name);
    }
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // The alternate form leaves out the hash.
        return Cow::Owned(format!("{rust:#}"));
    }
    if name.starts_with("_Z") {
        // A version or clone suffix (`@GLIBCXX_3.4`, `.cold`) is not part of the mangled name but says something.
        let end = name.find('@').unwrap_or(name.len());
        let symbol = cpp_demangle::Symbol::new(&name[..end]);
        if let Some(text) = symbol.ok().and_then(|symbol| symbol.demangle().ok()) {
            return Cow::Owned(text + &name[end..]);
        }
    }
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_three_languages() {
        assert_eq!(demangle("vfs_read"), "vfs_read");
        assert_eq!(demangle("_ZN3foo3barEv"), "foo::bar()");
        assert_eq!(demangle("_ZN4core3ptr13drop_in_place17h0123456789abcdefE"), "core::ptr::drop_in_place");
        assert_eq!(demangle("_RNvC6_123foo3bar"), "123foo::bar");
        assert_eq!(demangle("_Znotmangled"), "_Znotmangled");
    }
}
