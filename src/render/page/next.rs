//! What to do next, according to the verdict.

use crate::analyses::causes::{Certainty, KnownCause};
use crate::analyses::check::Status;
use crate::analyses::stalls::{CulpritSummary, Holder};
use crate::model::{Kept, Recording};
use crate::render::text::short;
use crate::render::{advice, lookup, subject};

use super::cause;
use super::parts::Page;

/// The command that shows whether a change helped.
const RECORD_AGAIN: &str = "stallgraph record -- sleep 60; stallgraph stalls";

/// Something to do.
pub(super) struct Step {
    pub sentence: String,
    /// A command for it.
    pub command: Option<String>,
}

impl Step {
    fn new(sentence: impl Into<String>, command: &str) -> Step {
        Step { sentence: sentence.into(), command: Some(command.to_owned()) }
    }
}

/// What to do next; nothing if nothing helps.
pub(super) fn steps(page: &Page) -> Vec<Step> {
    let is_unknown = matches!(page.check.status, Status::Unknown(_));
    let repairs = if is_unknown { repairs(page.recording) } else { Vec::new() };
    if repairs.is_empty() { by_verdict(page) } else { repairs }
}

/// What would make the recording say more.
fn repairs(recording: &Recording) -> Vec<Step> {
    let mut steps = Vec::new();
    if recording.is_damaged() {
        steps.push(Step { sentence: "Copy the file again: it is not whole.".to_owned(), command: None });
    }
    if recording.lacks_kernel_names() {
        let sentence = "Save the names of the kernel's functions, as root on the recorded machine and in the same \
                        boot. Put the file beside the recording:";
        steps.push(Step::new(sentence, "cat /proc/kallsyms > kallsyms"));
    }
    steps
}

/// What to do about the verdict.
fn by_verdict(page: &Page) -> Vec<Step> {
    let record = |sentence: &str| Step::new(sentence, &advice::command(&page.stalls.advice));
    let is_lacking = page.stalls.sight.lacking().next().is_some();
    match (&page.check.status, page.stalls.ranking.first()) {
        (Status::Stalling, Some(top)) => {
            let change = match cause::surest(page) {
                Some((found, _)) => about_cause(page, found),
                None => about_culprit(page.recording, top),
            };
            whereabouts(page.recording, top).into_iter().chain([change]).collect()
        }
        (Status::Stalling, None) if is_lacking => {
            vec![record("Record again with the missing evidence, to see who it was:")]
        }
        (Status::Stalling, None) => Vec::new(),
        (Status::Overloaded, _) => {
            let sentence =
                "Spread the packets over more CPUs (RSS, RPS), or make the function above cheaper.";
            vec![Step { sentence: sentence.to_owned(), command: None }]
        }
        (Status::Unknown(_), _) if is_lacking => vec![record("Record again with the missing evidence:")],
        (Status::Unknown(_), _) => {
            vec![Step::new("Record for longer, while the problem occurs:", "stallgraph record -- sleep 60")]
        }
        (Status::Healthy, _) => vec![Step::new("Be there when it happens:", "stallgraph watch")],
    }
}

/// How to find out which pod or container the first culprit is in.
fn whereabouts(recording: &Recording, top: &CulpritSummary) -> Option<Step> {
    let command = lookup::command(recording, top.cgroup).join(" ");
    (!command.is_empty()).then(|| Step::new("Ask which pod or container this is:", &command))
}

/// What to do about a known cause.
fn about_cause(page: &Page, found: &KnownCause) -> Step {
    let first = match (found.certainty, found.cause.now.is_empty()) {
        (_, true) => "Cure it as said above.",
        (Certainty::Sure, _) => "Do what helps now.",
        (Certainty::Possible(_), _) => "Make sure, and do what helps now.",
    };
    match page.recording.about.kept {
        Kept::Always => Step::new(
            format!("{first} Then record again in the same way, and compare:"),
            &format!("stallgraph diff {} after.data", page.shell_input),
        ),
        // It tells no rate that another recording could be compared with.
        Kept::ForStall | Kept::Unknown => Step::new(format!("{first} Then record:"), RECORD_AGAIN),
    }
}

/// What to do about the first culprit.
fn about_culprit(recording: &Recording, top: &CulpritSummary) -> Step {
    let name = subject::holder(recording, top.holder);
    let longest = short(top.longest_ns);
    let function = top.path.as_ref().and_then(|path| path.function);
    let place = function.map(|function| format!(" at {}", recording.name(function))).unwrap_or_default();
    match top.holder {
        Holder::Task(_) => {
            let sentence = format!(
                "Stop {name}, or make it do this less often, and see whether the stalls end. Find out why it takes \
                 {longest}{place}. After the change, record again:"
            );
            Step::new(sentence, RECORD_AGAIN)
        }
        Holder::Softirq(_) | Holder::Interrupt(_) => {
            let sentence =
                format!("Find out why {name} takes {longest}{place}. After a change, record again:");
            Step::new(sentence, RECORD_AGAIN)
        }
        Holder::Machine => Step::new(
            "The whole machine stood still: look for the reason in its host or its firmware. The eighth number \
             of each CPU is the time that the host took (steal):",
            "grep ^cpu /proc/stat",
        ),
    }
}
