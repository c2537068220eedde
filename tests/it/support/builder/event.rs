//! An event of the file: its `struct perf_event_attr`, its name and its ids.

use super::bytes::{put32, put64};
use super::constants::{flag, read_format, sample_type};

pub(super) const DEFAULT_SAMPLE_TYPE: u64 = sample_type::IP
    | sample_type::TID
    | sample_type::TIME
    | sample_type::CALLCHAIN
    | sample_type::CPU
    | sample_type::PERIOD;

const DEFAULT_FLAGS: u64 = flag::DISABLED
    | flag::INHERIT
    | flag::MMAP
    | flag::COMM
    | flag::TASK
    | flag::SAMPLE_ID_ALL
    | flag::EXCLUDE_GUEST
    | flag::MMAP2
    | flag::COMM_EXEC;

/// One event: a `struct perf_event_attr` (perf_event.h), its name and its ids.
#[derive(Clone, Debug)]
pub struct Event {
    pub(super) name: String,
    kind: u32,
    config: u64,
    freq_or_period: u64,
    pub(super) sample_type: Option<u64>,
    pub(super) read_format: u64,
    pub(super) flags: u64,
    clockid: u32,
    breakpoint: (u64, u32),
    branch_type: u64,
    pub(super) user_registers: u64,
    pub(super) ids: Vec<u64>,
}

impl Event {
    /// An event of `type` and `config`, at 999 Hz, with the flags of an ordinary `perf record -g
    /// -C`.
    pub fn new(name: &str, kind: u32, config: u64) -> Self {
        Event {
            name: name.to_owned(),
            kind,
            config,
            freq_or_period: 999,
            sample_type: None,
            read_format: read_format::ID,
            flags: DEFAULT_FLAGS | flag::FREQ,
            clockid: 0,
            breakpoint: (0, 0),
            branch_type: 0,
            user_registers: 0,
            ids: Vec::new(),
        }
    }

    /// PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK: samples an idle CPU too.
    pub fn cpu_clock() -> Self {
        Event::new("cpu-clock", 1, 0)
    }

    /// PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES: a halted CPU has no samples.
    pub fn cycles() -> Self {
        Event::new("cycles", 0, 0)
    }

    /// PERF_TYPE_TRACEPOINT with the id that tracefs gives the tracepoint: every occurrence, with
    /// its raw payload. Its fields can be read only with [`super::Builder::tracing_data`].
    pub fn tracepoint(name: &str, id: u64) -> Self {
        Event::new(name, 2, id).period(1).also(sample_type::RAW)
    }

    /// Samples per second; sets the `freq` flag.
    pub fn freq(mut self, hz: u64) -> Self {
        self.freq_or_period = hz;
        self.flags |= flag::FREQ;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts per sample; clears the `freq` flag.
    pub fn period(mut self, counts: u64) -> Self {
        self.freq_or_period = counts;
        self.flags &= !flag::FREQ;
        self
    }

    /// The fields of its samples ([`sample_type`]). Default: IP, TID, TIME, CALLCHAIN, CPU, PERIOD,
    /// and IDENTIFIER if the file has several events.
    pub fn sample_type(mut self, bits: u64) -> Self {
        self.sample_type = Some(bits);
        self
    }

    /// The default fields, IDENTIFIER, and these ([`sample_type`]).
    pub fn also(self, bits: u64) -> Self {
        let before = self.sample_type.unwrap_or(DEFAULT_SAMPLE_TYPE | sample_type::IDENTIFIER);
        self.sample_type(before | bits)
    }

    /// The layout of counter values ([`read_format`]).
    pub fn read_format(mut self, bits: u64) -> Self {
        self.read_format = bits;
        self
    }

    /// Sets these flags ([`flag`]).
    pub fn set(mut self, bits: u64) -> Self {
        self.flags |= bits;
        self
    }

    /// Takes times from this clock, as `perf record -k`: 1 is CLOCK_MONOTONIC
    /// (`include/uapi/linux/time.h`).
    pub fn clockid(mut self, clock: u32) -> Self {
        self.clockid = clock;
        self.set(flag::USE_CLOCKID)
    }

    /// Address and type (HW_BREAKPOINT_R 1, W 2, X 4) of a breakpoint.
    pub fn breakpoint(mut self, address: u64, accesses: u32) -> Self {
        self.breakpoint = (address, accesses);
        self
    }

    /// Which registers of user space its samples have, for REGS_USER: a bit for each number of
    /// perf.
    pub fn user_registers(mut self, mask: u64) -> Self {
        self.user_registers = mask;
        self
    }

    /// Which branches its samples have, for BRANCH_STACK (PERF_SAMPLE_BRANCH_*).
    pub fn branch_type(mut self, bits: u64) -> Self {
        self.branch_type = bits;
        self
    }

    /// Its ids: perf has one per CPU, and a record on CPU n takes the nth, or the first if there is
    /// no nth. Default: one, 100 + the event's index.
    pub fn ids(mut self, ids: &[u64]) -> Self {
        self.ids = ids.to_vec();
        self
    }

    pub(super) fn id_on(&self, cpu: u32) -> u64 {
        self.ids.get(cpu as usize).or(self.ids.first()).copied().unwrap_or(0)
    }

    pub(super) fn fields(&self) -> u64 {
        self.sample_type.unwrap_or(DEFAULT_SAMPLE_TYPE)
    }

    /// `struct perf_event_attr`, cut or filled with zeros to `size` bytes.
    pub(super) fn attribute(&self, size: u32) -> Vec<u8> {
        let mut out = Vec::new();
        put32(&mut out, self.kind);
        put32(&mut out, size);
        for value in [self.config, self.freq_or_period, self.fields(), self.read_format, self.flags] {
            put64(&mut out, value);
        }
        put32(&mut out, 0); // wakeup_events
        put32(&mut out, self.breakpoint.1);
        put64(&mut out, self.breakpoint.0);
        put64(&mut out, 0); // bp_len
        put64(&mut out, self.branch_type);
        put64(&mut out, self.user_registers);
        put32(&mut out, 0); // sample_stack_user
        put32(&mut out, self.clockid);
        out.resize(size as usize, 0);
        out
    }
}
