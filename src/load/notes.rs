//! Notes: diagnostics about damaged, lost or rejected input.
//!
//! Each possible problem is a row, a [`Note`], with the number of its occurrences. Rows with a
//! count of 0 are not reported.

use std::collections::{BTreeMap, BTreeSet};

use linux_perf_event_reader::constants::PERF_SAMPLE_STACK_USER;

use crate::error::perf_record;
use crate::ingest::{Attribute, COMPRESSED, COMPRESSED2, Damage, Header, Source, Stop, WalkResult};
use crate::model::{
    About, Diagnostic, Event, Frame, Recording, Severity, StackEnd, Symbols, Tally, Unwinding,
};
use crate::pack::ALLOW_MORE;

const CUT_OFF: &str = "cut it off and read it by itself: tail -c +N, N being one more than that byte";
const COPY_AGAIN: &str = "copy the file again; all records before the damage are used";
/// perf continues the same zstd stream in the next file of `--switch-output`, so that only the
/// first file can be unpacked, even by perf.
const DAMAGED_STREAM: &str = "copy the file again; of the parts of --switch-output with -z only the first can be read: record \
                              them without -z";

/// The reason for rejecting lines of a text that are no record. It makes a sentence of its own.
pub(super) const FOREIGN: &str = "not printed by perf script";

/// The reason for rejecting samples whose lines are not as perf script prints them.
pub(super) const SPLIT: &str = "a line of the call chain is broken in two, or something else stands in it";

/// One possible problem of the input.
struct Note {
    severity: Severity,
    code: &'static str,
    /// How many times it occurs, or how many records it concerns; 0 if there is no problem.
    count: u64,
    message: String,
    remedy: &'static str,
}

/// Adds the notes that apply, in this order.
fn add(notes: impl IntoIterator<Item = Note>, diagnostics: &mut Vec<Diagnostic>) {
    for Note { severity, code, count, message, remedy } in notes {
        if count > 0 {
            diagnostics.push(Diagnostic::new(severity, code, count, &message, remedy));
        }
    }
}

/// Notes damaged, lost and rejected records of a perf.data.
pub(super) fn note_input_damage(
    source: &Source,
    walked: &WalkResult,
    is_user_read: bool,
    recording: &mut Recording,
) {
    let of_events = events(&source.header.attributes, recording, is_user_read);
    let Recording { tally, diagnostics, .. } = recording;
    add([unfinished(&source.header)], diagnostics);
    add(source.damage(walked).iter().map(|damage| damaged(damage, tally)), diagnostics);
    add([text(source.header.text_before as u64 + walked.text_bytes)], diagnostics);
    add(file(&source.header, tally), diagnostics);
    add(of_events, diagnostics);
    note_call_chains(recording);
    note_loss(recording, &BTreeMap::new());
}

/// Notes that no event that samples time was recorded, and which one stands in for it.
pub(super) fn note_sampling_event(recording: &mut Recording) {
    let stand_in = recording.sampling_event().filter(|event| !event.samples_time && event.records > 0);
    let Some(event) = stand_in else { return };
    let note = Note {
        severity: Severity::Warning,
        code: "sampling_event",
        count: event.records,
        message: format!(
            "no event samples time: the samples of {} say little about what takes long",
            event.name
        ),
        remedy: concat!(
            "record cycles or cpu-clock, as perf does by itself: ",
            perf_record!(),
            "; -e chooses another event of this file"
        ),
    };
    add([note], &mut recording.diagnostics);
}

/// Notes that the formats of tracepoints are missing: perf writes them at the end of a file, and at
/// the beginning of a stream.
pub(super) fn note_formats(recording: &mut Recording) {
    let tracepoints = recording.about.events.iter().filter(|event| event.lacks_format);
    let records: u64 = tracepoints.map(|event| event.records).sum();
    let formats = Note {
        severity: Severity::Warning,
        code: Diagnostic::FORMATS,
        count: records,
        message: format!(
            "{records} records of tracepoints cannot be decoded: their formats, at the end of the file, are not there"
        ),
        remedy: "end perf with SIGINT and copy all of the file, or record a stream, which begins with them: \
                 perf record -o - … > FILE",
    };
    add([formats], &mut recording.diagnostics);
}

/// Notes lost and rejected records. `first_lines` has, for each reason, the first line of a text
/// that was rejected for it.
pub(super) fn note_loss(recording: &mut Recording, first_lines: &BTreeMap<&'static str, u64>) {
    let Recording { tally, diagnostics, .. } = recording;
    add(lost(tally), diagnostics);
    add(rejected(tally, first_lines), diagnostics);
}

/// Notes that samples do not show by whom the kernel's functions were called.
pub(super) fn note_call_chains(recording: &mut Recording) {
    let Some(event) = recording.sampling_event().filter(|_| !recording.shows_kernel_callers()) else {
        return;
    };
    let Event { name, .. } = event;
    let unknown = "so no system call is known, nor whether an interrupt or softirq ran on top of a task";
    let is_script = recording.about.is_script;
    let has_frames = recording.stacks.len() > 1;
    let (message, remedy) = match (event.has_callchain, is_script) {
        (true, _) => (
            format!(
                "the call chains of {name} leave out the kernel (--user-callchains): of kernel code they show the \
                 innermost function alone, {unknown}"
            ),
            concat!("record with -g alone: ", perf_record!()),
        ),
        (false, true) if !has_frames => (
            format!("the samples of {name} have no addresses, so it is known who ran, and no function"),
            "print them: perf script -F comm,pid,tid,cpu,time,event,ip,sym,dso",
        ),
        (false, true) => (
            format!(
                "the samples of {name} have no call chains: each shows its innermost function alone, {unknown}"
            ),
            concat!("record with -g: ", perf_record!(), "; if it was, print them: perf script without -G"),
        ),
        (false, false) => (
            format!(
                "the samples of {name} have no call chains: each shows its innermost function alone, {unknown}"
            ),
            concat!("record with -g: ", perf_record!()),
        ),
    };
    let flat = Note {
        severity: Severity::Warning,
        code: "call_chains",
        count: recording.tally.samples,
        message,
        remedy,
    };
    add([flat], &mut recording.diagnostics);
}

/// Notes tracepoints of a text that do not tell what happened; the first of them is in line
/// `first`.
pub(super) fn note_unread(recording: &mut Recording, first: Option<u64>) {
    let Recording { about, diagnostics, .. } = recording;
    let Some(first) = first else { return };
    let unread: u64 = about.events.iter().map(|event| event.unread).sum();
    let names: Vec<&str> =
        about.events.iter().filter(|event| event.unread > 0).map(|event| event.name.as_str()).collect();
    let unreadable = Note {
        severity: Severity::Warning,
        code: Diagnostic::FORMATS,
        count: unread,
        message: format!(
            "{unread} lines of {} are printed in a form that is not read, the first is line {}",
            names.join(", "),
            first
        ),
        remedy: "print time, CPU and fields: perf script -F comm,pid,tid,cpu,time,event,ip,sym,dso,trace; or give the perf.data \
                 here",
    };
    add([unreadable], diagnostics);
}

/// Notes programs that have the name of a kernel thread, each with its pid.
pub(super) fn note_impostors(impostors: &BTreeSet<(&str, i32)>, diagnostics: &mut Vec<Diagnostic>) {
    const MOST: usize = 3;
    let first = impostors.iter().take(MOST).map(|(comm, pid)| match pid {
        0.. => format!("{comm} (pid {pid})"),
        _ => (*comm).to_owned(),
    });
    let others = impostors.len().saturating_sub(MOST);
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    let note = Note {
        severity: Severity::Warning,
        code: "impostors",
        count: impostors.len() as u64,
        message: format!(
            "{}{more}: a program with the name of a kernel thread; it serves no softirqs and starts no window",
            first.collect::<Vec<_>>().join(", ")
        ),
        remedy: "see who gave it that name: ls -l /proc/PID/exe",
    };
    add([note], diagnostics);
}

/// Notes that perf script printed no name for any kernel function.
pub(super) fn note_nameless_kernel(recording: &mut Recording) {
    let nameless = Note {
        severity: Severity::Warning,
        code: "kernel_names",
        count: u64::from(recording.lacks_kernel_names()),
        message: "kernel functions have no names: perf script printed none".to_owned(),
        remedy: "run perf script as root in the boot that was recorded, or with --kallsyms; or give the perf.data here",
    };
    add([nameless], &mut recording.diagnostics);
}

/// Text among the records of a stream.
fn text(bytes: u64) -> Note {
    Note {
        severity: Severity::Warning,
        code: "text",
        count: bytes,
        message: format!(
            "{bytes} bytes of text stand before, between or behind the records: messages of perf, or output of the \
             recorded command; all records are read"
        ),
        remedy: "keep them out of the stream: 2> FILE in place of 2>&1",
    }
}

fn unfinished(header: &Header) -> Note {
    Note {
        severity: Severity::Error,
        code: "unfinished",
        count: u64::from(!header.is_finished),
        message: "perf did not finish the file: it was killed or is still writing".to_owned(),
        remedy: "stop perf with SIGINT and wait for it to end",
    }
}

/// A place in the files where records could not be read.
fn damaged(damage: &Damage, tally: &Tally) -> Note {
    let (code, problem, remedy) = match damage.stop {
        Stop::CutShort => ("damaged", "the last record is cut short", COPY_AGAIN),
        Stop::BadSize => ("damaged", "a record has an impossible size", COPY_AGAIN),
        Stop::BadCompression => ("compression", "a compressed record cannot be unpacked", DAMAGED_STREAM),
        Stop::BadFile => ("compression", "the compressed file is damaged or cut short", COPY_AGAIN),
        Stop::OverBudget => ("memory", "the memory that is allowed is used up", ALLOW_MORE),
        Stop::Another => ("damaged", "another recording begins", CUT_OFF),
        Stop::Missing => {
            ("damaged", "is missing: there are files with higher numbers", "copy the whole directory again")
        }
        Stop::Unusable => (
            "damaged",
            "is not used: it cannot be opened, or is a link or no regular file",
            "copy the whole directory again, as a user who may read it",
        ),
    };
    let message = if matches!(damage.stop, Stop::Missing | Stop::Unusable) {
        format!("{} {problem}", damage.part.as_deref().unwrap_or_default())
    } else {
        let file = damage.part.as_ref().map(|part| format!(" of {part}")).unwrap_or_default();
        let unread = match damage.unread {
            0 => "all that follows is unread".to_owned(),
            unread => format!("{unread} of {} bytes of records are unread", tally.data_bytes),
        };
        format!("{problem} at byte {}{file}: {unread}", damage.offset)
    };
    Note { severity: Severity::Error, code, count: 1, message, remedy }
}

/// What else is missing from the file.
fn file(header: &Header, tally: &Tally) -> [Note; 3] {
    // If the file is cut short, that is reported instead of the missing sections.
    let missing_features = if header.missing_bytes == 0 { header.missing_features } else { 0 };
    // Compressed records are replaced by their content. One remains only if the header does not say
    // that records are compressed, or if it is inside another one.
    let compressed = [COMPRESSED, COMPRESSED2].iter().filter_map(|kind| tally.skipped.get(kind)).sum();
    [
        Note {
            severity: Severity::Error,
            code: "features",
            count: missing_features,
            message: format!(
                "{missing_features} sections of what perf noted about the machine and the recording are not in the file"
            ),
            remedy: "copy the file again; all records are used",
        },
        Note {
            severity: Severity::Error,
            code: "compression",
            count: compressed,
            message: format!("{compressed} compressed records are where none may be, and were not unpacked"),
            remedy: COPY_AGAIN,
        },
        Note {
            severity: Severity::Error,
            code: "cut",
            count: u64::from(header.is_finished && header.missing_bytes > 0),
            message: format!("the file ends {} bytes before its header says", header.missing_bytes),
            remedy: "copy the file again; all records that are there are used",
        },
    ]
}

/// What the events do not record.
fn events(attributes: &[Attribute], recording: &Recording, is_read: bool) -> [Note; 5] {
    let Recording { about: About { events, .. }, tally, unwinding, .. } = recording;
    let unwinding = unwinding.as_ref();
    let has_dumps = attributes.iter().any(|attribute| attribute.sample_type & PERF_SAMPLE_STACK_USER != 0);
    let user_only = attributes
        .iter()
        .zip(events)
        .find(|(attribute, event)| event.is_sampling && attribute.leaves_out_kernel())
        .map(|(_, event)| event.name.as_str());
    let without_user_chain = tally.without_user_chain;
    let kernel_only = attributes
        .iter()
        .zip(events)
        .find(|(attribute, event)| event.is_sampling && attribute.leaves_out_user_callers() && !has_dumps)
        .map(|(_, event)| event.name.as_str());
    [
        Note {
            severity: Severity::Warning,
            code: "user_stacks",
            count: u64::from(has_dumps && is_read && unwinding.is_none()),
            message:
                "user stacks were recorded as dumps (--call-graph dwarf), which are unwound for x86_64 and \
                      aarch64 alone, and not with --no-symbols"
                    .to_owned(),
            remedy: "record with -g for user frames; the kernel's are whole",
        },
        not_unwound(unwinding),
        Note {
            severity: Severity::Warning,
            code: "user_stacks",
            count: u64::from(kernel_only.is_some()),
            message: format!(
                "the call chains of {} leave out programs (--kernel-callchains): of their code they show the innermost \
                 function alone",
                kernel_only.unwrap_or_default()
            ),
            remedy: "record with -g alone for user frames; the kernel's are whole",
        },
        Note {
            severity: Severity::Warning,
            code: "user_only",
            count: u64::from(user_only.is_some()),
            message: format!(
                "{} leaves out the kernel: neither system calls nor ksoftirqd can be seen",
                user_only.unwrap_or_default()
            ),
            remedy: "record as root, without :u",
        },
        Note {
            severity: Severity::Warning,
            code: "user_stacks",
            count: without_user_chain,
            message: format!(
                "{without_user_chain} samples lack their user stack, which was to be recorded later and never came"
            ),
            remedy: "record with --call-graph fp for user frames; the kernel's are whole",
        },
    ]
}

/// User stacks that were not unwound to their root, if they are many, or if memory was the reason.
fn not_unwound(unwinding: Option<&Unwinding>) -> Note {
    /// Of so many stacks, one.
    const FEW: u64 = 20;
    let (all, to_root) = unwinding.map_or((0, 0), |unwinding| (unwinding.stacks(), unwinding.to_root()));
    let cut = all - to_root;
    let first = unwinding.and_then(|unwinding| unwinding.cut().first().copied());
    let (end, _, _) = first.unwrap_or((StackEnd::Root, None, 0));
    let is_over_budget = unwinding.is_some_and(|unwinding| unwinding.is_over_budget);
    let is_told = is_over_budget || cut.saturating_mul(FEW) > all;
    Note {
        severity: Severity::Warning,
        code: "user_stacks",
        count: if is_told { cut.max(u64::from(is_over_budget)) } else { 0 },
        message: format!(
            "{cut} of {all} user stacks were not unwound to their root, and begin with {}; the most frequent end is {}",
            Frame::NOT_UNWOUND_NAME,
            match is_over_budget {
                true => "that of the memory that is allowed",
                false => end.reason(),
            }
        ),
        remedy: match (is_over_budget, end.remedy()) {
            (true, _) => Symbols::OverBudget.remedy(),
            (false, "") => "stallgraph info says where all of them end, and why",
            (false, remedy) => remedy,
        },
    }
}

/// Records that the kernel dropped.
fn lost(tally: &Tally) -> [Note; 2] {
    [
        Note {
            severity: Severity::Warning,
            code: Diagnostic::LOST,
            count: tally.lost,
            message: format!("{} records were lost, {:.2} % of all", tally.lost, 100.0 * tally.lost_share()),
            remedy: "give perf a larger buffer (-m 16M) or sample fewer events",
        },
        Note {
            severity: Severity::Warning,
            code: "throttled",
            count: tally.throttled,
            message: format!("the kernel paused sampling {} times", tally.throttled),
            remedy: "sample at a lower frequency (-F 499), or raise kernel.perf_event_max_sample_rate",
        },
    ]
}

/// One split sample in so many others is a message that was mixed in, more are wrapped lines.
const MOST_SPLIT: u64 = 100;

/// Records that could not be decoded, by reason.
fn rejected(tally: &Tally, first_lines: &BTreeMap<&'static str, u64>) -> impl Iterator<Item = Note> {
    tally.rejected.iter().map(|(why, count)| {
        let first = first_lines.get(why).map(|line| format!(", first in line {line}")).unwrap_or_default();
        let (message, remedy) = match *why {
            FOREIGN => {
                let lines = if *count == 1 { "line was" } else { "lines were" };
                (
                    format!("{count} {lines} {FOREIGN}{first}"),
                    "messages of perf are kept out of the text with: perf script 2> /dev/null",
                )
            }
            SPLIT => (
                format!("{count} records were rejected: {why}{first}"),
                "a terminal or a mail program has wrapped long lines, or messages were mixed in (2>&1): \
                 give the file that is written by: perf script > FILE",
            ),
            _ => (format!("{count} records were rejected: {why}{first}"), ""),
        };
        // Who reads the rest must know that a part of it, with the longest names, is missing.
        let is_part = *why == SPLIT && count.saturating_mul(MOST_SPLIT) > tally.samples;
        let severity = if is_part { Severity::Error } else { Severity::Warning };
        Note { severity, code: "rejected", count: *count, message, remedy }
    })
}
