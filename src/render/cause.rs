//! Known causes in words: what happens, and how sure that is.

use crate::analyses::causes::{Certainty, KnownCause, Why};

/// What happens, the cause's name, and how sure it is: `dead memory cgroups (dead-memory-cgroups),
/// sure; fixed upstream in 4.19`.
pub(in crate::render) fn sentence(found: &KnownCause) -> String {
    format!("{} ({}), {}", found.cause.title, found.cause.name, certainty(found))
}

/// How sure a cause is, and why not more.
pub(in crate::render) fn certainty(found: &KnownCause) -> String {
    let kernels = found.cause.kernels;
    let why = match found.certainty {
        Certainty::Sure => None,
        Certainty::Possible(Why::UnknownKernel) => {
            return format!("possible: the kernel's version is unknown, and {kernels} have it");
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
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let fixed = kernels.fixed.map(|version| format!("; fixed upstream in {version}")).unwrap_or_default();
    format!("{}{why}{fixed}", found.certainty.name())
}
