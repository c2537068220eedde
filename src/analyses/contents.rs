//! Contents: what is in a recording and how far it can be trusted: samples per CPU, and which
//! frames have no name and why.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{
    Function, Module, ModuleId, NameId, Naming, Recording, StackId, StackTree, Symbols, TaskId,
};

use super::contexts::Contexts;
use super::overloads::{self, Overload};
use super::selection::Selection;

/// The result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// Samples per CPU.
    pub cpus: Vec<CpuContents>,
    /// The number of frames in all samples.
    pub frames: u64,
    /// How many of them have no name.
    pub unnamed_frames: u64,
    /// The frames without a name by module and reason, the most frequent first.
    pub unnamed: Vec<Unnamed>,
    /// Where softirqs took so much of a CPU that it could do little else.
    pub overloads: Vec<Overload>,
}

impl Contents {
    /// `frames` as a share of all frames, from 0 to 1.
    pub fn share(&self, frames: u64) -> f64 {
        if self.frames == 0 { 0.0 } else { frames as f64 / self.frames as f64 }
    }
}

/// What one CPU's timeline holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuContents {
    /// The CPU.
    pub cpu: u32,
    /// The number of samples.
    pub samples: u64,
    /// How many of them are of the idle task.
    pub swapper_samples: u64,
    /// The number of gaps: lost records and pauses.
    pub gaps: u64,
}

/// The frames of one module that have no name for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unnamed {
    /// The module; `None` for addresses in no known mapping.
    pub module: Option<ModuleId>,
    /// What is printed in place of the name: `[module]` or `[unknown]`.
    pub name: NameId,
    /// What is missing.
    pub naming: Naming,
    /// The number of frames.
    pub frames: u64,
    /// The reason, in one word for programs.
    pub code: &'static str,
    /// The reason, in a few words, safe to print.
    pub reason: String,
    /// What to do to get names, safe to print; empty if nothing helps.
    pub remedy: String,
}

/// Takes stock of the contents of `recording`.
pub fn find(recording: &Recording) -> Contents {
    let (frames, mut unnamed) = unnamed_where(recording, |_| true);
    // `Recording::unwinding` says more.
    unnamed.retain(|cause| cause.naming != Naming::NotUnwound);
    Contents {
        cpus: cpus(recording),
        frames,
        unnamed_frames: unnamed.iter().map(|cause| cause.frames).sum(),
        unnamed,
        overloads: overloads::find(recording, &Contexts::of(recording), &Selection::default()),
    }
}

/// The entries of `names` that are placeholders for a missing name, and the reasons.
pub(crate) fn unnamed_among(recording: &Recording, names: &FxHashSet<NameId>) -> Vec<Unnamed> {
    let is_meant = |function: &Function| names.contains(&function.name);
    let is_unnamed = |function: &Function| function.naming != Naming::Named && is_meant(function);
    match recording.functions.iter().any(is_unnamed) {
        true => unnamed_where(recording, is_meant).1,
        false => Vec::new(),
    }
}

/// The number of frames in all samples; and, by module and reason, the frames that have no name and
/// a function for which `is_meant` holds.
fn unnamed_where(recording: &Recording, is_meant: impl Fn(&Function) -> bool) -> (u64, Vec<Unnamed>) {
    let mut frames = 0;
    let mut by_cause: FxHashMap<(Option<ModuleId>, Naming, NameId), u64> = FxHashMap::default();
    for (index, samples) in samples_below(recording).into_iter().enumerate().skip(1) {
        let Some((_, frame)) = recording.stacks.split(StackId::from_index(index)) else {
            continue;
        };
        let function = recording.function(recording.frames.function(frame));
        frames += samples;
        if function.naming != Naming::Named && is_meant(function) {
            *by_cause.entry((function.module, function.naming, function.name)).or_default() += samples;
        }
    }
    let cause = |((module, naming, name), frames)| cause(recording, module, naming, name, frames);
    let mut unnamed: Vec<Unnamed> = by_cause.into_iter().map(cause).collect();
    unnamed.sort_by_key(|cause| (Reverse(cause.frames), cause.module, cause.name, cause.code));
    (frames, unnamed)
}

fn cpus(recording: &Recording) -> Vec<CpuContents> {
    let is_swapper = |task: TaskId| recording.task(task).is_swapper();
    let of_cpus = if recording.tells_cpus() { &recording.timelines[..] } else { &[] };
    of_cpus
        .iter()
        .map(|timeline| CpuContents {
            cpu: timeline.cpu,
            samples: timeline.samples.len() as u64,
            swapper_samples: timeline.samples.iter().filter(|sample| is_swapper(sample.task)).count() as u64,
            gaps: (timeline.lost.len() + timeline.throttled.len()) as u64,
        })
        .collect()
}

/// For each stack, how many samples have it or a continuation of it. Its innermost frame occurs
/// that many times.
fn samples_below(recording: &Recording) -> Vec<u64> {
    let mut counts = vec![0u64; recording.stacks.len()];
    for sample in recording.timelines.iter().flat_map(|timeline| &timeline.samples) {
        counts[sample.stack.index()] += 1;
    }
    for index in (1..counts.len()).rev() {
        let split = recording.stacks.split(StackId::from_index(index));
        let parent = split.map_or(StackTree::ROOT, |(parent, _)| parent);
        counts[parent.index()] += counts[index];
    }
    counts
}

fn cause(
    recording: &Recording,
    module: Option<ModuleId>,
    naming: Naming,
    name: NameId,
    frames: u64,
) -> Unnamed {
    let module_info = module.map(|module| &recording.modules[module.index()]);
    let is_generated = module_info.is_some_and(|module| module.process.is_some());
    let (code, reason, remedy) = match naming {
        Naming::Named => ("named", "", ""),
        Naming::NotRead => ("not_read", "user frames were not asked for", ""),
        Naming::NotUnwound => ("not_unwound", "callers that were not found by unwinding", ""),
        Naming::NoModule => (
            "no_module",
            "no mapping holds the address: frame pointers are missing, or code was generated",
            "",
        ),
        Naming::NoSymbolHere if is_generated => (
            "not_in_perf_map",
            "in memory and no file, and /tmp/perf-PID.map has no function at the place",
            "",
        ),
        Naming::NoSymbolHere if module_info.is_some_and(|module| module.kernel.is_some()) => {
            ("no_symbol", "the kernel's symbols do not cover the place", "")
        }
        Naming::NoSymbolHere => {
            ("no_symbol", "the file's symbols do not cover the place", Symbols::DEBUG_SYMBOLS)
        }
        Naming::Foreign => ("foreign", "code of a virtual machine or hypervisor", ""),
        Naming::NoSymbols => match module_info.map(|module| module.symbols) {
            None | Some(Symbols::NotWanted | Symbols::Found) => {
                ("not_asked_for", "names were not asked for", "")
            }
            Some(symbols) => (symbols.code(), symbols.reason(), symbols.remedy()),
        },
    };
    // The path is a hash: what is installed or copied by it does not exist.
    let remedy = match recording.is_redacted() && remedy.contains(PATH) {
        true => "ask on the node: stallgraph info of the recording itself",
        false => remedy,
    };
    let fill = |text: &str| module_info.map_or_else(|| text.to_owned(), |module| fill(text, module));
    Unnamed { module, name, naming, frames, code, reason: fill(reason), remedy: fill(remedy) }
}

/// The placeholder for a module's path.
const PATH: &str = "PATH";

/// Replaces the placeholders in a text by the values of `module`, so that a command can be copied.
fn fill(text: &str, module: &Module) -> String {
    let mut text = text.to_owned();
    if let Some(process) = module.process {
        text = text.replace("PID", &process.to_string());
    }
    text = match &module.build_id {
        Some(build_id) => {
            let hex: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
            text.replace("BUILD_ID", &hex)
        }
        None => text.replace(" (build id BUILD_ID)", ""),
    };
    // A path from a recording may be crafted to do something in the shell that it is pasted into.
    let is_harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if module.path.starts_with('/') && module.path.bytes().all(is_harmless) {
        text = text.replace("/PATH", &module.path).replace(PATH, &module.path);
    }
    text
}
