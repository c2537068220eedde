//! The numbers of the format: record types and bits, as in perf_event.h and header.h.

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
    pub const BRANCH_STACK: u64 = 1 << 11;
    pub const REGS_USER: u64 = 1 << 12;
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
    /// Call chains leave out the kernel.
    pub const EXCLUDE_CALLCHAIN_KERNEL: u64 = 1 << 21;
    /// Call chains leave out user space.
    pub const EXCLUDE_CALLCHAIN_USER: u64 = 1 << 22;
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
    /// PERF_RECORD_THROTTLE.
    pub const THROTTLE: u32 = 5;
    /// PERF_RECORD_UNTHROTTLE.
    pub const UNTHROTTLE: u32 = 6;
    /// PERF_RECORD_COMM.
    pub const COMM: u32 = 3;
    /// PERF_RECORD_EXIT.
    pub const EXIT: u32 = 4;
    /// PERF_RECORD_FORK.
    pub const FORK: u32 = 7;
    /// PERF_RECORD_SAMPLE.
    pub const SAMPLE: u32 = 9;
    /// PERF_RECORD_MMAP2.
    pub const MMAP2: u32 = 10;
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

/// `perf_event_header.misc` (perf_event.h): the cpumode, and bits whose meaning depends on the
/// record's type.
#[rustfmt::skip]
pub mod misc {
    /// cpumode: kernel.
    pub const KERNEL: u16 = 1;
    /// cpumode: user space.
    pub const USER: u16 = 2;
    /// cpumode: kernel of a guest.
    pub const GUEST_KERNEL: u16 = 4;
    /// cpumode: a hypervisor below the kernel.
    pub const HYPERVISOR: u16 = 3;
    /// cpumode: a program in a guest.
    pub const GUEST_USER: u16 = 5;
    /// FORK, made up by perf: the child does not get the parent's maps.
    pub const FORK_EXEC: u16 = 1 << 13;
    /// SWITCH: the task leaves the CPU.
    pub const SWITCH_OUT: u16 = 1 << 13;
    /// MMAP2: a build id in place of the inode.
    pub const MMAP_BUILD_ID: u16 = 1 << 14;
    /// BUILD_ID feature: the 21st byte is the build id's size.
    pub const BUILD_ID_SIZE: u16 = 1 << 15;
}

/// Markers in call chains (`enum perf_callchain_context` in perf_event.h): the entries that follow
/// are of this mode.
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
    /// Formats of tracepoints.
    pub const TRACING_DATA: u8 = 1;
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
}
