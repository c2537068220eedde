//! The internal items that benches, fuzz targets and tests of this crate need. None of them is part
//! of the public interface: they change without notice.

use crate::analyses::diff::{self, Verdict};
use crate::analyses::paths::Path;
use crate::analyses::stalls::{
    self, Confidence, Culprit, Evidence, Holder, Kind, Limit, Options, Power, Sight, Stall, Stalls, Victims,
    Witness,
};
use crate::model::{CgroupId, TaskId};

// Analyses that others are built on, tested by themselves.
pub use crate::analyses::calls::find as find_calls;
pub use crate::analyses::contexts::Contexts;
pub use crate::analyses::off_cpu::{Span as OffCpuSpan, SpanFlaw, Waker, each_span};
pub use crate::analyses::spans::{Span, SpanKind, Spans};
// What is read of rings, which a fuzz target feeds with bytes.
#[cfg(feature = "capture")]
pub use crate::capture::{RingRecord, RingTasks, ring_alarms, ring_records};
// The parsers of a perf.data, which fuzz targets and benches feed with bytes.
pub use crate::ingest::{
    Attribute, ByteOrder, Collect, EventFinder, Features, Header, InputFile, RawSample, RawSwitch, RawTrace,
    RecentIds, Record, SampleLayout, Source, TraceReader, Walk, formats, read,
};
// The parser of logs, which a fuzz target feeds with bytes instead of a file.
pub use crate::ingest::log_times::parse as parse_log;
// Redaction of records, whose result a fuzz target reads again.
#[cfg(feature = "pack")]
pub use crate::ingest::Redacted;
// What names mean, for recordings that tests make by hand.
pub use crate::kernel::{system_call_by_number, system_call_role, task_kind};
pub use crate::load::meanings::{function, set_compat};
// The parsers of files with symbols, for fuzz targets.
pub use crate::symbols::{
    Budget, CallFrames, Code, Elf, FileSymbol, Jitdump, Kallsyms, Machine, Parts, PerfMap, Piece, PltStub,
    Reduced, Registers, StackWorker, SymbolTable, Unwinder, WantedAddress, unpack_debug_data,
};

// Stalls by hand, for tests of what reads them: their types are non-exhaustive, so only this crate
// can make them.

/// These stalls, without a ranking, of a recording that would have shown any.
pub fn stalls(stalls: Vec<Stall>, witnesses: Vec<Witness>) -> Stalls {
    Stalls {
        stalls,
        overloads: Vec::new(),
        ranking: Vec::new(),
        sight: Sight { witnesses, powers: Vec::new(), min_ns: Options::default().min_ns },
        waits: Vec::new(),
        least_wait_ns: 0,
        advice: stalls::Advice::default(),
    }
}

/// Which stalls a CPU would have shown.
pub fn power(cpu: u32, shortest_ns: Option<u64>, limit: Limit) -> Power {
    Power { cpu, shortest_ns, limit }
}

/// The witness of a source; `lacks` says why the recording does not have it.
pub fn witness(source: stalls::Source, lacks: Option<stalls::Lack>) -> Witness {
    Witness::new(source, lacks)
}

/// A stall with one piece of evidence, and without a culprit.
pub fn stall(cpu: u32, confidence: Confidence, evidence: Evidence) -> Stall {
    Stall {
        cpu,
        start_ns: evidence.start_ns,
        end_ns: evidence.end_ns,
        confidence,
        evidence: vec![evidence],
        culprit: None,
        causes: Vec::new(),
        victims: Victims::default(),
        lost: 0,
    }
}

/// What a witness observed from one time, in ns, to another.
pub fn evidence(kind: Kind, start_ns: u64, end_ns: u64) -> Evidence {
    Evidence { kind, start_ns, end_ns }
}

/// A task that held the CPU in all samples of a stall.
pub fn culprit(task: TaskId, path: Option<Path>, samples: u64) -> Culprit {
    Culprit {
        holder: Holder::Task(task),
        on_cpu: task,
        cgroup: CgroupId::NONE,
        path,
        call: None,
        samples,
        share: 1.0,
    }
}

/// What `diff` says of several culprits by their numbers alone: `before` and `after` have for each
/// culprit when its stalls began, in ns of the busy time, of which there is `times_ns` on each
/// side.
pub fn diff_verdicts(before: &[Vec<u64>], after: &[Vec<u64>], times_ns: [u64; 2]) -> Vec<Option<Verdict>> {
    diff::verdicts(before, after, times_ns)
}
