//! Events: `perf_event_attr` in any of its sizes, with the event's ids and name.

use linux_perf_event_reader::constants::{
    ATTR_FLAG_BIT_BUILD_ID, ATTR_FLAG_BIT_CONTEXT_SWITCH, ATTR_FLAG_BIT_EXCLUDE_CALLCHAIN_KERNEL,
    ATTR_FLAG_BIT_EXCLUDE_CALLCHAIN_USER, ATTR_FLAG_BIT_EXCLUDE_HV, ATTR_FLAG_BIT_EXCLUDE_KERNEL,
    ATTR_FLAG_BIT_EXCLUDE_USER, ATTR_FLAG_BIT_FREQ, ATTR_FLAG_BIT_SAMPLE_ID_ALL, ATTR_FLAG_BIT_USE_CLOCKID,
    PERF_COUNT_SW_CPU_CLOCK, PERF_COUNT_SW_TASK_CLOCK, PERF_SAMPLE_BRANCH_CALL_STACK,
    PERF_SAMPLE_BRANCH_STACK, PERF_SAMPLE_CALLCHAIN, PERF_SAMPLE_CPU, PERF_SAMPLE_ID, PERF_SAMPLE_IDENTIFIER,
    PERF_TYPE_BREAKPOINT, PERF_TYPE_HARDWARE, PERF_TYPE_RAW, PERF_TYPE_SOFTWARE, PERF_TYPE_TRACEPOINT,
};

use super::cursor::ByteOrder;
use super::event_names;

/// Bytes of the smallest `perf_event_attr`: PERF_ATTR_SIZE_VER0 (include/uapi/linux/perf_event.h).
/// A size of 0 means this one.
pub const SMALLEST_ATTRIBUTE: usize = 64;

/// One `perf_event_attr`. Unknown numbers are kept as they are. Fields that an older, shorter
/// attribute lacks are 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribute {
    /// PERF_TYPE_*, or the type of a dynamic PMU.
    pub kind: u32,
    /// Which event of that type.
    pub config: u64,
    /// The period, or the frequency if [`Attribute::frequency_hz`] says so.
    sample_period: u64,
    /// PERF_SAMPLE_*: the fields of a sample.
    pub sample_type: u64,
    /// PERF_FORMAT_*: the fields of a read value.
    pub read_format: u64,
    flags: u64,
    /// Address and type of a breakpoint.
    breakpoint: (u64, u32),
    /// PERF_SAMPLE_BRANCH_*.
    pub branch_sample_type: u64,
    /// Registers in REGS_USER.
    pub sample_regs_user: u64,
    clock_id: i32,
    /// Registers in REGS_INTR.
    pub sample_regs_intr: u64,
    /// The ids in this event's records.
    pub ids: Vec<u64>,
    /// The CPU on which each id counts, by ascending id. Empty if samples have their CPU, or if the
    /// recording does not hold the CPUs of ids.
    pub cpus_of_ids: Vec<(u64, u32)>,
    /// The name, as recorded; that of a tracepoint may be the one in its format.
    pub name: Option<String>,
}

/// An event, and the kind of core that it counts on.
pub type OnCore = (CoreEvent, String);

/// An event that may be counted on several kinds of cores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CoreEvent {
    /// One that all machines have, by its number.
    Hardware(u32),
    /// One of a PMU, by its name there.
    Named(String),
}

impl Attribute {
    /// Decodes an attribute from `bytes`, which are the whole attribute.
    pub fn parse(bytes: &[u8], order: ByteOrder) -> Self {
        let u64_at = |at| order.u64_at(bytes, at).unwrap_or(0);
        let u32_at = |at| order.u32_at(bytes, at).unwrap_or(0);
        let flags = u64_at(40);
        Attribute {
            kind: u32_at(0),
            config: u64_at(8),
            sample_period: u64_at(16),
            sample_type: u64_at(24),
            read_format: u64_at(32),
            // A bit field: on big-endian machines its first member is the highest bit.
            flags: match order {
                ByteOrder::Little => flags,
                ByteOrder::Big => flags.reverse_bits(),
            },
            breakpoint: (u64_at(56), u32_at(52)),
            branch_sample_type: u64_at(72),
            sample_regs_user: u64_at(80),
            clock_id: u32_at(92) as i32,
            sample_regs_intr: u64_at(96),
            ids: Vec::new(),
            cpus_of_ids: Vec::new(),
            name: None,
        }
    }

    /// What an event is called whose name perf script did not print.
    pub const NAMELESS: &str = "unnamed event";

    /// The attribute of the event with this name, as far as the name determines it. perf script
    /// prints only names.
    pub fn from_name(name: &str) -> Self {
        let (kind, config) = match words(name) {
            [Some(generic), _] => generic,
            _ if is_tracepoint_name(name) => (PERF_TYPE_TRACEPOINT, 0),
            [None, Some(generic)] => generic,
            [None, None] if name.starts_with("mem:") => (PERF_TYPE_BREAKPOINT, 0),
            [None, None] => (PERF_TYPE_RAW, 0),
        };
        Attribute { kind, config, name: Some(name.to_owned()), ..Attribute::default() }
    }

    /// The requested samples per second; `None` if a fixed period was requested.
    pub fn frequency_hz(&self) -> Option<u64> {
        (self.flags & ATTR_FLAG_BIT_FREQ != 0).then_some(self.sample_period)
    }

    /// The fixed period; `None` if a frequency was requested.
    pub fn period(&self) -> Option<u64> {
        (self.flags & ATTR_FLAG_BIT_FREQ == 0).then_some(self.sample_period)
    }

    /// Whether records other than samples end in a `sample_id`.
    pub fn has_sample_id_all(&self) -> bool {
        self.flags & ATTR_FLAG_BIT_SAMPLE_ID_ALL != 0
    }

    /// Whether the kernel writes build ids into records of mappings.
    pub fn wants_build_ids(&self) -> bool {
        self.flags & ATTR_FLAG_BIT_BUILD_ID != 0
    }

    /// The clock set by `perf record -k`.
    pub fn clock_id(&self) -> Option<i32> {
        (self.flags & ATTR_FLAG_BIT_USE_CLOCKID != 0).then_some(self.clock_id)
    }

    /// Whether switches between tasks are recorded beside the event.
    pub fn wants_switches(&self) -> bool {
        self.flags & ATTR_FLAG_BIT_CONTEXT_SWITCH != 0
    }

    /// Whether the event is a tracepoint.
    pub fn is_tracepoint(&self) -> bool {
        self.kind == PERF_TYPE_TRACEPOINT
    }

    /// Whether its samples have branches that are not calls which have not returned.
    pub fn records_other_branches(&self) -> bool {
        let is_call_stack = self.branch_sample_type & PERF_SAMPLE_BRANCH_CALL_STACK != 0;
        self.sample_type & PERF_SAMPLE_BRANCH_STACK != 0 && !is_call_stack
    }

    /// Whether the event's period counts nanoseconds.
    pub fn counts_ns(&self) -> bool {
        self.kind == PERF_TYPE_SOFTWARE
            && matches!(self.config, PERF_COUNT_SW_CPU_CLOCK | PERF_COUNT_SW_TASK_CLOCK)
    }

    /// Whether the kernel is not sampled (`:u`).
    pub fn leaves_out_kernel(&self) -> bool {
        self.flags & ATTR_FLAG_BIT_EXCLUDE_KERNEL != 0
    }

    /// Whether samples have an id, but not the CPU on which they were taken.
    pub fn needs_cpus_of_ids(&self) -> bool {
        self.sample_type & PERF_SAMPLE_CPU == 0
            && self.sample_type & (PERF_SAMPLE_ID | PERF_SAMPLE_IDENTIFIER) != 0
    }

    /// Whether it is `cycles` (PERF_COUNT_HW_CPU_CYCLES, which is 0), of either kind of core.
    pub fn counts_cycles(&self) -> bool {
        self.kind == PERF_TYPE_HARDWARE && self.config as u32 == 0
    }

    /// Whether samples have call chains.
    pub fn has_callchain(&self) -> bool {
        self.sample_type & PERF_SAMPLE_CALLCHAIN != 0
    }

    /// Whether these call chains hold the kernel's callers.
    pub fn has_kernel_callchain(&self) -> bool {
        self.has_callchain() && self.flags & ATTR_FLAG_BIT_EXCLUDE_CALLCHAIN_KERNEL == 0
    }

    /// Whether call chains leave out user space (`--kernel-callchains`).
    pub fn leaves_out_user_callers(&self) -> bool {
        self.has_callchain() && self.flags & ATTR_FLAG_BIT_EXCLUDE_CALLCHAIN_USER != 0
    }

    /// Whether the two are one event on different kinds of cores.
    pub fn is_twin_of(&self, other: &Attribute) -> bool {
        let others = other.on_cores();
        let is_twin = |(one, core): &OnCore| others.iter().any(|(other, on)| one == other && core != on);
        self.on_cores().iter().any(is_twin)
    }

    /// The event and the kind of core that it counts on, where there may be several kinds. On a
    /// hybrid CPU the upper half of a hardware event's config is the type of the PMU
    /// (PERF_PMU_TYPE_SHIFT, include/uapi/linux/perf_event.h). Of any other event the names differ
    /// in the PMU only: `cpu_core/event=0x3c/` and `cpu_atom/event=0x3c/`.
    pub fn on_cores(&self) -> Vec<OnCore> {
        let by_config = (self.kind == PERF_TYPE_HARDWARE).then(|| {
            let (event, pmu) = (self.config as u32, self.config >> 32);
            (CoreEvent::Hardware(event), pmu.to_string())
        });
        let by_name = || {
            let (pmu, event) = self.name.as_ref()?.split_once('/')?;
            let is_event = event_names::generic(pmu).is_none() && !self.is_tracepoint();
            let first = event.split(['/', ',']).next()?;
            let has_event = first.split_once('=').map_or(!first.is_empty(), |(term, _)| term == "event");
            (is_event && has_event).then(|| (CoreEvent::Named(event.to_owned()), pmu.to_owned()))
        };
        by_config.into_iter().chain(by_name()).collect()
    }

    /// Type and config of the event, with the name's where the type is a PMU's; `None` if it is no
    /// event that all machines have.
    pub fn generic(&self) -> Option<(u32, u64)> {
        if self.kind == PERF_TYPE_HARDWARE {
            return Some((self.kind, u64::from(self.config as u32)));
        }
        if self.kind < PERF_TYPE_RAW {
            return Some((self.kind, self.config));
        }
        let [first, second] = self.name.as_deref().map_or([None; 2], words);
        first.or(second)
    }

    /// The name as perf prints it.
    pub fn display_name(&self) -> String {
        if let Some(name) = self.name.as_ref().filter(|name| !name.is_empty()) {
            return name.clone();
        }
        let (kind, config) = self.generic().unwrap_or((self.kind, self.config));
        match event_names::name(kind, config, self.breakpoint) {
            Some(name) => name + &self.modifiers(),
            None if self.is_tracepoint() => format!("tracepoint {config}"),
            None => format!("event {}:{:#x}", self.kind, self.config),
        }
    }

    /// What the event leaves out, as perf writes it: `:u` without the kernel and the hypervisor.
    fn modifiers(&self) -> String {
        let excluded = [ATTR_FLAG_BIT_EXCLUDE_KERNEL, ATTR_FLAG_BIT_EXCLUDE_USER, ATTR_FLAG_BIT_EXCLUDE_HV];
        if excluded.iter().all(|bit| self.flags & bit == 0) {
            return String::new();
        }
        let letters = excluded.iter().zip(['k', 'u', 'h']);
        let letters: String =
            letters.filter(|(bit, _)| self.flags & **bit == 0).map(|(_, letter)| letter).collect();
        format!(":{letters}")
    }
}

/// The events that the first and the second word of a name stand for: `cycles:u`, or with a PMU
/// `cpu_core/cycles/P`.
fn words(name: &str) -> [Option<(u32, u64)>; 2] {
    let (first, rest) = name.split_at(name.find(['/', ':']).unwrap_or(name.len()));
    let second = rest.strip_prefix('/').and_then(|rest| rest.split(['/', ',']).next());
    [event_names::generic(first), second.and_then(event_names::generic)]
}

/// Whether a name is that of a tracepoint, `SUBSYSTEM:NAME`. An event with modifiers such as
/// `cycles:ppp` is no tracepoint (`modifier_event` in tools/perf/util/parse-events.l), and neither
/// is a breakpoint such as `mem:0x1000:rw`.
fn is_tracepoint_name(name: &str) -> bool {
    const MODIFIERS: &[u8] = b"ukhpPGHSDIWebRX";
    let Some((subsystem, event)) = name.split_once(':') else { return false };
    let is_word =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let has_modifiers_only = event.bytes().all(|byte| MODIFIERS.contains(&byte));
    is_word(subsystem) && !has_modifiers_only && subsystem != "mem"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_an_event_is() {
        for (name, is_tracepoint) in [
            ("sched:sched_switch", true),
            ("syscalls:sys_enter_read", true),
            ("probe_libc:malloc__return:u", true),
            ("cycles:ppp", false),
            ("cpu-clock:HG", false),
            ("cpu/event=0x3c,umask=0x0/u", false),
            ("mem:0x1000:rw", false),
            ("L1-dcache-load-misses", false),
        ] {
            assert_eq!(Attribute::from_name(name).is_tracepoint(), is_tracepoint, "{name}");
        }
        assert!(Attribute::from_name("cpu-clock:u").counts_ns());
    }

    #[test]
    fn one_event_on_two_kinds_of_cores_is_twins() {
        for (one, other, are_twins) in [
            ("cpu_core/cycles/P", "cpu_atom/cycles/P", true),
            ("cpu_core/event=0x3c/", "cpu_atom/event=0x3c/", true),
            ("armv8_cortex_a53/cpu_cycles/", "armv8_cortex_a72/cpu_cycles/", true),
            ("cpu_core/cycles/P", "cpu_atom/branches/P", false),
            ("cpu_core/cycles/P", "cpu_core/cycles/P", false),
            ("cpu-clock/freq=99/", "task-clock/freq=99/", false),
            ("irq:softirq_raise/call-graph=no/", "irq:softirq_entry/call-graph=no/", false),
            ("r3c/freq=99/", "r1a8/freq=99/", false),
            ("intel_pt//", "cs_etm//", false),
        ] {
            let [one, other] = [one, other].map(Attribute::from_name);
            assert_eq!(one.is_twin_of(&other), are_twins, "{one:?} {other:?}");
        }
    }

    #[test]
    fn flags_of_a_big_endian_attribute_are_mirrored() {
        let mut bytes = [0u8; 64];
        bytes[40..48].copy_from_slice(
            &(ATTR_FLAG_BIT_FREQ | ATTR_FLAG_BIT_SAMPLE_ID_ALL).reverse_bits().to_be_bytes(),
        );
        bytes[16..24].copy_from_slice(&999u64.to_be_bytes());
        let attribute = Attribute::parse(&bytes, ByteOrder::Big);
        assert_eq!(attribute.frequency_hz(), Some(999));
        assert!(attribute.has_sample_id_all());
        assert_eq!(attribute.clock_id(), None);
    }
}
