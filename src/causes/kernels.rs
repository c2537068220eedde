//! Versions of the kernel: which have a cause, and which have it mended.

use std::fmt;

/// A version of the upstream kernel: 4.19, or 5.4.86 of a stable tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl Version {
    /// The version at the start of a release such as `4.9.0-13-amd64`.
    pub fn of_release(release: &str) -> Option<Version> {
        let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
        let mut numbers = [0; 3];
        let mut parts = release[..end].split('.');
        for (at, number) in numbers.iter_mut().enumerate() {
            match parts.next() {
                Some(part) if !part.is_empty() => *number = part.parse().ok()?,
                _ if at < 2 => return None,
                _ => break,
            }
        }
        Some(Version(numbers))
    }

    /// Whether a kernel of this release may have a cause mended that upstream kernels of its
    /// version have: it is of Red Hat Enterprise Linux, or built from that, which takes over whole
    /// features of later kernels.
    pub fn may_be_mended_earlier(release: &str) -> bool {
        let after = release.split(".el").skip(1);
        after.map(|rest| rest.chars().next()).any(|first| first.is_some_and(|first| first.is_ascii_digit()))
    }

    /// The version, if the text is nothing else.
    pub(super) fn parse(text: &str) -> Option<Version> {
        Version::of_release(text).filter(|version| version.to_string() == text)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Version([major, minor, patch]) = self;
        write!(f, "{major}.{minor}")?;
        if *patch > 0 { write!(f, ".{patch}") } else { Ok(()) }
    }
}

/// The upstream kernels that have a cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kernels {
    /// The first that has it; `None` if that is not known.
    pub since: Option<Version>,
    /// The first in which it is mended; `None` if it is not.
    pub fixed: Option<Version>,
}

impl fmt::Display for Kernels {
    /// `4.5 to before 4.19`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (self.since, self.fixed) {
            (None, None) => write!(f, "any"),
            (Some(since), None) => write!(f, "{since} and later"),
            (None, Some(fixed)) => write!(f, "before {fixed}"),
            (Some(since), Some(fixed)) => write!(f, "{since} to before {fixed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_begins_with_its_version() {
        let version = |release| Version::of_release(release).map(|version| version.to_string());
        assert_eq!(version("4.9.0-13-amd64").as_deref(), Some("4.9"));
        assert_eq!(version("6.18.44-fc-v595").as_deref(), Some("6.18.44"));
        assert_eq!(version("5.14.0-362.el9.x86_64").as_deref(), Some("5.14"));
        assert_eq!(version("6.5-rc3").as_deref(), Some("6.5"));
        assert_eq!(version("6.5.0+").as_deref(), Some("6.5"));
        for none in ["", "6", "6.", ".5", "x6.5", "6..5", "99999999999.1"] {
            assert_eq!(version(none), None, "{none}");
        }
    }

    #[test]
    fn releases_of_red_hat_are_told_apart() {
        assert!(Version::may_be_mended_earlier("4.18.0-553.el8_10.x86_64"));
        assert!(!Version::may_be_mended_earlier("6.1.0-13-amd64"));
        assert!(!Version::may_be_mended_earlier("6.1.0.elastic"));
    }

    #[test]
    fn versions_are_ordered_by_number() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("4.9") < version("4.19"));
        assert!(version("5.4") < version("5.4.86"));
        assert!(Version::parse("4.9.0-13").is_none());
    }
}
