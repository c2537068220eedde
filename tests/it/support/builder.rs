//! Writes real perf.data files (file mode) from a fluent description, and a small kernel symbol table to go with them.
//!
//! ```ignore
//! let mut kernel = Kernel::new();
//! let bytes = Builder::new()
//!     .os_release("4.9.0-8-amd64")
//!     .kernel_map(&kernel) // before the first `at`: a record that perf itself made up, without time
//!     .comm((42, 42), "nginx")
//!     .at(11, 1_000_000) // CPU, ns: from here on every record carries them
//!     .sample(Sample::new((42, 42)).kernel(&kernel.stack("do_syscall_64;sys_read")).user(&[0x401000]))
//!     .build();
//! ```
//!
//! Everything is little endian. All stacks are given root first, as the program's own model has them; the file holds
//! them leaf first, with context markers. Sources, cited below by their last part: `include/uapi/linux/perf_event.h`,
//! `tools/perf/Documentation/perf.data-file-format.txt`, and `header.c`, `header.h`, `build-id.c` and
//! `synthetic-events.c` in `tools/perf/util`.

use std::collections::BTreeMap;

/// (pid, tid), as in every record of perf_event.h that names a task.
pub type Task = (u32, u32);

/// The pid of the kernel's and the modules' maps: −1 (synthetic-events.c).
pub const KERNEL_PID: u32 = u32::MAX;

/// Bits of `perf_event_attr.sample_type` (`enum perf_event_sample_format` in perf_event.h).
#[rustfmt::skip]
pub mod sample_type {
    /// The sampled address.
    pub const IP: u64 = 1 << 0;
    /// pid and tid.
    pub const TID: u64 = 1 << 1;
    /// Time, ns.
    pub const TIME: u64 = 1 << 2;
    /// The data address.
    pub const ADDR: u64 = 1 << 3;
    /// Counter values, in the layout of `read_format`.
    pub const READ: u64 = 1 << 4;
    /// The call chain.
    pub const CALLCHAIN: u64 = 1 << 5;
    /// The event's id, among the other fields.
    pub const ID: u64 = 1 << 6;
    /// The CPU.
    pub const CPU: u64 = 1 << 7;
    /// The sampling period.
    pub const PERIOD: u64 = 1 << 8;
    /// The id of the event that was inherited from.
    pub const STREAM_ID: u64 = 1 << 9;
    /// A tracepoint's payload.
    pub const RAW: u64 = 1 << 10;
    /// User stack dump, as for `--call-graph dwarf`.
    pub const STACK_USER: u64 = 1 << 13;
    /// The event's id at a fixed place: first in a sample, last in other records.
    pub const IDENTIFIER: u64 = 1 << 16;
    /// The cgroup's id.
    pub const CGROUP: u64 = 1 << 21;
}

/// Bits of `perf_event_attr.read_format` (`enum perf_event_read_format` in perf_event.h).
#[rustfmt::skip]
pub mod read_format {
    /// Each value is preceded by the time enabled, ns.
    pub const TIME_ENABLED: u64 = 1 << 0;
    /// Each value is preceded by the time running, ns.
    pub const TIME_RUNNING: u64 = 1 << 1;
    /// Each value is followed by its event's id.
    pub const ID: u64 = 1 << 2;
    /// All values of the group, as for leader sampling.
    pub const GROUP: u64 = 1 << 3;
    /// Each value is followed by the number of lost samples.
    pub const LOST: u64 = 1 << 4;
}

/// The bit field of `struct perf_event_attr` that begins with `disabled` (perf_event.h).
#[rustfmt::skip]
pub mod flag {
    /// Off until enabled.
    pub const DISABLED: u64 = 1 << 0;
    /// Children inherit it.
    pub const INHERIT: u64 = 1 << 1;
    /// Wants MMAP records.
    pub const MMAP: u64 = 1 << 8;
    /// Wants COMM records.
    pub const COMM: u64 = 1 << 9;
    /// `sample_freq` is a frequency, not a period.
    pub const FREQ: u64 = 1 << 10;
    /// Wants FORK and EXIT records.
    pub const TASK: u64 = 1 << 13;
    /// Records other than samples end with a sample_id.
    pub const SAMPLE_ID_ALL: u64 = 1 << 18;
    /// Not in a guest.
    pub const EXCLUDE_GUEST: u64 = 1 << 20;
    /// Wants MMAP2 records.
    pub const MMAP2: u64 = 1 << 23;
    /// COMM says whether it is due to an exec.
    pub const COMM_EXEC: u64 = 1 << 24;
    /// Times are of the clock `clockid`.
    pub const USE_CLOCKID: u64 = 1 << 25;
    /// Wants SWITCH records.
    pub const CONTEXT_SWITCH: u64 = 1 << 26;
    /// Wants KSYMBOL records.
    pub const KSYMBOL: u64 = 1 << 29;
    /// Wants CGROUP records.
    pub const CGROUP: u64 = 1 << 32;
    /// MMAP2 has a build id in place of the inode.
    pub const BUILD_ID: u64 = 1 << 34;
}

/// Record types (`enum perf_event_type` in perf_event.h; from 64 on perf.data-file-format.txt).
#[rustfmt::skip]
pub mod record {
    /// PERF_RECORD_MMAP.
    pub const MMAP: u32 = 1;
    /// PERF_RECORD_LOST.
    pub const LOST: u32 = 2;
    /// PERF_RECORD_COMM.
    pub const COMM: u32 = 3;
    /// PERF_RECORD_EXIT.
    pub const EXIT: u32 = 4;
    /// PERF_RECORD_THROTTLE.
    pub const THROTTLE: u32 = 5;
    /// PERF_RECORD_UNTHROTTLE.
    pub const UNTHROTTLE: u32 = 6;
    /// PERF_RECORD_FORK.
    pub const FORK: u32 = 7;
    /// PERF_RECORD_SAMPLE.
    pub const SAMPLE: u32 = 9;
    /// PERF_RECORD_MMAP2.
    pub const MMAP2: u32 = 10;
    /// PERF_RECORD_LOST_SAMPLES.
    pub const LOST_SAMPLES: u32 = 13;
    /// PERF_RECORD_SWITCH.
    pub const SWITCH: u32 = 14;
    /// PERF_RECORD_SWITCH_CPU_WIDE.
    pub const SWITCH_CPU_WIDE: u32 = 15;
    /// PERF_RECORD_KSYMBOL.
    pub const KSYMBOL: u32 = 17;
    /// PERF_RECORD_CGROUP.
    pub const CGROUP: u32 = 19;
    /// PERF_RECORD_CALLCHAIN_DEFERRED, of kernels newer than 6.18.
    pub const CALLCHAIN_DEFERRED: u32 = 22;
    /// PERF_RECORD_FINISHED_ROUND, one of perf's own.
    pub const FINISHED_ROUND: u32 = 68;
}

/// `perf_event_header.misc` (perf_event.h): the cpumode, and bits whose meaning depends on the record's type.
#[rustfmt::skip]
pub mod misc {
    /// cpumode: kernel.
    pub const KERNEL: u16 = 1;
    /// cpumode: user space.
    pub const USER: u16 = 2;
    /// cpumode: kernel of a guest.
    pub const GUEST_KERNEL: u16 = 4;
    /// cpumode: user space of a guest.
    pub const GUEST_USER: u16 = 5;
    /// COMM: due to an exec.
    pub const COMM_EXEC: u16 = 1 << 13;
    /// FORK, made up by perf: the child does not get the parent's maps.
    pub const FORK_EXEC: u16 = 1 << 13;
    /// SWITCH: the task leaves the CPU.
    pub const SWITCH_OUT: u16 = 1 << 13;
    /// SWITCH: it leaves while it could go on running.
    pub const SWITCH_OUT_PREEMPT: u16 = 1 << 14;
    /// MMAP2: a build id in place of the inode.
    pub const MMAP_BUILD_ID: u16 = 1 << 14;
    /// BUILD_ID feature: the 21st byte is the build id's size.
    pub const BUILD_ID_SIZE: u16 = 1 << 15;
}

/// Markers in call chains (`enum perf_callchain_context` in perf_event.h): what follows is of this mode.
#[rustfmt::skip]
pub mod context {
    /// Kernel frames follow.
    pub const KERNEL: u64 = -128i64 as u64;
    /// User frames follow.
    pub const USER: u64 = -512i64 as u64;
    /// User frames are in a later record; their cookie follows.
    pub const USER_DEFERRED: u64 = -640i64 as u64;
    /// A guest's kernel frames follow.
    pub const GUEST_KERNEL: u64 = -2176i64 as u64;
}

/// Bits of the header's feature bitmap (perf.data-file-format.txt, header.h).
#[rustfmt::skip]
pub mod feature {
    /// Build ids of the kernel and of files.
    pub const BUILD_ID: u8 = 2;
    /// `uname -n`.
    pub const HOSTNAME: u8 = 3;
    /// `uname -r`.
    pub const OSRELEASE: u8 = 4;
    /// perf's version.
    pub const VERSION: u8 = 5;
    /// `uname -m`.
    pub const ARCH: u8 = 6;
    /// Number of CPUs.
    pub const NRCPUS: u8 = 7;
    /// perf's command line.
    pub const CMDLINE: u8 = 11;
    /// Attributes, names and ids of the events.
    pub const EVENT_DESC: u8 = 12;
    /// Times of the first and the last sample.
    pub const SAMPLE_TIME: u8 = 21;
    /// The clock's resolution.
    pub const CLOCKID: u8 = 23;
    /// A wall clock time and the same moment on the recording's clock.
    pub const CLOCK_DATA: u8 = 29;
}

const DEFAULT_SAMPLE_TYPE: u64 = sample_type::IP
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

/// The bits of the fields that follow RAW, in the order in which the kernel writes them (`perf_output_sample` in
/// `kernel/events/core.c`): AUX (20) is last, where perf_event.h's comment has it before the page sizes (22, 23), and
/// WEIGHT_STRUCT (24) is in WEIGHT's place.
const REST_OF_SAMPLE: [u32; 13] = [11, 12, 13, 14, 24, 15, 17, 18, 19, 21, 22, 23, 20];

/// One event: a `struct perf_event_attr` (perf_event.h), its name and its ids.
#[derive(Clone, Debug)]
pub struct Event {
    name: String,
    kind: u32,
    config: u64,
    freq_or_period: u64,
    sample_type: Option<u64>,
    read_format: u64,
    flags: u64,
    clockid: u32,
    ids: Vec<u64>,
}

impl Event {
    /// An event of `type` and `config`, at 999 Hz, with the flags of an ordinary `perf record -g -C`.
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

    /// PERF_TYPE_TRACEPOINT with the id that tracefs gives the tracepoint: every occurrence, with its raw payload.
    /// perf reads such a file only with TRACING_DATA, which has no method of its own here.
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

    /// The fields of its samples ([`sample_type`]). Default: IP, TID, TIME, CALLCHAIN, CPU, PERIOD, and IDENTIFIER if
    /// the file has several events.
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

    /// Clears these flags ([`flag`]).
    pub fn clear(mut self, bits: u64) -> Self {
        self.flags &= !bits;
        self
    }

    /// Takes times from this clock, as `perf record -k`: 1 is CLOCK_MONOTONIC (`include/uapi/linux/time.h`).
    pub fn clockid(mut self, clock: u32) -> Self {
        self.clockid = clock;
        self.set(flag::USE_CLOCKID)
    }

    /// Its ids: perf has one per CPU, and a record on CPU n takes the nth, or the first if there is no nth.
    /// Default: one, 100 + the event's index.
    pub fn ids(mut self, ids: &[u64]) -> Self {
        self.ids = ids.to_vec();
        self
    }

    fn id_on(&self, cpu: u32) -> u64 {
        self.ids.get(cpu as usize).or(self.ids.first()).copied().unwrap_or(0)
    }

    fn fields(&self) -> u64 {
        self.sample_type.unwrap_or(DEFAULT_SAMPLE_TYPE)
    }

    /// `struct perf_event_attr`, cut or filled with zeros to `size` bytes.
    fn attribute(&self, size: u32) -> Vec<u8> {
        let mut out = Vec::new();
        put32(&mut out, self.kind);
        put32(&mut out, size);
        for value in [self.config, self.freq_or_period, self.fields(), self.read_format, self.flags] {
            put64(&mut out, value);
        }
        out.resize(92, 0); // wakeup_events … sample_stack_user
        put32(&mut out, self.clockid);
        out.resize(size as usize, 0);
        out
    }
}

/// One PERF_RECORD_SAMPLE (perf_event.h). Its CPU and time are those of [`Builder::at`].
#[derive(Clone, Debug)]
pub struct Sample {
    task: Task,
    kernel: Vec<u64>,
    user: Vec<u64>,
    chain: Option<Vec<u64>>,
    claimed_chain_len: Option<u64>,
    ip: Option<u64>,
    misc: Option<u16>,
    id: Option<u64>,
    event: usize,
    period: u64,
    addr: u64,
    cgroup: u64,
    raw: Vec<u8>,
    user_stack: Vec<u8>,
    values: Vec<(u64, u64, u64)>,
}

impl Sample {
    /// A sample of this task with an empty call chain, of period 1, of the first event.
    pub fn new(task: Task) -> Self {
        Sample {
            task,
            kernel: Vec::new(),
            user: Vec::new(),
            chain: None,
            claimed_chain_len: None,
            ip: None,
            misc: None,
            id: None,
            event: 0,
            period: 1,
            addr: 0,
            cgroup: 0,
            raw: Vec::new(),
            user_stack: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Kernel frames, root first (see [`Kernel::stack`]).
    pub fn kernel(mut self, root_first: &[u64]) -> Self {
        self.kernel = root_first.to_vec();
        self
    }

    /// User frames, root first.
    pub fn user(mut self, root_first: &[u64]) -> Self {
        self.user = root_first.to_vec();
        self
    }

    /// The call chain word for word, leaf first and with its [`context`] markers, instead of kernel and user frames.
    pub fn chain(mut self, words: &[u64]) -> Self {
        self.chain = Some(words.to_vec());
        self
    }

    /// Damage: the number of words that the call chain claims to have.
    pub fn claimed_chain_len(mut self, words: u64) -> Self {
        self.claimed_chain_len = Some(words);
        self
    }

    /// The sampled address. Default: the leaf.
    pub fn ip(mut self, address: u64) -> Self {
        self.ip = Some(address);
        self
    }

    /// The record's [`misc`]. Default: the leaf's cpumode.
    pub fn misc(mut self, misc: u16) -> Self {
        self.misc = Some(misc);
        self
    }

    /// An id that need not be one of the event's.
    pub fn id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// The event, by the order of [`Builder::event`] from 0.
    pub fn event(mut self, index: usize) -> Self {
        self.event = index;
        self
    }

    /// What it stands for: counts of its event (ns for `cpu-clock`).
    pub fn period(mut self, counts: u64) -> Self {
        self.period = counts;
        self
    }

    /// The data address, for ADDR.
    pub fn addr(mut self, address: u64) -> Self {
        self.addr = address;
        self
    }

    /// The cgroup's id, for CGROUP.
    pub fn cgroup(mut self, id: u64) -> Self {
        self.cgroup = id;
        self
    }

    /// A tracepoint's payload, for RAW.
    pub fn raw(mut self, payload: &[u8]) -> Self {
        self.raw = payload.to_vec();
        self
    }

    /// The stack dump, for STACK_USER (a multiple of 8 bytes, as the kernel writes it).
    pub fn user_stack(mut self, bytes: &[u8]) -> Self {
        self.user_stack = bytes.to_vec();
        self
    }

    /// Adds a counter's value, id and lost samples, for READ: one, or one per member with [`read_format::GROUP`].
    pub fn value(mut self, value: u64, id: u64, lost: u64) -> Self {
        self.values.push((value, id, lost));
        self
    }

    fn words(&self) -> Vec<u64> {
        if let Some(words) = &self.chain {
            return words.clone();
        }
        let mut words = Vec::new();
        for (marker, frames) in [(context::KERNEL, &self.kernel), (context::USER, &self.user)] {
            if !frames.is_empty() {
                words.push(marker);
                words.extend(frames.iter().rev());
            }
        }
        words
    }

    fn leaf(&self) -> u64 {
        let leaf = self.kernel.last().or(self.user.last()).copied();
        self.ip.or(leaf).unwrap_or(0)
    }

    fn record(&self, event: &Event, place: Place) -> Vec<u8> {
        let mode = if self.kernel.is_empty() { misc::USER } else { misc::KERNEL };
        let mut body = self.head(event, place);
        self.tail(event, &mut body);
        framed(record::SAMPLE, self.misc.unwrap_or(mode), &body)
    }

    /// IDENTIFIER to PERIOD, in the order of PERF_RECORD_SAMPLE.
    fn head(&self, event: &Event, place: Place) -> Vec<u8> {
        let (has, id) = (event.fields(), self.id.unwrap_or(event.id_on(place.cpu)));
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let fields = [
            (sample_type::IDENTIFIER, id),
            (sample_type::IP, self.leaf()),
            (sample_type::TID, pair(self.task.0, self.task.1)),
            (sample_type::TIME, place.time),
            (sample_type::ADDR, self.addr),
            (sample_type::ID, id),
            (sample_type::STREAM_ID, id),
            (sample_type::CPU, pair(place.cpu, 0)),
            (sample_type::PERIOD, self.period),
        ];
        let mut out = Vec::new();
        fields.iter().filter(|(bit, _)| has & bit != 0).for_each(|(_, value)| put64(&mut out, *value));
        out
    }

    /// READ to CODE_PAGE_SIZE; what this builder has no content for is written empty.
    fn tail(&self, event: &Event, out: &mut Vec<u8>) {
        let has = event.fields();
        if has & sample_type::READ != 0 {
            self.counters(event.read_format, out);
        }
        if has & sample_type::CALLCHAIN != 0 {
            let words = self.words();
            put64(out, self.claimed_chain_len.unwrap_or(words.len() as u64));
            words.iter().for_each(|word| put64(out, *word));
        }
        if has & sample_type::RAW != 0 {
            // The kernel counts the padding to 8 bytes in the size.
            let padded = (self.raw.len() + 4).next_multiple_of(8) - 4;
            put32(out, padded as u32);
            put_padded(out, &self.raw, padded);
        }
        for bit in REST_OF_SAMPLE.iter().filter(|bit| has & (1 << **bit) != 0) {
            match 1 << bit {
                sample_type::STACK_USER => self.stack_dump(out),
                sample_type::CGROUP => put64(out, self.cgroup),
                _ => put64(out, 0), // each of them is one zero u64 when it holds nothing
            }
        }
    }

    /// Size, bytes, and how many of them are stack; the latter only if there is a dump (perf_event.h).
    fn stack_dump(&self, out: &mut Vec<u8>) {
        put64(out, self.user_stack.len() as u64);
        if !self.user_stack.is_empty() {
            out.extend(&self.user_stack);
            put64(out, self.user_stack.len() as u64);
        }
    }

    /// `struct read_format` (perf_event.h). Times enabled and running are 0.
    fn counters(&self, format: u64, out: &mut Vec<u8>) {
        let times = (format & (read_format::TIME_ENABLED | read_format::TIME_RUNNING)).count_ones();
        let one = |out: &mut Vec<u8>, (value, id, lost): (u64, u64, u64), times: u32| {
            put64(out, value);
            (0..times).for_each(|_| put64(out, 0));
            for (bit, value) in [(read_format::ID, id), (read_format::LOST, lost)] {
                if format & bit != 0 {
                    put64(out, value);
                }
            }
        };
        if format & read_format::GROUP == 0 {
            return one(out, self.values.first().copied().unwrap_or_default(), times);
        }
        put64(out, self.values.len() as u64);
        (0..times).for_each(|_| put64(out, 0));
        self.values.iter().for_each(|value| one(out, *value, 0));
    }
}

/// One PERF_RECORD_MMAP2 (perf_event.h): a mapped file.
#[derive(Clone, Debug)]
pub struct Mmap {
    task: Task,
    start: u64,
    len: u64,
    pgoff: u64,
    inode: (u32, u32, u64, u64),
    build_id: Option<Vec<u8>>,
    prot: u32,
    misc: u16,
    name: String,
}

impl Mmap {
    /// `name`, mapped by this process to `[start, start + len)` from the file's beginning, readable and executable.
    pub fn new(pid: u32, name: &str, start: u64, len: u64) -> Self {
        let inode = (8, 1, 1_000_000 + u64::from(pid), 0);
        Mmap {
            task: (pid, pid),
            start,
            len,
            pgoff: 0,
            inode,
            build_id: None,
            prot: 5,
            misc: misc::USER,
            name: name.to_owned(),
        }
    }

    /// The kernel's map in the form of `perf record --buildid-mmap`: pid −1, protection 0.
    pub fn kernel(kernel: &Kernel) -> Self {
        let mut map = Mmap::new(KERNEL_PID, Kernel::MAP_NAME, kernel.text(), kernel.text_len());
        map.task = (KERNEL_PID, 0);
        map.misc = misc::KERNEL;
        map.pgoff(kernel.text()).inode(0, 0, 0, 0).prot(0)
    }

    /// The map of a kernel module, `[name]` or the path of its file, in the same form.
    pub fn kernel_module(name: &str, start: u64, len: u64) -> Self {
        let mut map = Mmap::new(KERNEL_PID, name, start, len);
        map.task = (KERNEL_PID, 0);
        map.misc = misc::KERNEL;
        map.inode(0, 0, 0, 0).prot(0)
    }

    /// The offset in the file, bytes.
    pub fn pgoff(mut self, bytes: u64) -> Self {
        self.pgoff = bytes;
        self
    }

    /// Device major and minor, inode and its generation.
    pub fn inode(mut self, major: u32, minor: u32, ino: u64, generation: u64) -> Self {
        self.inode = (major, minor, ino, generation);
        self
    }

    /// A build id of at most 20 bytes in place of the inode.
    pub fn build_id(mut self, id: &[u8]) -> Self {
        assert!(id.len() <= 20, "a build id has at most 20 bytes");
        self.build_id = Some(id.to_vec());
        self.misc |= misc::MMAP_BUILD_ID;
        self
    }

    /// PROT_ bits of mmap(2): 1 read, 2 write, 4 execute.
    pub fn prot(mut self, bits: u32) -> Self {
        self.prot = bits;
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_task(&mut out, self.task);
        [self.start, self.len, self.pgoff].iter().for_each(|value| put64(&mut out, *value));
        match &self.build_id {
            Some(id) => {
                put32(&mut out, id.len() as u32);
                put_padded(&mut out, id, 20);
            }
            None => {
                put32(&mut out, self.inode.0);
                put32(&mut out, self.inode.1);
                put64(&mut out, self.inode.2);
                put64(&mut out, self.inode.3);
            }
        }
        put32(&mut out, self.prot);
        put32(&mut out, 2); // MAP_PRIVATE
        put_name(&mut out, &self.name);
        out
    }
}

/// Where and when a record was made.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    cpu: u32,
    time: u64,
}

#[derive(Clone, Debug)]
enum Stored {
    Sample(Box<Sample>, Place),
    /// Gets a sample_id; without a place that is all zeros, as in what perf itself makes up.
    Sideband {
        kind: u32,
        misc: u16,
        body: Vec<u8>,
        task: Task,
        place: Option<Place>,
    },
    Bytes(Vec<u8>),
}

/// A perf.data file in the making. Records come out in the order of the calls.
#[derive(Clone, Debug)]
pub struct Builder {
    events: Vec<Event>,
    sideband_event: usize,
    attr_size: u32,
    place: Option<Place>,
    records: Vec<Stored>,
    features: BTreeMap<u8, Vec<u8>>,
    event_desc: bool,
    sample_time: bool,
    killed: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A file without records and features, whose one event is [`Event::cpu_clock`] unless others are added.
    pub fn new() -> Self {
        Builder {
            events: Vec::new(),
            sideband_event: 0,
            attr_size: 128,
            place: None,
            records: Vec::new(),
            features: BTreeMap::new(),
            event_desc: false,
            sample_time: false,
            killed: false,
        }
    }

    /// Adds an event.
    pub fn event(&mut self, event: Event) -> &mut Self {
        self.events.push(event);
        self
    }

    /// The event, from 0, whose id and sample_type the records other than samples carry. Default: the first.
    pub fn sideband_event(&mut self, index: usize) -> &mut Self {
        self.sideband_event = index;
        self
    }

    /// Bytes of `struct perf_event_attr` in this file (PERF_ATTR_SIZE_VER* in perf_event.h): at least 64. Default: 128,
    /// as perf 6.1 writes and at most reads; below 96 the clock's number is cut off.
    pub fn attr_size(&mut self, bytes: u32) -> &mut Self {
        assert!(bytes >= 64, "no perf ever wrote a smaller one");
        self.attr_size = bytes;
        self
    }

    /// CPU and time (ns of the recording's clock) of the records that follow, samples included.
    pub fn at(&mut self, cpu: u32, time_ns: u64) -> &mut Self {
        self.place = Some(Place { cpu, time: time_ns });
        self
    }

    /// The records that follow are as if perf itself had made them up: their sample_id is all zeros, id and time too.
    /// So are those before the first [`Builder::at`].
    pub fn synthesized(&mut self) -> &mut Self {
        self.place = None;
        self
    }

    /// Adds a sample.
    pub fn sample(&mut self, sample: Sample) -> &mut Self {
        let place = self.place.unwrap_or_default();
        self.records.push(Stored::Sample(Box::new(sample), place));
        self
    }

    /// A sample whose fields are these bytes.
    pub fn raw_sample(&mut self, misc: u16, body: &[u8]) -> &mut Self {
        self.raw(record::SAMPLE, misc, body)
    }

    /// A record of any type; no sample_id is added.
    pub fn raw(&mut self, kind: u32, misc: u16, body: &[u8]) -> &mut Self {
        self.bytes(&framed(kind, misc, body))
    }

    /// Bytes into the stream as they are, header and all.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.records.push(Stored::Bytes(bytes.to_vec()));
        self
    }

    fn sideband(&mut self, kind: u32, misc: u16, body: Vec<u8>, task: Task) -> &mut Self {
        self.records.push(Stored::Sideband { kind, misc, body, task, place: self.place });
        self
    }

    /// The kernel's map: MMAP, pid −1, page offset = address of `_text` (synthetic-events.c).
    pub fn kernel_map(&mut self, kernel: &Kernel) -> &mut Self {
        let mut body = Vec::new();
        put_task(&mut body, (KERNEL_PID, 0));
        [kernel.text(), kernel.text_len(), kernel.text()].iter().for_each(|value| put64(&mut body, *value));
        put_name(&mut body, Kernel::MAP_NAME);
        self.sideband(record::MMAP, misc::KERNEL, body, (0, 0))
    }

    /// MMAP2.
    pub fn mmap2(&mut self, map: Mmap) -> &mut Self {
        let body = map.body();
        self.sideband(record::MMAP2, map.misc, body, map.task)
    }

    /// COMM: the task's name is now this.
    pub fn comm(&mut self, task: Task, name: &str) -> &mut Self {
        self.named(task, name, 0)
    }

    /// COMM with the exec bit: another program with this name.
    pub fn exec(&mut self, task: Task, name: &str) -> &mut Self {
        self.named(task, name, misc::COMM_EXEC)
    }

    fn named(&mut self, task: Task, name: &str, misc: u16) -> &mut Self {
        let mut body = Vec::new();
        put_task(&mut body, task);
        put_name(&mut body, name);
        self.sideband(record::COMM, misc, body, task)
    }

    /// FORK: `child` was made by `parent`; a thread if the pids are equal.
    pub fn fork(&mut self, child: Task, parent: Task) -> &mut Self {
        // perf marks those it makes up, so that no reader hands the parent's maps down.
        let misc = if self.place.is_none() { misc::FORK_EXEC } else { 0 };
        let body = self.family(child, parent);
        self.sideband(record::FORK, misc, body, parent)
    }

    /// EXIT of a task.
    pub fn exit(&mut self, task: Task, parent: Task) -> &mut Self {
        let body = self.family(task, parent);
        self.sideband(record::EXIT, 0, body, task)
    }

    fn family(&self, task: Task, parent: Task) -> Vec<u8> {
        let mut body = Vec::new();
        [task.0, parent.0, task.1, parent.1].iter().for_each(|value| put32(&mut body, *value));
        put64(&mut body, self.place.unwrap_or_default().time);
        body
    }

    /// LOST: so many records of the event with this id, before here.
    pub fn lost(&mut self, id: u64, records: u64) -> &mut Self {
        self.sideband(record::LOST, 0, words(&[id, records]), (0, 0))
    }

    /// LOST_SAMPLES: so many in the whole recording. perf's own has no time: [`Builder::synthesized`].
    pub fn lost_samples(&mut self, samples: u64) -> &mut Self {
        self.sideband(record::LOST_SAMPLES, 0, words(&[samples]), (0, 0))
    }

    /// CALLCHAIN_DEFERRED: the user chain of `task`'s samples with this cookie.
    pub fn callchain_deferred(&mut self, task: Task, cookie: u64, entries: &[u64]) -> &mut Self {
        let body = words(&[&[cookie, entries.len() as u64], entries].concat());
        self.sideband(record::CALLCHAIN_DEFERRED, 0, body, task)
    }

    /// THROTTLE: the event with this id stops sampling this CPU.
    pub fn throttle(&mut self, id: u64) -> &mut Self {
        self.throttling(record::THROTTLE, id)
    }

    /// UNTHROTTLE: it goes on.
    pub fn unthrottle(&mut self, id: u64) -> &mut Self {
        self.throttling(record::UNTHROTTLE, id)
    }

    fn throttling(&mut self, kind: u32, id: u64) -> &mut Self {
        let time = self.place.unwrap_or_default().time;
        self.sideband(kind, 0, words(&[time, id, id]), (0, 0))
    }

    /// CGROUP: the path of a cgroup's id.
    pub fn cgroup(&mut self, id: u64, path: &str) -> &mut Self {
        let mut body = words(&[id]);
        put_name(&mut body, path);
        self.sideband(record::CGROUP, 0, body, (0, 0))
    }

    /// KSYMBOL of a BPF program: it is now at `[start, start + len)`, or no longer.
    pub fn ksymbol(&mut self, name: &str, start: u64, len: u32, gone: bool) -> &mut Self {
        let mut body = words(&[start]);
        put32(&mut body, len);
        put32(&mut body, 1 | u32::from(gone) << 16); // PERF_RECORD_KSYMBOL_TYPE_BPF, then the flags
        put_name(&mut body, name);
        self.sideband(record::KSYMBOL, 0, body, (0, 0))
    }

    /// SWITCH_CPU_WIDE: `task` leaves this CPU for `next`.
    pub fn switch_out(&mut self, task: Task, next: Task, preempted: bool) -> &mut Self {
        let preempt = if preempted { misc::SWITCH_OUT_PREEMPT } else { 0 };
        let mut body = Vec::new();
        put_task(&mut body, next);
        self.sideband(record::SWITCH_CPU_WIDE, misc::SWITCH_OUT | preempt, body, task)
    }

    /// SWITCH_CPU_WIDE: `task` comes to this CPU after `previous`.
    pub fn switch_in(&mut self, task: Task, previous: Task) -> &mut Self {
        let mut body = Vec::new();
        put_task(&mut body, previous);
        self.sideband(record::SWITCH_CPU_WIDE, 0, body, task)
    }

    /// SWITCH, as of a recording of one task, which leaves a CPU or comes to one.
    pub fn switch(&mut self, task: Task, out: bool) -> &mut Self {
        let misc = if out { misc::SWITCH_OUT } else { 0 };
        self.sideband(record::SWITCH, misc, Vec::new(), task)
    }

    /// FINISHED_ROUND: perf promises that no record after it is older than the round before.
    pub fn finished_round(&mut self) -> &mut Self {
        self.raw(record::FINISHED_ROUND, 0, &[])
    }

    /// A feature section word for word ([`feature`]).
    pub fn feature(&mut self, bit: u8, payload: &[u8]) -> &mut Self {
        self.features.insert(bit, payload.to_vec());
        self
    }

    /// HOSTNAME.
    pub fn hostname(&mut self, name: &str) -> &mut Self {
        self.feature(feature::HOSTNAME, &header_string(name))
    }

    /// OSRELEASE: the kernel's release.
    pub fn os_release(&mut self, release: &str) -> &mut Self {
        self.feature(feature::OSRELEASE, &header_string(release))
    }

    /// VERSION of perf.
    pub fn perf_version(&mut self, version: &str) -> &mut Self {
        self.feature(feature::VERSION, &header_string(version))
    }

    /// ARCH: the machine, such as `x86_64`.
    pub fn arch(&mut self, machine: &str) -> &mut Self {
        self.feature(feature::ARCH, &header_string(machine))
    }

    /// NRCPUS. The available CPUs come first in the file, whatever the documentation's struct says (header.c).
    pub fn cpus(&mut self, online: u32, available: u32) -> &mut Self {
        self.feature(feature::NRCPUS, &[available.to_le_bytes(), online.to_le_bytes()].concat())
    }

    /// CMDLINE: perf and its arguments.
    pub fn cmdline(&mut self, arguments: &[&str]) -> &mut Self {
        let mut out = (arguments.len() as u32).to_le_bytes().to_vec();
        arguments.iter().for_each(|argument| out.extend(header_string(argument)));
        self.feature(feature::CMDLINE, &out)
    }

    /// EVENT_DESC: attributes, names and ids of all events.
    pub fn event_desc(&mut self) -> &mut Self {
        self.event_desc = true;
        self
    }

    /// SAMPLE_TIME: the times of the first and the last sample of the file as built.
    pub fn sample_time(&mut self) -> &mut Self {
        self.sample_time = true;
        self
    }

    /// CLOCKID: the resolution of the clock, ns.
    pub fn clock_resolution(&mut self, ns: u64) -> &mut Self {
        self.feature(feature::CLOCKID, &words(&[ns]))
    }

    /// CLOCK_DATA: at `wall_ns` (since 1970) the clock of this number showed `clock_ns` (header.c).
    pub fn clock_data(&mut self, clockid: u32, wall_ns: u64, clock_ns: u64) -> &mut Self {
        let version_and_clock = 1 | u64::from(clockid) << 32;
        self.feature(feature::CLOCK_DATA, &words(&[version_and_clock, wall_ns, clock_ns]))
    }

    /// BUILD_ID of the kernel.
    pub fn kernel_build_id(&mut self, id: &[u8]) -> &mut Self {
        self.build_id(misc::KERNEL, "[kernel.kallsyms]", id)
    }

    /// BUILD_ID of a file.
    pub fn file_build_id(&mut self, path: &str, id: &[u8]) -> &mut Self {
        self.build_id(misc::USER, path, id)
    }

    /// `struct build_id_event` with the name padded to 64 bytes (perf.data-file-format.txt, build-id.c).
    fn build_id(&mut self, mode: u16, name: &str, id: &[u8]) -> &mut Self {
        assert!(id.len() <= 20, "a build id has at most 20 bytes");
        let mut body = KERNEL_PID.to_le_bytes().to_vec();
        put_padded(&mut body, id, 20);
        put32(&mut body, id.len() as u32);
        put_padded(&mut body, name.as_bytes(), (name.len() + 1).next_multiple_of(64));
        let event = framed(0, mode | misc::BUILD_ID_SIZE, &body);
        self.features.entry(feature::BUILD_ID).or_default().extend(event);
        self
    }

    /// Damage: as perf leaves a file when it is killed. The header says that the data has no bytes, and names features
    /// whose sections are not there.
    pub fn killed(&mut self) -> &mut Self {
        self.killed = true;
        self
    }

    /// The file: header, ids, attributes, records, then a table of the features in the order of their bits, and these.
    pub fn build(&self) -> Vec<u8> {
        let events = self.resolved_events();
        let data = self.encoded(&events).concat();
        let features = self.all_features(&events);
        let (ids, attributes) = self.id_and_attribute_sections(&events);
        let data_offset = HEADER_SIZE + ids.len() + attributes.len();

        let mut out = b"PERFILE2".to_vec();
        put64(&mut out, HEADER_SIZE as u64);
        put64(&mut out, u64::from(self.attr_size) + 16);
        put_section(&mut out, HEADER_SIZE + ids.len(), attributes.len());
        put_section(&mut out, data_offset, if self.killed { 0 } else { data.len() });
        put_section(&mut out, 0, 0); // event_types, no longer used
        let mut bitmap = [0u8; 32];
        features.keys().for_each(|bit| bitmap[usize::from(bit / 8)] |= 1 << (bit % 8));
        out.extend(bitmap);
        for part in [&ids, &attributes, &data] {
            out.extend(part);
        }
        if !self.killed {
            put_features(&mut out, &features);
        }
        out
    }

    /// The offset in the built file of each record, in order: where a test can do its damage.
    pub fn offsets(&self) -> Vec<usize> {
        let events = self.resolved_events();
        let (ids, attributes) = self.id_and_attribute_sections(&events);
        let mut next = HEADER_SIZE + ids.len() + attributes.len();
        let start = |record: Vec<u8>| {
            let start = next;
            next += record.len();
            start
        };
        self.encoded(&events).into_iter().map(start).collect()
    }

    fn resolved_events(&self) -> Vec<Event> {
        let mut events = self.events.clone();
        if events.is_empty() {
            events.push(Event::cpu_clock());
        }
        let identifier = if events.len() > 1 { sample_type::IDENTIFIER } else { 0 };
        for (index, event) in events.iter_mut().enumerate() {
            event.sample_type.get_or_insert(DEFAULT_SAMPLE_TYPE | identifier);
            if event.ids.is_empty() {
                event.ids.push(100 + index as u64);
            }
        }
        events
    }

    fn encoded(&self, events: &[Event]) -> Vec<Vec<u8>> {
        let encode = |stored: &Stored| match stored {
            Stored::Bytes(bytes) => bytes.clone(),
            Stored::Sample(sample, place) => sample.record(&events[sample.event], *place),
            Stored::Sideband { kind, misc, body, task, place } => {
                let trailer = sample_id(&events[self.sideband_event], *task, *place);
                framed(*kind, *misc, &[body.as_slice(), &trailer].concat())
            }
        };
        self.records.iter().map(encode).collect()
    }

    /// perf puts the ids right after the header, and the attributes that point at them next (header.c).
    fn id_and_attribute_sections(&self, events: &[Event]) -> (Vec<u8>, Vec<u8>) {
        let (mut ids, mut attributes) = (Vec::new(), Vec::new());
        for event in events {
            attributes.extend(event.attribute(self.attr_size));
            put_section(&mut attributes, HEADER_SIZE + ids.len(), event.ids.len() * 8);
            ids.extend(words(&event.ids));
        }
        (ids, attributes)
    }

    fn all_features(&self, events: &[Event]) -> BTreeMap<u8, Vec<u8>> {
        let mut features = self.features.clone();
        if self.event_desc {
            features.insert(feature::EVENT_DESC, self.described(events));
        }
        if self.sample_time {
            let times = self.records.iter().filter_map(|stored| match stored {
                Stored::Sample(_, place) => Some(place.time),
                _ => None,
            });
            let (first, last) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
            features.insert(feature::SAMPLE_TIME, words(&[first, last]));
        }
        features
    }

    fn described(&self, events: &[Event]) -> Vec<u8> {
        let mut out = (events.len() as u32).to_le_bytes().to_vec();
        put32(&mut out, self.attr_size);
        for event in events {
            out.extend(event.attribute(self.attr_size));
            put32(&mut out, event.ids.len() as u32);
            out.extend(header_string(&event.name));
            out.extend(words(&event.ids));
        }
        out
    }
}

/// Bytes of `struct perf_file_header` (perf.data-file-format.txt).
const HEADER_SIZE: usize = 104;

/// A record: `struct perf_event_header` and its body.
fn framed(kind: u32, misc: u16, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(8 + body.len()).expect("a record has fewer than 64 KiB");
    let mut out = kind.to_le_bytes().to_vec();
    out.extend(misc.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(body);
    out
}

/// `struct sample_id` (perf_event.h), the end of a record that is not a sample.
fn sample_id(event: &Event, task: Task, place: Option<Place>) -> Vec<u8> {
    if event.flags & flag::SAMPLE_ID_ALL == 0 {
        return Vec::new();
    }
    let (pid, tid, id, at) = match place {
        Some(at) => (task.0, task.1, event.id_on(at.cpu), at),
        None => (0, 0, 0, Place::default()),
    };
    let fields = [
        (sample_type::TID, u64::from(pid) | u64::from(tid) << 32),
        (sample_type::TIME, at.time),
        (sample_type::ID, id),
        (sample_type::STREAM_ID, id),
        (sample_type::CPU, u64::from(at.cpu)),
        (sample_type::IDENTIFIER, id),
    ];
    let present = fields.iter().filter(|(bit, _)| event.fields() & bit != 0);
    present.flat_map(|(_, value)| value.to_le_bytes()).collect()
}

/// The table of sections, and what it points at.
fn put_features(out: &mut Vec<u8>, features: &BTreeMap<u8, Vec<u8>>) {
    let mut offset = out.len() + features.len() * 16;
    for payload in features.values() {
        put_section(out, offset, payload.len());
        offset += payload.len();
    }
    features.values().for_each(|payload| out.extend(payload));
}

/// `struct perf_header_string`, its length padded to 64 as perf does (header.c).
fn header_string(text: &str) -> Vec<u8> {
    let padded = (text.len() + 1).next_multiple_of(64);
    let mut out = (padded as u32).to_le_bytes().to_vec();
    put_padded(&mut out, text.as_bytes(), padded);
    out
}

fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_le_bytes());
}

fn put_task(out: &mut Vec<u8>, (pid, tid): Task) {
    put32(out, pid);
    put32(out, tid);
}

fn put_section(out: &mut Vec<u8>, offset: usize, size: usize) {
    put64(out, offset as u64);
    put64(out, size as u64);
}

fn put_padded(out: &mut Vec<u8>, bytes: &[u8], len: usize) {
    out.extend(bytes);
    out.resize(out.len() + len - bytes.len(), 0);
}

/// A name in a kernel's record: zero terminated, padded so that what follows is aligned to 8 bytes.
fn put_name(out: &mut Vec<u8>, name: &str) {
    put_padded(out, name.as_bytes(), (name.len() + 1).next_multiple_of(8));
}

/// A kernel's symbol table that grows with the names asked for: each function gets its own address on first sight.
///
/// The text has room for 4,095 functions and the same length from the start, so that the kernel's map can be written
/// before the names are known.
#[derive(Clone, Debug)]
pub struct Kernel {
    text: u64,
    names: Vec<String>,
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}

impl Kernel {
    /// The kernel's name in its map: its own symbols, relocated by `_text` (synthetic-events.c).
    pub const MAP_NAME: &str = "[kernel.kallsyms]_text";
    /// Where x86-64 puts `_text` without KASLR.
    pub const DEFAULT_TEXT: u64 = 0xffff_ffff_8100_0000;
    /// Bytes from one function to the next.
    pub const SPACING: u64 = 0x100;

    /// A kernel without KASLR.
    pub fn new() -> Self {
        Self::at(Self::DEFAULT_TEXT)
    }

    /// A kernel whose `_text` is here, as KASLR may have it.
    pub fn at(text: u64) -> Self {
        Kernel { text, names: Vec::new() }
    }

    /// The address of `_text`: start and page offset of the kernel's map.
    pub fn text(&self) -> u64 {
        self.text
    }

    /// `_etext − _text`, bytes: the length of the kernel's map.
    pub fn text_len(&self) -> u64 {
        Self::SPACING * 4096
    }

    /// The first address of this function.
    pub fn start(&mut self, name: &str) -> u64 {
        let known = self.names.iter().position(|known| known == name);
        let index = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        assert!(index < 4095, "the kernel's text is full");
        self.text + Self::SPACING * (index as u64 + 1)
    }

    /// An address inside this function.
    pub fn ip(&mut self, name: &str) -> u64 {
        self.ip_at(name, 0x10)
    }

    /// The address `offset` bytes inside this function.
    pub fn ip_at(&mut self, name: &str, offset: u64) -> u64 {
        assert!(offset < Self::SPACING, "outside the function");
        self.start(name) + offset
    }

    /// An address for each of the names, root first and separated by `;`, as in collapsed stacks.
    pub fn stack(&mut self, collapsed: &str) -> Vec<u64> {
        collapsed.split(';').map(|name| self.ip(name)).collect()
    }

    /// `/proc/kallsyms` of this boot, sorted by address.
    pub fn kallsyms(&self) -> String {
        self.kallsyms_at(self.text)
    }

    /// `/proc/kallsyms` of another boot of this kernel, with `_text` here.
    pub fn kallsyms_at(&self, text: u64) -> String {
        // Every x86-64 kernel has per-CPU symbols at 0: not a sign of a file read without the right to see addresses.
        let mut out = "0000000000000000 A irq_stack_union\n".to_owned();
        let mut line =
            |address: u64, kind: char, name: &str| out.push_str(&format!("{address:016x} {kind} {name}\n"));
        line(text, 'T', "_text");
        line(text, 'T', "_stext");
        for (name, index) in self.names.iter().zip(1..) {
            line(text + Self::SPACING * index, 'T', name);
        }
        line(text + self.text_len(), 'T', "_etext");
        line(text + 2 * self.text_len(), 'D', "_sdata");
        out
    }
}
