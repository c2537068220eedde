//! The result: a known cause of a culprit.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::causes::Cause;

/// A known cause that the path of a culprit shows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KnownCause {
    /// The cause.
    pub cause: Arc<Cause>,
    /// How sure it is.
    pub certainty: Certainty,
    /// The share of the culprit's samples that show it, from 0 to 1. In a ranking, the share of the
    /// stalls.
    pub share: f64,
}

impl KnownCause {
    /// The surest first, then the one that most samples show.
    pub(super) fn by_certainty(a: &KnownCause, b: &KnownCause) -> Ordering {
        a.certainty.cmp(&b.certainty).then(b.share.total_cmp(&a.share))
    }
}

/// How sure it is that a known cause is the cause of a stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The path shows it, and the recording's kernel is one that has it.
    Sure,
    /// The path shows it, but there is a reason to make sure.
    Possible(Why),
}

/// Why a known cause is not sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// The recording does not tell its kernel's version.
    UnknownKernel,
    /// The kernel's distribution takes over changes of later kernels, and so may have it mended.
    Backports,
    /// The upstream kernel of this version does not have it yet.
    EarlierKernel,
    /// There are no call chains: only the innermost function is known.
    NoCallers,
    /// No path shows it: the machine stood still, or ran programs while ksoftirqd waited. The
    /// recording does not tell why.
    NoPath,
}

impl Certainty {
    /// The word printed for it.
    pub fn name(self) -> &'static str {
        match self {
            Certainty::Sure => "sure",
            Certainty::Possible(_) => "possible",
        }
    }
}
