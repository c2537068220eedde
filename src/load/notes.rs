//! Notes: what of the input was damaged, lost or rejected, as diagnostics.

use std::collections::BTreeMap;

use linux_perf_event_reader::constants::PERF_SAMPLE_STACK_USER;

use crate::ingest::{Attribute, COMPRESSED, COMPRESSED2, Source, Stop, Walked};
use crate::model::{Diagnostic, Event, Recording, Severity};
use crate::pack::ALLOW_MORE;

const CUT_OFF: &str = "cut it off and read it by itself: tail -c +N, N being one more than that byte";
const COPY_AGAIN: &str = "copy the file again; all records before the damage are used";
/// perf goes on with the same zstd stream in the next part, so that only the first can be unpacked, by perf too.
const DAMAGED_STREAM: &str = "copy the file again; of the parts of --switch-output with -z only the first can be read: record \
                              them without -z";
/// Notes what was damaged, lost or rejected.
pub(super) fn note_input_damage(source: &Source, walked: &Walked, recording: &mut Recording) {
    let mut note = |severity, code, count, message: String, remedy: &str| {
        recording.diagnostics.push(Diagnostic::new(severity, code, count, &message, remedy));
    };
    let tally = &recording.tally;
    if !source.header.is_finished {
        note(
            Severity::Error,
            "unfinished",
            1,
            "perf did not finish the file: it was killed or is still writing".to_owned(),
            "stop perf with SIGINT and wait for it to end",
        );
    }
    for damage in source.damage(walked) {
        let (code, what, remedy) = match damage.stop {
            Stop::CutShort => ("damaged", "the last record is cut short", COPY_AGAIN),
            Stop::BadSize => ("damaged", "a record has an impossible size", COPY_AGAIN),
            Stop::BadCompression => ("compression", "a compressed record cannot be unpacked", DAMAGED_STREAM),
            Stop::OverBudget => ("memory", "the memory that is allowed is used up", ALLOW_MORE),
            Stop::Another => ("damaged", "another recording begins", CUT_OFF),
            Stop::Missing => {
                ("damaged", "there are files with higher numbers", "copy the whole directory again")
            }
        };
        let message = match (damage.stop, damage.part, damage.unread) {
            (Stop::Missing, part, _) => format!("{} is missing: {what}", part.unwrap_or_default()),
            (_, part, unread) => {
                let file = part.map(|part| format!(" of {part}")).unwrap_or_default();
                let unread = match unread {
                    0 => "all that follows is unread".to_owned(),
                    unread => format!("{unread} of {} bytes of records are unread", tally.data_bytes),
                };
                format!("{what} at byte {}{file}: {unread}", damage.offset)
            }
        };
        note(Severity::Error, code, 1, message, remedy);
    }
    if source.header.missing_features > 0 && source.header.missing_bytes == 0 {
        let missing = source.header.missing_features;
        note(
            Severity::Error,
            "features",
            missing,
            format!(
                "{missing} sections of what perf noted about the machine and the recording are not in the file"
            ),
            "copy the file again; all records are used",
        );
    }
    // What is in their place is unpacked and none is left, unless the header does not say that records are compressed, or one lies
    // within another.
    let compressed: u64 = [COMPRESSED, COMPRESSED2].iter().filter_map(|kind| tally.skipped.get(kind)).sum();
    if compressed > 0 {
        note(
            Severity::Error,
            "compression",
            compressed,
            format!("{compressed} compressed records are where none may be, and were not unpacked"),
            COPY_AGAIN,
        );
    }
    if source.header.is_finished && source.header.missing_bytes > 0 {
        note(
            Severity::Error,
            "cut",
            1,
            format!("the file ends {} bytes before its header says", source.header.missing_bytes),
            "copy the file again; all records that are there are used",
        );
    }
    let is_dumped = |attribute: &Attribute| attribute.sample_type & PERF_SAMPLE_STACK_USER != 0;
    if source.header.attributes.iter().any(is_dumped) {
        note(
            Severity::Warning,
            "user_stacks",
            1,
            "user stacks were recorded as dumps (--call-graph dwarf), which are not unwound".to_owned(),
            "record with -g for user frames; the kernel's are whole",
        );
    }
    let is_user_only =
        |(attribute, event): &(&Attribute, &Event)| event.is_sampling && attribute.leaves_out_kernel();
    let mut events = source.header.attributes.iter().zip(&recording.about.events);
    if let Some((_, event)) = events.find(is_user_only) {
        note(
            Severity::Warning,
            "user_only",
            1,
            format!("{} leaves out the kernel: neither system calls nor ksoftirqd can be seen", event.name),
            "record as root, without :u",
        );
    }
    if tally.without_user_chain > 0 {
        let missing = tally.without_user_chain;
        note(
            Severity::Warning,
            "user_stacks",
            missing,
            format!("{missing} samples lack their user stack, which was to be recorded later and never came"),
            "record with --call-graph fp for user frames; the kernel's are whole",
        );
    }
    note_loss(recording, &BTreeMap::new());
}

/// Notes that the formats of tracepoints are not there: perf writes them at the end of a file, at the beginning of a stream.
pub(super) fn note_formats(source: &Source, recording: &mut Recording) {
    let events = recording.about.events.iter().filter(|event| event.is_tracepoint);
    let records: u64 = events.map(|event| event.records).sum();
    if records > 0 && source.header.tracing_data.is_empty() {
        let message = format!(
            "{records} records of tracepoints cannot be decoded: their formats, at the end of the file, are not there"
        );
        let remedy = "end perf with SIGINT and copy all of the file, or record a stream, which begins with them: \
                      perf record -o - … > FILE";
        let note = Diagnostic::new(Severity::Warning, "formats", records, &message, remedy);
        recording.diagnostics.push(note);
    }
}

/// Notes what was lost or rejected. `first_lines` has for each reason the line of a text that was rejected first.
pub(super) fn note_loss(recording: &mut Recording, first_lines: &BTreeMap<&'static str, u64>) {
    let mut note = |severity, code, count, message: String, remedy: &str| {
        recording.diagnostics.push(Diagnostic::new(severity, code, count, &message, remedy));
    };
    let tally = &recording.tally;
    if tally.lost > 0 {
        note(
            Severity::Warning,
            "lost",
            tally.lost,
            format!("{} records were lost, {:.2} % of all", tally.lost, 100.0 * tally.lost_share()),
            "give perf a larger buffer (-m 16M) or sample fewer events",
        );
    }
    if tally.throttled > 0 {
        note(
            Severity::Warning,
            "throttled",
            tally.throttled,
            format!("the kernel paused sampling {} times", tally.throttled),
            "sample at a lower frequency (-F 499), or raise kernel.perf_event_max_sample_rate",
        );
    }
    for (why, count) in &tally.rejected {
        let first = first_lines.get(why).map(|line| format!(", first in line {line}")).unwrap_or_default();
        note(
            Severity::Warning,
            "rejected",
            *count,
            format!("{count} records were rejected: {why}{first}"),
            "",
        );
    }
}
