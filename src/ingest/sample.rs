//! The decoder of samples: finds the fields of a PERF_RECORD_SAMPLE, in the order of
//! `perf_output_sample` (kernel/events/core.c).

use linux_perf_event_reader::constants::{
    PERF_FORMAT_GROUP, PERF_FORMAT_ID, PERF_FORMAT_TOTAL_TIME_ENABLED, PERF_FORMAT_TOTAL_TIME_RUNNING,
    PERF_SAMPLE_ADDR, PERF_SAMPLE_BRANCH_HW_INDEX, PERF_SAMPLE_BRANCH_STACK, PERF_SAMPLE_CALLCHAIN,
    PERF_SAMPLE_CGROUP, PERF_SAMPLE_CPU, PERF_SAMPLE_DATA_SRC, PERF_SAMPLE_ID, PERF_SAMPLE_IDENTIFIER,
    PERF_SAMPLE_IP, PERF_SAMPLE_PERIOD, PERF_SAMPLE_PHYS_ADDR, PERF_SAMPLE_RAW, PERF_SAMPLE_READ,
    PERF_SAMPLE_REGS_INTR, PERF_SAMPLE_REGS_USER, PERF_SAMPLE_STACK_USER, PERF_SAMPLE_STREAM_ID,
    PERF_SAMPLE_TID, PERF_SAMPLE_TIME, PERF_SAMPLE_TRANSACTION, PERF_SAMPLE_WEIGHT,
    PERF_SAMPLE_WEIGHT_STRUCT,
};

use super::attributes::Attribute;
use super::cursor::{ByteOrder, Cursor};
use super::event_finder::id_offset;
use super::measure::Measure;
use super::user_part::{BRANCH_BYTES, UserFields, UserPart};

/// Counter values end in the number of lost samples (kernel 6.0; include/uapi/linux/perf_event.h).
const PERF_FORMAT_LOST: u64 = 1 << 4;
/// A branch stack ends in a word of counters for each branch (kernel 6.8;
/// include/uapi/linux/perf_event.h).
const PERF_SAMPLE_BRANCH_COUNTERS: u64 = 1 << 19;

/// The reason for rejecting a sample that ends before its fields do.
const SHORT: &str = "sample shorter than its fields";

/// The fields of a sample that this program uses. Addresses are as recorded: no module is known
/// yet.
#[derive(Clone, Copy, Debug)]
pub struct RawSample<'a> {
    /// Address of the instruction.
    pub ip: u64,
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// The CPU. If the recording does not hold the CPU, it is the thread's id, because a thread's
    /// samples are in order too.
    pub cpu: u32,
    /// Number of events that the sample represents.
    pub period: Option<u64>,
    /// The call chain, innermost first, with context markers. An entry has 8 bytes.
    pub chain: &'a [u8],
    /// Whether the call chain leaves out the kernel, so that of kernel code only `ip` is known.
    pub is_kernel_left_out: bool,
    /// Byte order of the entries.
    pub order: ByteOrder,
    /// What else was recorded of the user's stack.
    pub user: UserPart<'a>,
    /// The control group's id.
    pub cgroup: Option<u64>,
}

/// The layout of one event's samples. The fields before the first one of variable size have fixed
/// offsets.
#[derive(Clone, Debug)]
pub struct SampleLayout {
    sample_type: u64,
    read_format: u64,
    branch_sample_type: u64,
    regs_user: u64,
    regs_intr: u64,
    ip: Option<usize>,
    tid: Option<usize>,
    time: Option<usize>,
    address: Option<usize>,
    cpu: Option<usize>,
    period: Option<usize>,
    fixed_size: usize,
    is_kernel_left_out: bool,
    user_fields: UserFields,
    /// Whether the control group follows the call chain, as it does unless dumps or the like were
    /// recorded.
    does_cgroup_follow: bool,
    /// The offset of the id, and the CPU of each id by ascending id. Used if only the id determines
    /// the CPU.
    cpu_by_id: Option<(usize, Vec<(u64, u32)>)>,
}

impl SampleLayout {
    /// The layout of `attribute`'s samples.
    pub fn new(attribute: &Attribute) -> Self {
        let mut next = 0;
        let mut offset_of = |bit: u64| {
            (attribute.sample_type & bit != 0).then(|| {
                next += 8;
                next - 8
            })
        };
        let _identifier = offset_of(PERF_SAMPLE_IDENTIFIER);
        let ip = offset_of(PERF_SAMPLE_IP);
        let tid = offset_of(PERF_SAMPLE_TID);
        let time = offset_of(PERF_SAMPLE_TIME);
        let address = offset_of(PERF_SAMPLE_ADDR);
        let _id = offset_of(PERF_SAMPLE_ID);
        let _stream_id = offset_of(PERF_SAMPLE_STREAM_ID);
        let cpu = offset_of(PERF_SAMPLE_CPU);
        let period = offset_of(PERF_SAMPLE_PERIOD);
        let mut layout = SampleLayout {
            sample_type: attribute.sample_type,
            read_format: attribute.read_format,
            branch_sample_type: attribute.branch_sample_type,
            regs_user: attribute.sample_regs_user,
            regs_intr: attribute.sample_regs_intr,
            ip,
            tid,
            time,
            address,
            cpu,
            period,
            fixed_size: next,
            is_kernel_left_out: attribute.has_callchain() && !attribute.has_kernel_callchain(),
            user_fields: UserFields::of(attribute),
            does_cgroup_follow: false,
            cpu_by_id: id_offset(attribute.sample_type)
                .filter(|_| {
                    attribute.needs_cpus_of_ids() && attribute.ids.len() == attribute.cpus_of_ids.len()
                })
                .map(|at| (at, attribute.cpus_of_ids.clone())),
        };
        layout.does_cgroup_follow =
            layout.sample_type & PERF_SAMPLE_RAW == 0 && layout.words_before_cgroup() == 0;
        layout
    }

    /// The layout without the CPU: samples then count for their thread, as if it were a CPU.
    pub fn by_thread(self) -> Self {
        SampleLayout { cpu: None, cpu_by_id: None, ..self }
    }

    /// Whether samples have a piece of the user's stack.
    pub fn has_dumps(&self) -> bool {
        self.user_fields == UserFields::Dump
    }

    /// The registers of user space that samples have: a bit for each number of perf.
    pub fn user_registers(&self) -> u64 {
        self.regs_user
    }

    /// Whether samples have their time.
    pub fn has_time(&self) -> bool {
        self.time.is_some()
    }

    /// The time of the sample with this body; `None` if it has none, or is too short.
    #[inline]
    pub fn time(&self, body: &[u8], order: ByteOrder) -> Option<u64> {
        order.u64_at(body, self.time?)
    }

    /// Whether samples have their CPU.
    pub fn has_cpu(&self) -> bool {
        self.cpu.is_some() || self.cpu_by_id.is_some()
    }

    /// The CPU of a sample, by the id in its fixed fields.
    #[cold]
    fn cpu_by_id(&self, fixed: &[u8], order: ByteOrder) -> Option<u32> {
        let (at, cpus) = self.cpu_by_id.as_ref()?;
        let id = order.u64_at(fixed, *at)?;
        let index = cpus.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(cpus[index].1)
    }

    /// Decodes the body of a sample up to the last field that is needed.
    ///
    /// # Errors
    ///
    /// Why it cannot be decoded: it is shorter than its fields.
    #[inline(always)]
    pub fn decode<'a>(&self, body: &'a [u8], order: ByteOrder) -> Result<RawSample<'a>, &'static str> {
        let (mut sample, mut rest) = self.decode_to_chain(body, order)?;
        if self.sample_type & PERF_SAMPLE_CGROUP != 0 {
            let cgroup = match self.does_cgroup_follow {
                true => rest.u64(),
                false => self.skip_to_cgroup(&mut rest),
            };
            sample.cgroup = Some(cgroup.ok_or(SHORT)?);
        }
        Ok(sample)
    }

    /// Decodes the body of a tracepoint's record: the fields of any sample, and the payload that
    /// the tracepoint's format describes.
    ///
    /// # Errors
    ///
    /// Why it cannot be decoded: it is shorter than its fields.
    #[inline(always)]
    pub fn decode_event<'a>(
        &self,
        body: &'a [u8],
        order: ByteOrder,
    ) -> Result<(RawSample<'a>, &'a [u8]), &'static str> {
        let (sample, mut rest) = self.decode_to_chain(body, order)?;
        if self.sample_type & PERF_SAMPLE_RAW == 0 {
            return Ok((sample, &[]));
        }
        let payload = rest.u32().and_then(|size| rest.take(size.into()));
        Ok((sample, payload.ok_or(SHORT)?))
    }

    /// Decodes a sample up to its call chain. The cursor is then after the call chain.
    ///
    /// # Errors
    ///
    /// Why it cannot be decoded: it is shorter than its fields.
    #[inline(always)]
    pub fn decode_to_chain<'a>(
        &self,
        body: &'a [u8],
        order: ByteOrder,
    ) -> Result<(RawSample<'a>, Cursor<'a>), &'static str> {
        let mut rest = Cursor::new(body, order);
        let fixed = rest.take(self.fixed_size as u64).ok_or(SHORT)?;
        let u64_at = |offset: Option<usize>| offset.and_then(|at| order.u64_at(fixed, at));
        let u32_at =
            |offset: Option<usize>, plus: usize| offset.and_then(|at| order.u32_at(fixed, at + plus));
        if self.sample_type & PERF_SAMPLE_READ != 0 {
            self.skip_read(&mut rest).ok_or(SHORT)?;
        }
        let chain = if self.sample_type & PERF_SAMPLE_CALLCHAIN != 0 {
            let entries = rest.u64().ok_or(SHORT)?;
            let bytes = entries.checked_mul(8).and_then(|bytes| rest.take(bytes));
            bytes.ok_or("call chain longer than its sample")?
        } else {
            &[]
        };
        let sample = RawSample {
            ip: u64_at(self.ip).unwrap_or(0),
            pid: u32_at(self.tid, 0).map_or(-1, |pid| pid as i32),
            tid: u32_at(self.tid, 4).map_or(-1, |tid| tid as i32),
            time_ns: u64_at(self.time).unwrap_or(0),
            cpu: match self.cpu {
                Some(_) => u32_at(self.cpu, 0).unwrap_or(0),
                None => self.cpu_by_id(fixed, order).or(u32_at(self.tid, 4)).unwrap_or(0),
            },
            period: u64_at(self.period),
            chain,
            is_kernel_left_out: self.is_kernel_left_out,
            order,
            user: match self.user_fields {
                UserFields::None => UserPart::None,
                _ => self.user_part(rest),
            },
            cgroup: None,
        };
        Ok((sample, rest))
    }

    /// Clears all fields of a sample that this program does not read; registers and the user stack
    /// may hold anything. The fields up to the call chain and the control group stay. `chain`
    /// redacts the call chain, `payload` the payload of RAW. `None` if the sample is shorter than
    /// its fields.
    pub fn redact(
        &self,
        body: &mut [u8],
        order: ByteOrder,
        chain: impl FnOnce(&mut [u8]),
        payload: impl FnOnce(&mut [u8]),
    ) -> Option<()> {
        let (sample, mut rest) = self.decode_to_chain(body, order).ok()?;
        let mut at = body.len() - rest.rest().len();
        let chain_start = at - sample.chain.len();
        let has_cgroup = self.sample_type & PERF_SAMPLE_CGROUP != 0;
        let cgroup = if has_cgroup { Some(self.skip_to_cgroup(&mut rest)?) } else { None };
        chain(body.get_mut(chain_start..at)?);
        if self.sample_type & PERF_SAMPLE_READ != 0 {
            // The number of values stays, if the sample has it.
            let count = if self.read_format & PERF_FORMAT_GROUP != 0 { 8 } else { 0 };
            let count_of_chain = if self.sample_type & PERF_SAMPLE_CALLCHAIN != 0 { 8 } else { 0 };
            body.get_mut(self.fixed_size + count..chain_start - count_of_chain)?.fill(0);
        }
        if let Some(address) = self.address {
            body.get_mut(address..address + 8)?.fill(0);
        }
        if self.sample_type & PERF_SAMPLE_RAW != 0 {
            let size = order.u32_at(body, at).map_or(0, |size| size as usize);
            let (start, end) = (at.saturating_add(4), at.saturating_add(4).saturating_add(size));
            // A payload that is cut short is cleared, but the sample stays.
            if let Some(bytes) = body.get_mut(start..end) {
                payload(bytes);
                at = end;
            }
        }
        let behind = body.get_mut(at..)?;
        behind.fill(0);
        if let Some(cgroup) = cgroup {
            let start = 8 * self.words_before_cgroup();
            behind
                .get_mut(start..start.checked_add(8)?)?
                .copy_from_slice(&order.to_file(cgroup).to_ne_bytes());
        }
        Some(())
    }

    /// Number of words between the payload of RAW and the control group if all fields of variable
    /// size are empty.
    fn words_before_cgroup(&self) -> usize {
        let has = |bits: u64| usize::from(self.sample_type & bits != 0);
        let has_index = self.branch_sample_type & PERF_SAMPLE_BRANCH_HW_INDEX != 0;
        let fields = [
            PERF_SAMPLE_BRANCH_STACK,
            PERF_SAMPLE_REGS_USER,
            PERF_SAMPLE_STACK_USER,
            PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT,
            PERF_SAMPLE_DATA_SRC,
            PERF_SAMPLE_TRANSACTION,
            PERF_SAMPLE_REGS_INTR,
            PERF_SAMPLE_PHYS_ADDR,
        ];
        fields.map(has).into_iter().sum::<usize>() + has(PERF_SAMPLE_BRANCH_STACK) * usize::from(has_index)
    }

    /// Steps over the value of a counter, or the values of its group (`:S`).
    fn skip_read(&self, rest: &mut Cursor) -> Option<()> {
        let has = |bit: u64| u64::from(self.read_format & bit != 0);
        let times = has(PERF_FORMAT_TOTAL_TIME_ENABLED) + has(PERF_FORMAT_TOTAL_TIME_RUNNING);
        let per_value = 1 + has(PERF_FORMAT_ID) + has(PERF_FORMAT_LOST);
        if self.read_format & PERF_FORMAT_GROUP != 0 {
            let members = rest.u64()?;
            rest.skip(times, 8)?;
            rest.skip(members, per_value * 8)
        } else {
            rest.skip(times + per_value, 8)
        }
    }

    /// What a sample has of the user's stack after its call chain, where `rest` begins.
    #[cold]
    #[inline(never)]
    fn user_part<'a>(&self, mut rest: Cursor<'a>) -> UserPart<'a> {
        let order = rest.order();
        let branches = self.skip_payload(&mut rest).and_then(|()| self.branches(&mut rest));
        match self.user_fields {
            UserFields::None => UserPart::None,
            UserFields::Calls => UserPart::calls(branches.unwrap_or_default(), order),
            UserFields::Dump => {
                let fields = branches.map_or(&[][..], |_| rest.rest());
                UserPart::dump(fields, self.regs_user, order)
            }
        }
    }

    /// Steps over the payload of a tracepoint.
    fn skip_payload(&self, rest: &mut Cursor) -> Option<()> {
        if self.sample_type & PERF_SAMPLE_RAW == 0 {
            return Some(());
        }
        let size = rest.u32()?;
        rest.skip(1, size.into())
    }

    /// Steps over the branches that the CPU recorded, and returns their entries.
    fn branches<'a>(&self, rest: &mut Cursor<'a>) -> Option<&'a [u8]> {
        if self.sample_type & PERF_SAMPLE_BRANCH_STACK == 0 {
            return Some(&[]);
        }
        let branch_has = |bit: u64| u64::from(self.branch_sample_type & bit != 0);
        let count = rest.u64()?;
        rest.skip(branch_has(PERF_SAMPLE_BRANCH_HW_INDEX), 8)?;
        let entries = rest.take(count.checked_mul(BRANCH_BYTES)?)?;
        rest.skip(count, 8 * branch_has(PERF_SAMPLE_BRANCH_COUNTERS))?;
        Some(entries)
    }

    /// Steps over everything between the call chain and the control group, and returns the group.
    fn skip_to_cgroup(&self, rest: &mut Cursor) -> Option<u64> {
        let has = |bit: u64| self.sample_type & bit != 0;
        self.skip_payload(rest)?;
        self.branches(rest)?;
        if has(PERF_SAMPLE_REGS_USER) {
            skip_registers(rest, self.regs_user)?;
        }
        if has(PERF_SAMPLE_STACK_USER) {
            let size = rest.u64()?;
            if size > 0 {
                rest.skip(1, size)?;
                rest.skip(1, 8)?;
            }
        }
        let words =
            [PERF_SAMPLE_WEIGHT | PERF_SAMPLE_WEIGHT_STRUCT, PERF_SAMPLE_DATA_SRC, PERF_SAMPLE_TRANSACTION];
        rest.skip(words.iter().filter(|&&bits| has(bits)).count() as u64, 8)?;
        if has(PERF_SAMPLE_REGS_INTR) {
            skip_registers(rest, self.regs_intr)?;
        }
        rest.skip(u64::from(has(PERF_SAMPLE_PHYS_ADDR)), 8)?;
        rest.u64()
    }
}

/// Steps over registers. There are none if their ABI is PERF_SAMPLE_REGS_ABI_NONE.
fn skip_registers(rest: &mut Cursor, mask: u64) -> Option<()> {
    match rest.u64()? {
        0 => Some(()),
        _ => rest.skip(mask.count_ones().into(), 8),
    }
}

/// Whether the records of all these events say on which CPU they were taken. If not, the records of
/// each thread are kept by themselves.
pub fn tell_cpus(attributes: &[Attribute]) -> bool {
    let is_recorded = |attribute: &&Attribute| attribute.is_tracepoint() || Measure::of(attribute).is_some();
    attributes.iter().filter(is_recorded).all(|attribute| SampleLayout::new(attribute).has_cpu())
}
