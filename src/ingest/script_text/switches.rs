//! Switch records, as perf prints them (`perf_event__fprintf_switch` in tools/perf/util/event.c).

use crate::ingest::tracepoint::RawTrace;
use crate::model::{LeaveReason, Sleep, TraceKind};

use super::scanner::Scanner;
use super::traces::{PrintedThread, PrintedTrace};

/// What a switch record tells; `None` for other records. `name` is the record's after
/// `PERF_RECORD_`, and `rest` what follows it.
pub fn read_switch<'a>(name: &[u8], rest: &'a [u8]) -> Option<PrintedTrace<'a>> {
    let is_cpu_wide = match name {
        b"SWITCH" => false,
        b"SWITCH_CPU_WIDE" => true,
        _ => return None,
    };
    let alone = |kind| Some(PrintedTrace { trace: RawTrace::Known(kind), other: None });
    let rest = rest.trim_ascii();
    let Some(rest) = rest.strip_prefix(b"OUT") else {
        return rest.starts_with(b"IN").then(|| alone(TraceKind::SwitchIn))?;
    };
    let (rest, why) = match rest.trim_ascii_start().strip_prefix(b"preempt") {
        Some(rest) => (rest, LeaveReason::Runnable),
        None => (rest, LeaveReason::Asleep(Sleep::Unknown)),
    };
    if !is_cpu_wide {
        return alone(TraceKind::SwitchOut { why });
    }
    let ids = rest.trim_ascii_start().strip_prefix(b"next pid/tid:")?;
    let mut from = Scanner::new(ids.trim_ascii());
    let pid = from.small()?;
    from.literal(b"/")?;
    let tid = from.small()?;
    let other = Some(PrintedThread { pid, tid, comm: b"" });
    Some(PrintedTrace { trace: RawTrace::Switch { next_tid: tid, why }, other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switch_records_of_cpus_and_of_threads() {
        let alone = |kind| Some(PrintedTrace { trace: RawTrace::Known(kind), other: None });
        let out = |why| {
            let other = Some(PrintedThread { pid: 21, tid: 22, comm: b"" });
            Some(PrintedTrace { trace: RawTrace::Switch { next_tid: 22, why }, other })
        };
        let (asleep, runnable) = (LeaveReason::Asleep(Sleep::Unknown), LeaveReason::Runnable);
        for (name, rest, expected) in [
            ("SWITCH_CPU_WIDE", " IN           prev pid/tid:     0/0    ", alone(TraceKind::SwitchIn)),
            ("SWITCH_CPU_WIDE", " OUT          next pid/tid:    21/22   ", out(asleep)),
            ("SWITCH_CPU_WIDE", " OUT preempt  next pid/tid:    21/22   ", out(runnable)),
            // Before 4.17.
            ("SWITCH_CPU_WIDE", " OUT  next pid/tid:    21/22   ", out(asleep)),
            ("SWITCH", " IN         ", alone(TraceKind::SwitchIn)),
            ("SWITCH", " OUT        ", alone(TraceKind::SwitchOut { why: asleep })),
            ("SWITCH", " OUT preempt", alone(TraceKind::SwitchOut { why: runnable })),
            ("SWITCH_CPU_WIDE", " OUT", None),
            ("LOST", " lost 17", None),
        ] {
            assert_eq!(read_switch(name.as_bytes(), rest.as_bytes()), expected, "{name}{rest}");
        }
    }
}
