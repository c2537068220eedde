//! Demangling: C++ and Rust names as their authors wrote them.

use std::borrow::Cow;
use std::fmt::Write;

use cpp_demangle::DemangleOptions;

/// The longest mangled name that is demangled, in bytes. No compiler makes a longer one; an
/// attacker may.
const MAX_MANGLED: usize = 4096;

/// Bytes that a demangled name may have: substitutions can double it at each step.
const MAX_DEMANGLED: usize = 4096;

/// The name as written in the source; the name itself if it is not mangled, or if the result would
/// be too long. As in perf, a C++ function is shown without its parameters and result
/// (dso__demangle_sym, tools/perf/util/symbol-elf.c).
pub fn demangle(name: &str) -> Cow<'_, str> {
    if name.len() > MAX_MANGLED {
        return Cow::Borrowed(name);
    }
    let mut text = Bounded(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // The alternate form leaves out the hash.
        return match write!(text, "{rust:#}") {
            Ok(()) => Cow::Owned(text.0),
            Err(_) => Cow::Borrowed(name),
        };
    }
    if name.starts_with("_Z") {
        // A version suffix (`@GLIBCXX_3.4`) is not part of the mangled name, but it is worth
        // keeping.
        let end = name.find('@').unwrap_or(name.len());
        let options = DemangleOptions::new().no_params().no_return_type();
        if let Ok(symbol) = cpp_demangle::Symbol::new(&name[..end])
            && symbol.structured_demangle(&mut text, &options).is_ok()
        {
            // The library writes a comma before an empty pack of arguments.
            let text = if text.0.contains(", >") { text.0.replace(", >", ">") } else { text.0 };
            // The `const` of a member function follows its parameters, which are left out.
            return Cow::Owned(text.trim_end_matches(" const").to_owned() + &name[end..]);
        }
    }
    Cow::Borrowed(name)
}

/// A text that fails to grow beyond [`MAX_DEMANGLED`].
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        if self.0.len() + more.len() > MAX_DEMANGLED {
            return Err(std::fmt::Error);
        }
        self.0.push_str(more);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_three_languages() {
        assert_eq!(demangle("vfs_read"), "vfs_read");
        assert_eq!(demangle("_ZN3foo3barEv"), "foo::bar");
        assert_eq!(demangle("_ZN4core3ptr13drop_in_place17h0123456789abcdefE"), "core::ptr::drop_in_place");
        assert_eq!(demangle("_RNvC6_123foo3bar"), "123foo::bar");
        assert_eq!(demangle("_Znotmangled"), "_Znotmangled");
        assert_eq!(demangle("_ZN1fI1aJEE3runEv"), "f<a>::run");
        assert_eq!(demangle("_ZNK1f3runEi@GLIBCXX_3.4"), "f::run@GLIBCXX_3.4");
    }

    #[test]
    fn a_name_that_would_explode_stays_as_it_is() {
        // Each S_ substitution doubles what it refers to.
        let doubling: String = (0..30u8)
            .map(|n| {
                let digit = if n < 10 { (b'0' + n) as char } else { (b'A' + n - 10) as char };
                format!("1aIS{digit}_S{digit}_E")
            })
            .collect();
        let name = format!("_Z1fI1a1aE{doubling}v");
        assert!(demangle(&name).len() <= MAX_DEMANGLED);
    }
}
