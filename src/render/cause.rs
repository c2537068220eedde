//! Known causes in words: what happens, and how sure that is.

use crate::analyses::causes::{Certainty, KnownCause, Why};
use crate::causes::Cause;

use super::text::shell_word;

/// The cause's name, how sure it is, and what happens: `dead-memory-cgroups (sure): dead memory
/// cgroups; fixed upstream in 4.19`.
pub(in crate::render) fn sentence(found: &KnownCause) -> String {
    let KnownCause { cause, certainty, .. } = found;
    format!("{} ({}): {}{}", cause.name, certainty.name(), cause.title, why(found))
}

/// How sure a cause is, and why not more: `sure; fixed upstream in 4.19`.
pub(in crate::render) fn certainty(found: &KnownCause) -> String {
    format!("{}{}", found.certainty.name(), why(found))
}

/// Why a cause is not sure, and where it is fixed.
fn why(found: &KnownCause) -> String {
    let kernels = found.cause.kernels;
    let why = match found.certainty {
        Certainty::Sure => None,
        Certainty::Possible(Why::UnknownKernel) => {
            return format!("; the kernel's version is unknown, and {kernels} have it");
        }
        Certainty::Possible(Why::Backports) => Some("this distribution takes over later changes".to_owned()),
        Certainty::Possible(Why::EarlierKernel) => {
            let since = kernels.since.map(|version| version.to_string()).unwrap_or_default();
            Some(format!("upstream kernels have it since {since}"))
        }
        Certainty::Possible(Why::NoCallers) => {
            Some("without call chains only one function is known".to_owned())
        }
        Certainty::Possible(Why::NoPath) => Some("the recording does not tell why".to_owned()),
    };
    let why = why.map(|why| format!("; {why}")).unwrap_or_default();
    let fixed = kernels.fixed.map(|version| format!("; fixed upstream in {version}")).unwrap_or_default();
    format!("{why}{fixed}")
}

/// The command that explains a cause.
pub(in crate::render) fn explain(cause: &Cause) -> String {
    let file = cause.file.as_ref().map(|file| format!(" --causes={}", shell_word(file)));
    format!("stallgraph causes {}{}", cause.name, file.unwrap_or_default())
}
