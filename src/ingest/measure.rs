//! What the samples of an event show: time, or something else.

use linux_perf_event_reader::constants::{
    PERF_COUNT_SW_DUMMY, PERF_TYPE_BREAKPOINT, PERF_TYPE_HARDWARE, PERF_TYPE_HW_CACHE, PERF_TYPE_SOFTWARE,
};

use super::attributes::Attribute;

/// PERF_COUNT_SW_BPF_OUTPUT (include/uapi/linux/perf_event.h): records that a BPF program writes.
const BPF_OUTPUT: u64 = 10;
/// Names of PMUs that write a trace of their own (AUX data) and no samples.
const AUX: [&str; 5] = ["intel_pt", "intel_bts", "cs_etm", "arm_spe", "hisi_ptt"];
/// Vendors' names of cycles, in lower case, up to where they differ: arm64, Intel, AMD, s390 and
/// Power (tools/perf/pmu-events/arch).
const CYCLES: [&str; 7] = [
    "cpu_cycles",
    "cpu_clk_unhalted",
    "ls_not_halted_cyc",
    "ibs_op",
    "sf_cycles_basic",
    "pm_run_cyc",
    "pm_cyc",
];
/// Vendors' names of instructions, likewise.
const INSTRUCTIONS: [&str; 3] = ["inst_retired", "ex_ret_instr", "pm_run_inst_cmpl"];

/// What the samples of an event show. The earlier ones are better to find stalls with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Where time goes: a clock, or cycles.
    Time,
    /// Where instructions are executed, which takes time.
    Instructions,
    /// Where something else is counted that busy code does: branches, references to a cache, an
    /// event of the machine's own.
    Work,
    /// Where something happens now and then: a page fault, an access to a breakpoint.
    Occurrences,
    /// Where a cache or a branch prediction misses.
    Misses,
}

impl Measure {
    /// What the samples of `attribute`'s event show; `None` if its records are no samples: those of
    /// a tracepoint, of a dummy, AUX data, or times off the CPU.
    pub fn of(attribute: &Attribute) -> Option<Measure> {
        if attribute.is_tracepoint() {
            return None;
        }
        // A text without names of events: most often it is of the one that perf takes by default.
        if attribute.name.as_deref() == Some(Attribute::NAMELESS) {
            return Some(Measure::Time);
        }
        if attribute.name.as_deref().is_some_and(is_off_cpu) {
            return None;
        }
        match attribute.generic() {
            Some((PERF_TYPE_HARDWARE, 0 | 9)) => Some(Measure::Time),
            Some((PERF_TYPE_HARDWARE, 1)) => Some(Measure::Instructions),
            Some((PERF_TYPE_HARDWARE, 3 | 5)) => Some(Measure::Misses),
            Some((PERF_TYPE_HW_CACHE, config)) if config >> 16 != 0 => Some(Measure::Misses),
            Some((PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY | BPF_OUTPUT)) => None,
            Some((PERF_TYPE_SOFTWARE, _)) if attribute.counts_ns() => Some(Measure::Time),
            Some((PERF_TYPE_SOFTWARE | PERF_TYPE_BREAKPOINT, _)) => Some(Measure::Occurrences),
            Some(_) => Some(Measure::Work),
            None if attribute.kind == PERF_TYPE_BREAKPOINT => Some(Measure::Occurrences),
            None => by_name(attribute.name.as_deref().unwrap_or_default()),
        }
    }

    /// Whether the samples show where time goes.
    pub fn is_time(self) -> bool {
        self <= Measure::Instructions
    }
}

/// Whether this is the name of the event whose samples say how long a task was off the CPU
/// (OFFCPU_EVENT in tools/perf/util/off_cpu.h): of records that a BPF program writes.
pub fn is_off_cpu(name: &str) -> bool {
    name.split([':', '/']).next() == Some("offcpu-time")
}

/// What an event of a PMU's own shows, as far as its name tells.
fn by_name(name: &str) -> Option<Measure> {
    let name = name.to_ascii_lowercase();
    if AUX.iter().any(|pmu| name.starts_with(pmu)) {
        return None;
    }
    let has_word = |words: &[&str]| {
        name.split(['/', ':', ',']).any(|part| words.iter().any(|word| part.starts_with(word)))
    };
    Some(match () {
        () if name.contains("miss") => Measure::Misses,
        () if has_word(&CYCLES) => Measure::Time,
        () if has_word(&INSTRUCTIONS) => Measure::Instructions,
        () => Measure::Work,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_samples_show() {
        for (name, expected) in [
            ("cycles:ppp", Some(Measure::Time)),
            ("cpu-cycles:u", Some(Measure::Time)),
            ("cpu_core/cycles/P", Some(Measure::Time)),
            ("cpu_atom/cpu-cycles/", Some(Measure::Time)),
            ("cpu-clock/freq=999,call-graph=fp/", Some(Measure::Time)),
            ("task-clock:HG", Some(Measure::Time)),
            ("armv8_pmuv3_0/cpu_cycles/", Some(Measure::Time)),
            ("CPU_CLK_UNHALTED.THREAD", Some(Measure::Time)),
            ("ibs_op//", Some(Measure::Time)),
            ("instructions:u", Some(Measure::Instructions)),
            ("branches", Some(Measure::Work)),
            ("r1a8", Some(Measure::Work)),
            ("cpu/event=0xd1,umask=0x4/", Some(Measure::Work)),
            ("page-faults", Some(Measure::Occurrences)),
            ("mem:0x1000:rw", Some(Measure::Occurrences)),
            ("cache-misses", Some(Measure::Misses)),
            ("LLC-load-misses", Some(Measure::Misses)),
            ("cpu_core/mem_load_retired.l3_miss/", Some(Measure::Misses)),
            ("dummy:HG", None),
            ("bpf-output/name=trace/", None),
            ("offcpu-time", None),
            ("intel_pt//u", None),
            ("cs_etm/@tmc_etr0/u", None),
            ("arm_spe_0/ts_enable=1/", None),
            ("sched:sched_switch", None),
        ] {
            assert_eq!(Measure::of(&Attribute::from_name(name)), expected, "{name}");
        }
    }
}
