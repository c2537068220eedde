//! Records as perf makes them up for what was there before a recording began
//! (tools/perf/util/synthetic-events.c): their bytes.

use linux_perf_data::UserRecordType;
use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::{PERF_RECORD_MISC_KERNEL, PERF_RECORD_MISC_USER};

/// Set in FORK records that are made up, so that no reader inherits the parent's maps
/// (PERF_RECORD_MISC_FORK_EXEC in include/uapi/linux/perf_event.h).
const FORK_EXEC: u16 = 1 << 13;
/// The process of the kernel's maps.
pub const KERNEL: i32 = -1;

/// A mapping of code.
pub struct Map<'p> {
    /// The process, or [`KERNEL`].
    pub pid: i32,
    pub start: u64,
    pub length: u64,
    /// Position in the file; of the kernel the address of its reference symbol.
    pub offset: u64,
    pub device: (u32, u32),
    pub inode: u64,
    pub protection: u32,
    pub flags: u32,
    pub path: &'p [u8],
}

/// A sequence of records.
#[derive(Default)]
pub struct Records {
    pub bytes: Vec<u8>,
    body: Vec<u8>,
}

impl Records {
    /// A thread's name.
    pub fn comm(&mut self, pid: i32, tid: i32, comm: &[u8]) {
        self.put32(&[pid as u32, tid as u32]);
        self.text(comm);
        self.kernels(RecordType::COMM, 0);
    }

    /// A thread and who made it.
    pub fn fork(&mut self, pid: i32, tid: i32, parent: i32) {
        self.put32(&[pid as u32, parent as u32, tid as u32, parent as u32]);
        self.put64(&[0]);
        self.kernels(RecordType::FORK, FORK_EXEC);
    }

    /// A mapping of code. Those of the kernel are MMAP, as perf's are: they have no file.
    pub fn map(&mut self, map: &Map) {
        self.put32(&[map.pid as u32, map.pid as u32]);
        self.put64(&[map.start, map.length, map.offset]);
        if map.pid == KERNEL {
            self.text(map.path);
            self.kernels(RecordType::MMAP, PERF_RECORD_MISC_KERNEL);
            return;
        }
        self.put32(&[map.device.0, map.device.1]);
        self.put64(&[map.inode, 0]);
        self.put32(&[map.protection, map.flags]);
        self.text(map.path);
        self.kernels(RecordType::MMAP2, PERF_RECORD_MISC_USER);
    }

    /// Code that the kernel made: a BPF program.
    pub fn kernel_symbol(&mut self, start: u64, length: u32, name: &[u8]) {
        // PERF_RECORD_KSYMBOL_TYPE_BPF.
        const BPF: u32 = 1;
        self.put64(&[start]);
        self.put32(&[length, BPF]);
        self.text(name);
        self.kernels(RecordType::KSYMBOL, 0);
    }

    /// A control group's path.
    pub fn cgroup(&mut self, id: u64, path: &[u8]) {
        self.put64(&[id]);
        self.text(path);
        self.kernels(RecordType::CGROUP, 0);
    }

    /// Samples that the kernel dropped for want of room, of the event with this id on a CPU.
    pub fn lost_samples(&mut self, lost: u64, id: u64, cpu: u32) {
        self.put64(&[lost]);
        self.trailer(id, cpu);
        self.record(RecordType::LOST_SAMPLES.0, 0);
    }

    /// The threads that were recorded: all.
    pub fn all_threads(&mut self) {
        const ALL: u64 = -1i64 as u64;
        self.put64(&[1, ALL]);
        self.body.extend([0; 16]);
        self.record(UserRecordType::PERF_THREAD_MAP.record_type().0, 0);
    }

    /// The CPUs that were recorded.
    pub fn cpus(&mut self, cpus: &[u32]) {
        // PERF_CPU_MAP__CPUS: a list of u16.
        let cpus: Vec<u16> = cpus.iter().filter_map(|cpu| u16::try_from(*cpu).ok()).collect();
        self.body.extend(0u16.to_ne_bytes());
        self.body.extend((cpus.len() as u16).to_ne_bytes());
        cpus.iter().for_each(|cpu| self.body.extend(cpu.to_ne_bytes()));
        self.record(UserRecordType::PERF_CPU_MAP.record_type().0, 0);
    }

    /// Which number names which event, on which CPU.
    pub fn ids(&mut self, ids: impl ExactSizeIterator<Item = (u64, usize, u32)>) {
        // A record has no more than 65,535 bytes.
        const MOST: usize = 2000;
        let mut ids = ids.peekable();
        while ids.peek().is_some() {
            let some: Vec<(u64, usize, u32)> = ids.by_ref().take(MOST).collect();
            self.put64(&[some.len() as u64]);
            for (id, event, cpu) in some {
                // The thread is not told.
                self.put64(&[id, event as u64, u64::from(cpu), u64::MAX]);
            }
            self.record(UserRecordType::PERF_ID_INDEX.record_type().0, 0);
        }
    }

    /// An event's name, by one of its numbers.
    pub fn name(&mut self, id: u64, name: &str) {
        // PERF_EVENT_UPDATE__NAME in tools/lib/perf/include/perf/event.h.
        const NAME: u64 = 2;
        self.put64(&[NAME, id]);
        self.text(name.as_bytes());
        self.record(UserRecordType::PERF_EVENT_UPDATE.record_type().0, 0);
    }

    /// All that was there before the recording is told (PERF_RECORD_FINISHED_INIT, since perf
    /// 5.19).
    pub fn finished_init(&mut self) {
        const FINISHED_INIT: u32 = 82;
        self.record(FINISHED_INIT, 0);
    }

    /// All rings were read once: what was written before the last time is complete.
    pub fn finished_round(&mut self) {
        self.record(UserRecordType::PERF_FINISHED_ROUND.record_type().0, 0);
    }

    fn put32(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.body.extend(number.to_ne_bytes()));
    }

    fn put64(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.body.extend(number.to_ne_bytes()));
    }

    /// A text and at least one NUL, padded to 8 bytes.
    fn text(&mut self, text: &[u8]) {
        const LONGEST: usize = 4096;
        let text = &text[..text.len().min(LONGEST)];
        self.body.extend(text);
        self.body.push(0);
    }

    /// Ends a record of a type that the kernel writes: what identifies a sample follows.
    fn kernels(&mut self, kind: RecordType, misc: u16) {
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        // Neither thread nor time nor id: it was so before the recording began.
        self.put32(&[0; 8]);
        self.record(kind.0, misc);
    }

    /// What identifies a sample, for the fields that all events here have: TID, TIME, CPU,
    /// IDENTIFIER.
    fn trailer(&mut self, id: u64, cpu: u32) {
        self.put64(&[0, 0, u64::from(cpu), id]);
    }

    fn record(&mut self, kind: u32, misc: u16) {
        const HEADER: usize = 8;
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        let size = u16::try_from(HEADER + self.body.len()).unwrap_or(0);
        if size > 0 {
            self.bytes.extend(kind.to_ne_bytes());
            self.bytes.extend(misc.to_ne_bytes());
            self.bytes.extend(size.to_ne_bytes());
            self.bytes.append(&mut self.body);
        }
        self.body.clear();
    }
}
