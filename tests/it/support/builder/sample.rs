//! A sample: the fields that its event asks for, in the order in which the kernel writes them.

use super::bytes::{framed, put_padded, put32, put64};
use super::constants::{context, misc, read_format, record, sample_type};
use super::event::Event;
use super::origin::{Moment, Task};

/// The bits of the fields that follow RAW, in the order in which the kernel writes them
/// (`perf_output_sample` in `kernel/events/core.c`): AUX (20) is last, although the comment in
/// perf_event.h has it before the page sizes (22, 23), and WEIGHT_STRUCT (24) takes WEIGHT's place.
const REST_OF_SAMPLE: [u32; 13] = [11, 12, 13, 14, 24, 15, 17, 18, 19, 21, 22, 23, 20];

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
    pub(super) event: usize,
    period: u64,
    cgroup: u64,
    user_stack: Vec<u8>,
    user_registers: Option<(u64, Vec<u64>)>,
    branches: Vec<(u64, u64)>,
    raw: Vec<u8>,
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
            cgroup: 0,
            user_stack: Vec::new(),
            user_registers: None,
            branches: Vec::new(),
            raw: Vec::new(),
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

    /// The call chain as raw words, leaf first and with its [`context`] markers, instead of kernel
    /// and user frames.
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

    /// Sets an id, which need not be one of the event's.
    pub fn id(mut self, id: u64) -> Self {
        self.id = Some(id);
        self
    }

    /// The event, by the order of [`Builder::event`] from 0.
    pub fn event(mut self, index: usize) -> Self {
        self.event = index;
        self
    }

    /// The counts of its event that it stands for (ns for `cpu-clock`).
    pub fn period(mut self, counts: u64) -> Self {
        self.period = counts;
        self
    }

    /// The cgroup's id, for CGROUP.
    pub fn cgroup(mut self, id: u64) -> Self {
        self.cgroup = id;
        self
    }

    /// The stack dump, for STACK_USER (a multiple of 8 bytes, as the kernel writes it).
    pub fn user_stack(mut self, bytes: &[u8]) -> Self {
        self.user_stack = bytes.to_vec();
        self
    }

    /// The registers of user space, for REGS_USER: their ABI (1 of 32, 2 of 64 bits), and a value
    /// for each bit of [`Event::user_registers`], from the lowest.
    pub fn user_registers(mut self, abi: u64, values: &[u64]) -> Self {
        self.user_registers = Some((abi, values.to_vec()));
        self
    }

    /// Branches, for BRANCH_STACK: from where and to where, the last first.
    pub fn branches(mut self, from_to: &[(u64, u64)]) -> Self {
        self.branches = from_to.to_vec();
        self
    }

    /// The payload of a tracepoint, for RAW.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.raw = bytes.to_vec();
        self
    }

    /// Adds a counter's value, id and lost samples, for READ: one, or one per member with
    /// [`read_format::GROUP`].
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

    pub(super) fn record(&self, event: &Event, moment: Moment) -> Vec<u8> {
        let mode = if self.kernel.is_empty() { misc::USER } else { misc::KERNEL };
        let mut body = self.head(event, moment);
        self.tail(event, &mut body);
        framed(record::SAMPLE, self.misc.unwrap_or(mode), &body)
    }

    /// IDENTIFIER to PERIOD, in the order of PERF_RECORD_SAMPLE.
    fn head(&self, event: &Event, moment: Moment) -> Vec<u8> {
        let (has, id) = (event.fields(), self.id.unwrap_or(event.id_on(moment.cpu)));
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let fields = [
            (sample_type::IDENTIFIER, id),
            (sample_type::IP, self.leaf()),
            (sample_type::TID, pair(self.task.0, self.task.1)),
            (sample_type::TIME, moment.time),
            (sample_type::ADDR, 0),
            (sample_type::ID, id),
            (sample_type::STREAM_ID, id),
            (sample_type::CPU, pair(moment.cpu, 0)),
            (sample_type::PERIOD, self.period),
        ];
        let mut out = Vec::new();
        fields.iter().filter(|(bit, _)| has & bit != 0).for_each(|(_, value)| put64(&mut out, *value));
        out
    }

    /// READ to CODE_PAGE_SIZE; fields that this builder has no content for are written empty.
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
                sample_type::REGS_USER => self.registers(out),
                sample_type::BRANCH_STACK => self.branch_stack(out),
                sample_type::CGROUP => put64(out, self.cgroup),
                _ => put64(out, 0), // each of them is one zero u64 when it holds nothing
            }
        }
    }

    fn registers(&self, out: &mut Vec<u8>) {
        let (abi, values) = self.user_registers.clone().unwrap_or_default();
        put64(out, abi);
        values.iter().for_each(|value| put64(out, *value));
    }

    /// Their number, and `struct perf_branch_entry` of each (perf_event.h).
    fn branch_stack(&self, out: &mut Vec<u8>) {
        put64(out, self.branches.len() as u64);
        for (from, to) in &self.branches {
            [*from, *to, 0].iter().for_each(|word| put64(out, *word));
        }
    }

    /// Size, bytes, and how many of them are stack; the latter only if there is a dump
    /// (perf_event.h).
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
