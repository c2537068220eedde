//! Notes: what of the input was damaged, lost or rejected, as diagnostics.

use crate::ingest::{SideBandPass, Source, Stop};
use crate::model::{Diagnostic, Recording, Severity};

/// Notes what was damaged, lost or rejected.
pub(super) fn note_input_damage(source: &Source, pass: &SideBandPass, recording: &mut Recording) {
    let mut note = |severity, code, count, message: String, remedy: &str| {
        recording.diagnostics.push(Diagnostic {
            severity,
            code,
            count,
            message,
            remedy: (!remedy.is_empty()).then(|| remedy.to_owned()),
        });
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
    if let Some((position, stop)) = pass.stop {
        let what = match stop {
            Stop::CutShort => "the last record is cut short",
            Stop::BadSize => "a record has an impossible size",
        };
        note(
            Severity::Error,
            "damaged",
            1,
            format!(
                "{what} at byte {}: {} of {} bytes of records are unread",
                source.header.data_start as u64 + position,
                tally.unread_bytes,
                tally.data_bytes
            ),
            "copy the file again; all records before the damage are used",
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
        note(Severity::Warning, "rejected", *count, format!("{count} records were rejected: {why}"), "");
    }
}
