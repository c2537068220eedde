//! Known causes, as JSON: all of them, and those that a stack shows.

use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::causes::KnownCause;
use crate::causes::Cause;

use super::cause::{self, HelpView, KnownView};
use super::view::{SCHEMA, write_document};

/// Writes `causes` with all that is known of them.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_causes<'c>(causes: impl Iterator<Item = &'c Cause>, out: &mut dyn Write) -> io::Result<()> {
    let causes = causes.map(|cause| CauseView {
        title: &cause.title,
        topic: &cause.topic,
        paths: cause.paths.iter().map(|pattern| pattern.text()).collect(),
        softirq: cause.condition.softirq.map(|softirq| softirq.name()),
        comm: cause.condition.comm.as_ref().map(|comm| comm.as_str()),
        machine: cause.condition.is_machine,
        user_space: cause.condition.is_user_space,
        interrupts_off: cause.condition.interrupts_off,
        since: cause.kernels.since.map(|version| version.to_string()),
        also: &cause.also,
        mistaken: cause.is_mistaken,
        help: cause::help(cause),
    });
    write_document(&CausesDocument { schema: SCHEMA, causes: causes.collect() }, out)
}

/// Writes the causes that a stack shows.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_found(found: &[KnownCause], out: &mut dyn Write) -> io::Result<()> {
    write_document(&FoundDocument { schema: SCHEMA, causes: cause::views(found) }, out)
}

#[derive(Serialize)]
struct CausesDocument<'c> {
    schema: u32,
    causes: Vec<CauseView<'c>>,
}

#[derive(Serialize)]
struct FoundDocument<'c> {
    schema: u32,
    #[serde(rename = "known")]
    causes: Vec<KnownView<'c>>,
}

#[derive(Serialize)]
struct CauseView<'c> {
    title: &'c str,
    topic: &'c str,
    paths: Vec<String>,
    softirq: Option<&'static str>,
    comm: Option<&'c str>,
    machine: bool,
    user_space: bool,
    interrupts_off: bool,
    since: Option<String>,
    also: &'c [String],
    mistaken: bool,
    #[serde(flatten)]
    help: HelpView<'c>,
}
