//! Side-band records: names of threads, forks, mappings, lost records, each with its time and CPU.

use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::{
    PERF_RECORD_MISC_COMM_EXEC, PERF_RECORD_MISC_CPUMODE_MASK, PERF_RECORD_MISC_FORK_EXEC,
    PERF_RECORD_MISC_GUEST_KERNEL, PERF_RECORD_MISC_GUEST_USER, PERF_RECORD_MISC_KERNEL,
    PERF_RECORD_MISC_MMAP_BUILD_ID,
};

use super::attributes::Attribute;
use super::cursor::{ByteOrder, Cursor, text};
use super::features::BUILD_ID_MAX;
use super::records::Record;
use super::sample_id::{Origin, SampleIds};
use super::user_chains::{CALLCHAIN_DEFERRED, UserChain};

/// A moment in a recording, ordered by time, then by position in the file. Records that perf made
/// up when it started have time 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordTime {
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// Position in the data section.
    pub position: u64,
}

impl RecordTime {
    /// Earlier than all records.
    pub const FIRST: RecordTime = RecordTime { time_ns: 0, position: 0 };
    /// Later than all records.
    pub const NEVER: RecordTime = RecordTime { time_ns: u64::MAX, position: u64::MAX };
}

/// One side-band record.
#[derive(Clone, Debug)]
pub struct SideBand {
    /// When it happened.
    pub when: RecordTime,
    /// On which CPU, if the recording tells.
    pub cpu: Option<u32>,
    /// What happened.
    pub change: Change,
}

/// What a side-band record reports.
#[derive(Clone, Debug)]
pub enum Change {
    /// A thread got a name.
    Comm {
        /// Process id.
        pid: i32,
        /// Thread id.
        tid: i32,
        /// Whether the cause was that it executed a program, which also empties its address space.
        exec: bool,
        /// The name.
        comm: String,
    },
    /// A thread or process was created.
    Fork {
        /// The child's process id.
        pid: i32,
        /// The child's thread id.
        tid: i32,
        /// The parent's process id.
        parent_pid: i32,
        /// The parent's thread id.
        parent_tid: i32,
        /// Whether the child shares or copies its parent's mappings. It does not for the forks that
        /// perf makes up when it starts.
        inherits_maps: bool,
    },
    /// A thread ended.
    Exit {
        /// Its id.
        tid: i32,
    },
    /// Code was mapped.
    Map(Box<Map>),
    /// The kernel registered code under a name: a BPF program, a trampoline.
    CodeMade {
        /// First address.
        start: u64,
        /// Bytes.
        length: u64,
        /// The symbol.
        name: String,
    },
    /// The kernel unregistered such code.
    CodeGone {
        /// First address.
        start: u64,
    },
    /// The path of a control group became known.
    Cgroup {
        /// Its id.
        id: u64,
        /// Its path.
        path: String,
    },
    /// The kernel dropped records because the buffer was full.
    Lost {
        /// Number of records.
        count: u64,
    },
    /// The kernel dropped samples: one total for the whole recording (PERF_RECORD_LOST_SAMPLES).
    LostSamples {
        /// Number of samples.
        count: u64,
    },
    /// The kernel throttled an event.
    Throttle {
        /// The event's id on its CPU.
        stream_id: u64,
    },
    /// The kernel unthrottled an event.
    Unthrottle {
        /// The event's id on its CPU.
        stream_id: u64,
    },
}

/// A mapping of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// The process; −1 for the kernel.
    pub pid: i32,
    /// Whether it is kernel code.
    pub is_kernel: bool,
    /// Whether it is code of a guest.
    pub is_guest: bool,
    /// First address.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    /// Position of `start` in the file. For the kernel, the address of its reference symbol.
    pub file_offset: u64,
    /// Device (major, minor) and inode.
    pub inode: Option<(u32, u32, u64)>,
    /// The build id, from `--buildid-mmap`.
    pub build_id: Option<Vec<u8>>,
    /// Path, or name in brackets.
    pub path: String,
}

/// The result of decoding a record that is not a sample.
pub enum Parsed {
    /// A side-band record.
    SideBand(SideBand),
    /// A user call chain that was recorded later than its samples.
    UserChain,
    /// A side-band record that no analysis uses.
    Unused,
    /// A type that this program does not read.
    Skipped,
    /// A record too short for its fields.
    Rejected(&'static str),
}

/// Decodes side-band records.
pub struct SideBandReader {
    order: ByteOrder,
    sample_ids: SampleIds,
    /// Whether an event wants build ids in the records of mappings.
    wants_build_ids: bool,
}

impl SideBandReader {
    /// A reader for the records of these events.
    pub fn new(attributes: &[Attribute], order: ByteOrder) -> Self {
        let wants_build_ids = attributes.iter().any(Attribute::wants_build_ids);
        SideBandReader { order, sample_ids: SampleIds::new(attributes, order), wants_build_ids }
    }

    /// Decodes a record that is not a sample.
    pub fn parse(&self, record: &Record) -> Parsed {
        let kind = RecordType(record.kind);
        if !is_side_band(kind) && record.kind != CALLCHAIN_DEFERRED {
            return Parsed::Skipped;
        }
        let Some((fields, sample_id)) = self.sample_ids.split(record.body) else {
            return Parsed::Rejected("record shorter than its sample_id");
        };
        if record.kind == CALLCHAIN_DEFERRED {
            return match UserChain::parse(fields, self.order) {
                Some(_) => Parsed::UserChain,
                None => Parsed::Rejected("user call chain longer than its record"),
            };
        }
        let change = match self.change(kind, record.misc, fields) {
            None => return Parsed::Rejected("side-band record shorter than its fields"),
            Some(None) => return Parsed::Unused,
            Some(Some(change)) => change,
        };
        let Origin { time_ns, cpu, .. } = self.sample_ids.read(&sample_id);
        let when = RecordTime { time_ns: time_ns.unwrap_or(0), position: record.position };
        Parsed::SideBand(SideBand { when, cpu, change })
    }

    /// Decodes a record that [`SideBandReader::parse`] found to be a user call chain. Returns its
    /// thread too.
    pub fn user_chain<'a>(&self, record: &Record<'a>) -> Option<(i32, UserChain<'a>)> {
        let (fields, origin) = self.split(record)?;
        let (_, thread) = origin.thread?;
        Some((thread, UserChain::parse(fields, self.order)?))
    }

    /// The fields of a record and its decoded `sample_id`.
    pub fn split<'a>(&self, record: &Record<'a>) -> Option<(&'a [u8], Origin)> {
        let (fields, sample_id) = self.sample_ids.split(record.body)?;
        Some((fields, self.sample_ids.read(&sample_id)))
    }

    /// What happened; `Some(None)` if no analysis uses it, `None` if the record is too short.
    fn change(&self, kind: RecordType, misc: u16, fields: &[u8]) -> Option<Option<Change>> {
        let mut cursor = Cursor::new(fields, self.order);
        Some(Some(match kind {
            RecordType::COMM => Change::Comm {
                pid: cursor.i32()?,
                tid: cursor.i32()?,
                exec: misc & PERF_RECORD_MISC_COMM_EXEC != 0,
                comm: text(cursor.rest()),
            },
            RecordType::FORK => {
                let (pid, parent_pid) = (cursor.i32()?, cursor.i32()?);
                let (tid, parent_tid) = (cursor.i32()?, cursor.i32()?);
                Change::Fork {
                    pid,
                    tid,
                    parent_pid,
                    parent_tid,
                    inherits_maps: misc & PERF_RECORD_MISC_FORK_EXEC == 0,
                }
            }
            RecordType::EXIT => {
                let (_pid, _parent_pid) = (cursor.i32()?, cursor.i32()?);
                Change::Exit { tid: cursor.i32()? }
            }
            RecordType::MMAP | RecordType::MMAP2 => {
                Change::Map(Box::new(map(kind, misc, cursor, self.wants_build_ids)?))
            }
            RecordType::KSYMBOL => {
                // PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER (include/uapi/linux/perf_event.h).
                const UNREGISTER: u16 = 1;
                let (start, length) = (cursor.u64()?, cursor.u32()?.into());
                let (_kind, flags) = (cursor.u16()?, cursor.u16()?);
                match flags & UNREGISTER {
                    0 => Change::CodeMade { start, length, name: text(cursor.rest()) },
                    _ => Change::CodeGone { start },
                }
            }
            RecordType::CGROUP => Change::Cgroup { id: cursor.u64()?, path: text(cursor.rest()) },
            RecordType::LOST => {
                let _id = cursor.u64()?;
                Change::Lost { count: cursor.u64()? }
            }
            RecordType::LOST_SAMPLES => Change::LostSamples { count: cursor.u64()? },
            RecordType::THROTTLE => Change::Throttle { stream_id: stream_id(cursor)? },
            RecordType::UNTHROTTLE => Change::Unthrottle { stream_id: stream_id(cursor)? },
            _ => return Some(None),
        }))
    }
}

/// Methods that only redaction uses.
#[cfg(feature = "pack")]
impl SideBandReader {
    /// The addresses at which a record registers code; `None` for other records.
    pub fn code(&self, record: &Record) -> Option<std::ops::Range<u64>> {
        let kind = RecordType(record.kind);
        if !matches!(kind, RecordType::MMAP | RecordType::MMAP2 | RecordType::KSYMBOL) {
            return None;
        }
        let (start, length) = match self.change(kind, record.misc, self.fields(record)?)?? {
            Change::Map(map) => (map.start, map.length),
            Change::CodeMade { start, length, .. } => (start, length),
            _ => return None,
        };
        Some(start..start.saturating_add(length))
    }

    /// The fields of a record, without its `sample_id`.
    pub fn fields<'a>(&self, record: &Record<'a>) -> Option<&'a [u8]> {
        self.sample_ids.split(record.body).map(|(fields, _)| fields)
    }

    /// Whether the end of a record is a possible `sample_id`. `is_id` says which ids there are.
    pub fn is_plausible(&self, record: &Record, is_id: impl Fn(u64) -> bool) -> bool {
        self.sample_ids.is_plausible(record.body, is_id)
    }
}

/// Whether a type is one of the kernel's types for tasks, code or loss.
fn is_side_band(kind: RecordType) -> bool {
    matches!(
        kind,
        RecordType::COMM
            | RecordType::FORK
            | RecordType::EXIT
            | RecordType::MMAP
            | RecordType::MMAP2
            | RecordType::CGROUP
            | RecordType::LOST
            | RecordType::LOST_SAMPLES
            | RecordType::THROTTLE
            | RecordType::UNTHROTTLE
            | RecordType::SWITCH
            | RecordType::SWITCH_CPU_WIDE
            | RecordType::NAMESPACES
            | RecordType::KSYMBOL
            | RecordType::BPF_EVENT
            | RecordType::TEXT_POKE
    )
}

/// Decodes MMAP: pid, tid, address, length, offset, path. MMAP2 has also, before the path, device,
/// inode and generation, or a build id, then the protection.
fn map(kind: RecordType, misc: u16, mut cursor: Cursor, wants_build_ids: bool) -> Option<Map> {
    let pid = cursor.i32()?;
    let _tid = cursor.i32()?;
    let (start, length, file_offset) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
    let (mut inode, mut build_id) = (None, None);
    if kind == RecordType::MMAP2 {
        let identity = cursor.take(24)?;
        if misc & PERF_RECORD_MISC_MMAP_BUILD_ID != 0 && is_build_id(identity, wants_build_ids) {
            let size = usize::from(identity[0]).min(BUILD_ID_MAX);
            build_id = Some(identity[4..4 + size].to_vec());
        } else {
            inode = inode_of(Cursor::new(identity, cursor.order()));
        }
        let _protection_and_flags = cursor.u64()?;
    }
    let mode = misc & PERF_RECORD_MISC_CPUMODE_MASK;
    Some(Map {
        pid,
        is_kernel: is_kernel(misc),
        is_guest: matches!(mode, PERF_RECORD_MISC_GUEST_KERNEL | PERF_RECORD_MISC_GUEST_USER),
        start,
        length,
        file_offset,
        inode,
        build_id,
        path: text(cursor.rest()),
    })
}

/// Whether what identifies a file is a build id, if the record says so. While another recording
/// wants build ids, the kernel marks the records of those that do not, too: it sets the mark in a
/// header that all share (`perf_event_mmap_output`, kernel/events/core.c, 5.12 to 6.18). Then the
/// major number of a device stands where the length is. No disk has 16 or 20.
fn is_build_id(identity: &[u8], wants_build_ids: bool) -> bool {
    wants_build_ids || matches!(identity, [16 | 20, 0, 0, 0, ..])
}

/// The stream id in THROTTLE and UNTHROTTLE: time, id, stream id. Tasks that inherit an event share
/// its id; each has a stream id of its own (`perf_log_throttle`, kernel/events/core.c).
fn stream_id(mut fields: Cursor) -> Option<u64> {
    fields.skip(2, 8)?;
    fields.u64()
}

/// Whether a record with these flags is about code of a kernel, that of a guest too.
pub fn is_kernel(misc: u16) -> bool {
    let mode = misc & PERF_RECORD_MISC_CPUMODE_MASK;
    matches!(mode, PERF_RECORD_MISC_KERNEL | PERF_RECORD_MISC_GUEST_KERNEL)
}

/// Device and inode; `None` for inode 0, which is no file.
fn inode_of(mut identity: Cursor) -> Option<(u32, u32, u64)> {
    let (major, minor) = (identity.u32()?, identity.u32()?);
    let inode = identity.u64()?;
    (inode != 0).then_some((major, minor, inode))
}
