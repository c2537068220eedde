//! Attributes: what the kernel is asked to record of each event (`struct perf_event_attr`).

use perf_event_open_sys::bindings::{
    PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_SW_CPU_CLOCK, PERF_COUNT_SW_DUMMY, PERF_FORMAT_ID, PERF_FORMAT_LOST,
    PERF_SAMPLE_CALLCHAIN, PERF_SAMPLE_CGROUP, PERF_SAMPLE_CPU, PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP,
    PERF_SAMPLE_PERIOD, PERF_SAMPLE_RAW, PERF_SAMPLE_TID, PERF_SAMPLE_TIME, PERF_TYPE_HARDWARE,
    PERF_TYPE_SOFTWARE, PERF_TYPE_TRACEPOINT, perf_event_attr,
};

use super::options::Options;

/// What each record of every event has. What identifies a record that is no sample has the same
/// fields (`records`).
const EACH: u64 = (PERF_SAMPLE_IDENTIFIER
    | PERF_SAMPLE_IP
    | PERF_SAMPLE_TID
    | PERF_SAMPLE_TIME
    | PERF_SAMPLE_CPU
    | PERF_SAMPLE_PERIOD) as u64;

/// What this kernel can do, of what not every kernel can. It is learned by asking.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Control groups: Linux 5.7, with CONFIG_CGROUP_PERF.
    pub cgroups: bool,
    /// How many samples each event lost: Linux 6.0.
    pub lost: bool,
    /// BPF programs and other code that the kernel makes: Linux 5.1.
    pub kernel_symbols: bool,
    /// A counter of cycles in the CPU, which virtual machines often lack.
    pub cycles: bool,
}

impl Abilities {
    /// All of them.
    pub const ALL: Abilities = Abilities { cgroups: true, lost: true, kernel_symbols: true, cycles: true };

    /// Fewer abilities, after the kernel refused an attribute; `None` if there are none to give up.
    /// The youngest go first.
    pub fn fewer(self) -> Option<Abilities> {
        Some(match self {
            Abilities { lost: true, .. } => Abilities { lost: false, ..self },
            Abilities { cgroups: true, .. } => Abilities { cgroups: false, ..self },
            Abilities { kernel_symbols: true, .. } => Abilities { kernel_symbols: false, ..self },
            _ => return None,
        })
    }
}

/// The attribute of the sampling event.
pub fn sampling(options: &Options, abilities: Abilities) -> perf_event_attr {
    let mut attribute = common(options, abilities);
    (attribute.type_, attribute.config) = match abilities.cycles {
        true => (PERF_TYPE_HARDWARE, u64::from(PERF_COUNT_HW_CPU_CYCLES)),
        false => (PERF_TYPE_SOFTWARE, u64::from(PERF_COUNT_SW_CPU_CLOCK)),
    };
    attribute.sample_type |= PERF_SAMPLE_CALLCHAIN as u64;
    if abilities.cgroups {
        attribute.sample_type |= PERF_SAMPLE_CGROUP as u64;
    }
    attribute.__bindgen_anon_1.sample_freq = options.frequency_hz;
    attribute.set_freq(1);
    attribute.set_exclude_callchain_user(u64::from(!options.user_callchain));
    attribute
}

/// The attribute of the event that records tasks and mappings, and nothing else. It asks for no
/// build ids: while one event does, the kernel marks the records of all other recordings, which
/// have none, and perf cannot read those (`perf_event_mmap_output` in kernel/events/core.c sets the
/// mark in a header that all share; seen with Linux 6.18 and perf 6.1).
pub fn side_band(options: &Options, abilities: Abilities) -> perf_event_attr {
    let mut attribute = dummy(options, abilities);
    attribute.set_mmap(1);
    attribute.set_mmap2(1);
    attribute.set_comm(1);
    attribute.set_comm_exec(1);
    attribute.set_task(1);
    attribute.set_cgroup(u64::from(abilities.cgroups));
    attribute.set_ksymbol(u64::from(abilities.kernel_symbols));
    attribute.set_bpf_event(u64::from(abilities.kernel_symbols));
    attribute
}

/// The attribute of the event that records switches of tasks, and nothing else.
pub fn switches(options: &Options, abilities: Abilities) -> perf_event_attr {
    let mut attribute = dummy(options, abilities);
    attribute.set_context_switch(1);
    attribute
}

/// The attribute of a tracepoint, each occurrence of which is recorded.
pub fn tracepoint(id: u64, options: &Options, abilities: Abilities) -> perf_event_attr {
    let mut attribute = common(options, abilities);
    (attribute.type_, attribute.config) = (PERF_TYPE_TRACEPOINT, id);
    attribute.sample_type |= PERF_SAMPLE_RAW as u64;
    attribute.__bindgen_anon_1.sample_period = 1;
    attribute
}

/// The attribute of an event that counts nothing.
fn dummy(options: &Options, abilities: Abilities) -> perf_event_attr {
    let mut attribute = common(options, abilities);
    (attribute.type_, attribute.config) = (PERF_TYPE_SOFTWARE, u64::from(PERF_COUNT_SW_DUMMY));
    attribute.__bindgen_anon_1.sample_period = 1;
    attribute
}

fn common(options: &Options, abilities: Abilities) -> perf_event_attr {
    let mut attribute = perf_event_attr { sample_type: EACH, ..perf_event_attr::default() };
    attribute.read_format = PERF_FORMAT_ID as u64;
    if abilities.lost {
        attribute.read_format |= PERF_FORMAT_LOST as u64;
    }
    attribute.set_disabled(1);
    attribute.set_sample_id_all(1);
    attribute.set_use_clockid(1);
    attribute.clockid = libc::CLOCK_MONOTONIC;
    // Children of the processes that are recorded are recorded too.
    attribute.set_inherit(u64::from(!options.pids.is_empty()));
    // Wakes this program when a quarter of a ring is full.
    attribute.set_watermark(1);
    let bytes = options.pages.saturating_mul(rustix::param::page_size()) / 4;
    attribute.__bindgen_anon_2.wakeup_watermark = u32::try_from(bytes).unwrap_or(u32::MAX);
    attribute
}
