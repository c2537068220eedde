//! Overloads as lines of a report: how much softirqs took of which CPU, and which function costs
//! most.

use crate::analyses::overloads::Overload;
use crate::model::{Recording, chosen};
use crate::render::text::{percent, short};

use super::about::path;
use super::layout::wrap;

/// An overload in one sentence, with `more` at its end, and its path.
pub fn lines(recording: &Recording, overload: &Overload, more: &str) -> Vec<String> {
    let mut lines = wrap("overload  ", &format!("{}{more}", sentence(recording, overload)));
    if let Some(of_softirqs) = overload.path.as_ref().filter(|path| !path.inner().is_empty()) {
        lines.extend(wrap("  via ", &path(recording, of_softirqs)));
    }
    lines
}

/// An overload in one sentence.
pub(in crate::render) fn sentence(recording: &Recording, overload: &Overload) -> String {
    let softirq = overload.softirq.map(|(softirq, share)| format!(": {} {}", softirq.name(), percent(share)));
    let server = overload.server;
    let server =
        server.map(|(comm, share)| format!("; {} had {}", chosen(recording.name(comm)), percent(share)));
    let function = overload.function.map(|(name, share)| {
        format!(
            ". Of their time {} took {}, more than any other function",
            recording.name(name),
            percent(share)
        )
    });
    format!(
        "softirqs took {} of CPU {} for {}{}{}{}",
        percent(overload.share),
        overload.cpu,
        short(overload.duration_ns()),
        softirq.unwrap_or_default(),
        server.unwrap_or_default(),
        function.unwrap_or_default(),
    )
}

/// What causes an overload in a few words: `net_rx at ipt_do_table`.
pub fn by(recording: &Recording, overload: &Overload) -> String {
    let softirq = overload.softirq.map_or("softirqs", |(softirq, _)| softirq.name());
    let function = overload.function.map(|(name, _)| format!(" at {}", recording.name(name)));
    format!("{softirq}{}", function.unwrap_or_default())
}
