//! A check, as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::analyses::check::{Check, CpuCulprit, Doubt, Status};
use crate::analyses::paths::Owner;
use crate::model::Recording;
use crate::render::report::check as report;

use super::cause::{self, KnownView};
use super::overloads::OverloadView;
use super::stalls::{HolderView, PowerView, power};
use super::view::{RecordingView, SCHEMA, View, write_document};

/// Writes `check` of `recording`; `line` is what it says in one line.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(recording: &Recording, check: &Check, line: &str, out: &mut dyn Write) -> io::Result<()> {
    let view = View { recording };
    let status = match check.status {
        Status::Healthy => "healthy",
        Status::Stalling => "stalling",
        Status::Overloaded => "overloaded",
        Status::Unknown(_) => "unknown",
    };
    let document = CheckDocument {
        schema: SCHEMA,
        status,
        line,
        exit_code: check.status.exit_code(),
        means: means(check.status.exit_code()),
        reason: report::reason(recording, check),
        doubt: check.status.doubt().map(Doubt::code),
        recording: view.recording(),
        min_ns: check.min_ns,
        stalls: check.stalls,
        unsure: check.unsure,
        stalled_ns: check.stalled_ns,
        longest_ns: check.longest_ns,
        evidence: &check.evidence,
        powers: check.powers.iter().map(power).collect(),
        culprits: check.culprits.iter().map(|culprit| view.cpu_culprit(culprit)).collect(),
        overloads: view.overloads(&check.overloads),
    };
    write_document(&document, out)
}

/// Writes a check without an answer; `line` and `reason` say why.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_failure(line: &str, reason: &str, out: &mut dyn Write) -> io::Result<()> {
    let document = FailureDocument {
        schema: SCHEMA,
        status: "unknown",
        line,
        exit_code: FAILED,
        means: means(FAILED),
        reason,
        doubt: "failed",
    };
    write_document(&document, out)
}

/// The exit code of a check that failed.
const FAILED: u8 = 2;

/// What an exit code says of the node.
fn means(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "the limits are not reached, and the recording would have shown a stall of min_ns",
        1 => "the node stalls, or softirqs took so much of a CPU that it could do little else",
        _ => "it is not known whether the node stalls",
    }
}

#[derive(Serialize)]
struct CheckDocument<'r> {
    schema: u32,
    status: &'static str,
    line: &'r str,
    exit_code: u8,
    means: &'static str,
    reason: String,
    doubt: Option<&'static str>,
    recording: RecordingView<'r>,
    min_ns: u64,
    stalls: u64,
    unsure: u64,
    stalled_ns: u64,
    longest_ns: u64,
    evidence: &'r BTreeMap<&'static str, u64>,
    powers: Vec<PowerView>,
    culprits: Vec<CpuCulpritView<'r>>,
    overloads: Vec<OverloadView<'r>>,
}

#[derive(Serialize)]
struct FailureDocument<'r> {
    schema: u32,
    status: &'static str,
    line: &'r str,
    exit_code: u8,
    means: &'static str,
    reason: &'r str,
    doubt: &'static str,
}

#[derive(Serialize)]
struct CpuCulpritView<'r> {
    cpu: u32,
    holder: HolderView<'r>,
    owner: Option<&'static str>,
    syscall: Option<&'r str>,
    function: Option<&'r str>,
    stalls: u64,
    stalled_ns: u64,
    longest_ns: u64,
    #[serde(rename = "known")]
    causes: Vec<KnownView<'r>>,
}

impl<'r> View<'r> {
    fn cpu_culprit(&self, culprit: &'r CpuCulprit) -> CpuCulpritView<'r> {
        CpuCulpritView {
            cpu: culprit.cpu,
            holder: self.holder_by_comm(culprit.holder),
            owner: culprit.owner.map(Owner::name),
            syscall: culprit.system_call.map(|name| self.name(name)),
            function: culprit.function.map(|name| self.name(name)),
            stalls: culprit.stalls,
            stalled_ns: culprit.stalled_ns,
            longest_ns: culprit.longest_ns,
            causes: cause::views(&culprit.causes),
        }
    }
}
