//! Tracepoints and switch records: what happened. Tracepoints are decoded by the formats in the
//! recording.

use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::{PERF_RECORD_MISC_SWITCH_OUT, PERF_RECORD_MISC_SWITCH_OUT_PREEMPT};

use crate::model::{LeaveReason, Sleep, Softirq, TraceKind, Tracepoint};

use super::attributes::Attribute;
use super::cursor::{ByteOrder, Cursor};
use super::records::Record;
use super::sample::tell_cpus;
use super::side_band::SideBandReader;
use super::tracing_data::{Field, Format, Formats};

/// What happened. Threads and devices are still numbers and text from the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawTrace<'a> {
    /// An event that needs no look-up.
    Known(TraceKind),
    /// The CPU went to another thread.
    Switch {
        /// Its id.
        next_tid: i32,
        /// Why the previous thread left.
        why: LeaveReason,
    },
    /// A thread was woken.
    Waking {
        /// Its id.
        tid: i32,
        /// On which CPU.
        cpu: u32,
    },
    /// A system call began.
    SystemCallEnter {
        /// Its number.
        number: i32,
        /// Its arguments, as far as they are recorded.
        arguments: [u64; 6],
    },
    /// The handler of an interrupt began.
    InterruptEntry {
        /// The interrupt's number.
        irq: i32,
        /// The name under which its handler is registered.
        name: &'a [u8],
    },
    /// A packet was received.
    Packet {
        /// The device's name.
        device: &'a [u8],
        /// Its length in bytes.
        bytes: u32,
    },
}

/// A switch record: what happened, and the thread, time and CPU.
#[derive(Clone, Copy, Debug)]
pub struct RawSwitch {
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// The CPU.
    pub cpu: u32,
    /// Process id of the thread that got or left the CPU.
    pub pid: i32,
    /// Its thread id.
    pub tid: i32,
    /// What happened.
    pub trace: RawTrace<'static>,
}

/// Decodes the records of tracepoints and switches.
pub struct TraceReader {
    order: ByteOrder,
    /// For each event, how its records are decoded.
    decoders: Vec<Decoder>,
    switches: SideBandReader,
    /// Whether records say on which CPU they were written.
    has_cpus: bool,
}

/// How the records of one event are decoded: the event that they report, and the fields that are
/// read.
enum Decoder {
    SoftirqRaise(Field),
    SoftirqEntry(Field),
    SoftirqExit(Field),
    InterruptEntry { irq: Field, name: Field },
    InterruptExit { irq: Field },
    Switch { prev_state: Field, next_tid: Field },
    Waking { tid: Field, cpu: Field },
    SystemCallEnter { number: Field, arguments: Arguments },
    SystemCallExit { number: Field, result: Field },
    NapiPoll { work: Field, budget: Option<Field> },
    Packet { device: Field, bytes: Field },
    Other,
}

/// Where the arguments of a system call are.
enum Arguments {
    /// One after the other, as wherever the kernel is one of 64 bits.
    Words { offset: usize, count: usize },
    /// Anywhere.
    Fields(Vec<Field>),
}

impl Arguments {
    /// The most that a system call takes.
    const MOST: usize = 6;

    /// The elements of an array of 8-byte values.
    fn of_array(array: &Field) -> Arguments {
        match Arguments::MOST.min(array.size / 8) {
            0 => Arguments::Fields(Vec::new()),
            count => Arguments::Words { offset: array.offset, count },
        }
    }

    /// Fields of 8 bytes.
    fn of_fields(fields: Vec<Field>) -> Arguments {
        let follows = |pair: &[Field]| pair[0].offset.checked_add(8) == Some(pair[1].offset);
        match fields.first() {
            Some(Field { offset, .. }) if fields.windows(2).all(follows) => {
                Arguments::Words { offset: *offset, count: fields.len() }
            }
            _ => Arguments::Fields(fields),
        }
    }

    /// The arguments, and zeros for those that are not recorded; `None` if the payload is shorter
    /// than they are.
    #[inline(always)]
    fn read(&self, payload: &[u8], order: ByteOrder) -> Option<[u64; Arguments::MOST]> {
        let mut values = [0; Arguments::MOST];
        match self {
            Arguments::Words { offset, count } => {
                let bytes = payload.get(*offset..offset.checked_add(8 * count)?)?;
                if let Some(all) = bytes.first_chunk::<{ 8 * Arguments::MOST }>() {
                    return Some(std::array::from_fn(|at| order.u64_at(all, 8 * at).unwrap_or_default()));
                }
                values.iter_mut().zip(order.u64s(bytes)).for_each(|(value, word)| *value = word);
            }
            Arguments::Fields(fields) => {
                for (value, field) in values.iter_mut().zip(fields) {
                    *value = field.number(payload, order)? as u64;
                }
            }
        }
        Some(values)
    }
}

impl TraceReader {
    /// A reader for the records of these events, by the `formats` of the tracepoints.
    pub fn new(attributes: &[Attribute], formats: &Formats, order: ByteOrder) -> TraceReader {
        let decoder = |attribute: &Attribute| {
            let format = formats.get(&attribute.config).filter(|_| attribute.is_tracepoint());
            format.and_then(Decoder::new).unwrap_or(Decoder::Other)
        };
        TraceReader {
            order,
            decoders: attributes.iter().map(decoder).collect(),
            switches: SideBandReader::new(attributes, order),
            has_cpus: tell_cpus(attributes),
        }
    }

    /// Decodes the payload of a record of the event with this index; `None` if the payload is
    /// shorter than its fields.
    pub fn read<'a>(&self, event: usize, payload: &'a [u8]) -> Option<RawTrace<'a>> {
        self.read_in(self.order, event, payload)
    }

    /// As [`read`](TraceReader::read), where the compiler knows the byte order of the recording.
    #[inline(always)]
    pub(super) fn read_in<'a>(
        &self,
        order: ByteOrder,
        event: usize,
        payload: &'a [u8],
    ) -> Option<RawTrace<'a>> {
        self.decoders.get(event).unwrap_or(&Decoder::Other).read(payload, order)
    }

    /// Clears the parts of the payload that are not read, for the event with this index. The
    /// arguments of system calls are cleared too; the id of the format stays.
    pub fn redact(&self, event: usize, payload: &mut [u8]) {
        const COMMON: std::ops::Range<usize> = 0..8;
        let mut kept = vec![COMMON];
        for field in self.decoders.get(event).unwrap_or(&Decoder::Other).fields() {
            kept.push(field.offset..field.offset.saturating_add(field.size));
            kept.extend(field.value(payload, self.order));
        }
        kept.sort_by_key(|range| range.start);
        let mut from = 0;
        for range in kept {
            let to = range.start.min(payload.len());
            payload.get_mut(from..to).unwrap_or_default().fill(0);
            from = from.max(range.end);
        }
        payload.get_mut(from..).unwrap_or_default().fill(0);
    }

    /// Decodes a switch record; `None` if it is another record, or shorter than its fields.
    pub fn read_switch(&self, record: &Record) -> Option<RawSwitch> {
        let (fields, origin) = self.switches.split(record)?;
        let is_out = record.misc & PERF_RECORD_MISC_SWITCH_OUT != 0;
        let is_preempted = record.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT != 0;
        let why = if is_preempted { LeaveReason::Runnable } else { LeaveReason::Asleep(Sleep::Unknown) };
        let trace = match RecordType(record.kind) {
            RecordType::SWITCH | RecordType::SWITCH_CPU_WIDE if !is_out => {
                RawTrace::Known(TraceKind::SwitchIn)
            }
            RecordType::SWITCH => RawTrace::Known(TraceKind::SwitchOut { why }),
            RecordType::SWITCH_CPU_WIDE => {
                let mut cursor = Cursor::new(fields, self.order);
                let _next_pid = cursor.i32()?;
                RawTrace::Switch { next_tid: cursor.i32()?, why }
            }
            _ => return None,
        };
        let (pid, tid) = origin.thread?;
        let cpu = if self.has_cpus { origin.cpu? } else { tid as u32 };
        Some(RawSwitch { time_ns: origin.time_ns?, cpu, pid, tid, trace })
    }
}

impl Decoder {
    /// The decoder for a tracepoint; `None` if no analysis uses it, or if its fields are missing.
    fn new(format: &Format) -> Option<Decoder> {
        let field = |names: &[&str]| format.field(names).cloned();
        let tracepoint = Tracepoint::of_event(&format!("{}:{}", format.system, format.name))?;
        Some(match tracepoint {
            Tracepoint::SoftirqRaise => Decoder::SoftirqRaise(field(&["vec"])?),
            Tracepoint::SoftirqEntry => Decoder::SoftirqEntry(field(&["vec"])?),
            Tracepoint::SoftirqExit => Decoder::SoftirqExit(field(&["vec"])?),
            Tracepoint::InterruptEntry => {
                Decoder::InterruptEntry { irq: field(&["irq"])?, name: field(&["name"])? }
            }
            Tracepoint::InterruptExit => Decoder::InterruptExit { irq: field(&["irq"])? },
            Tracepoint::Switch => {
                Decoder::Switch { prev_state: field(&["prev_state"])?, next_tid: field(&["next_pid"])? }
            }
            Tracepoint::Waking | Tracepoint::Wakeup | Tracepoint::WakeupNew => {
                Decoder::Waking { tid: field(&["pid"])?, cpu: field(&["target_cpu"])? }
            }
            Tracepoint::AnySystemCallEnter => {
                let arguments = Arguments::of_array(&field(&["args"])?);
                Decoder::SystemCallEnter { number: field(&["id"])?, arguments }
            }
            Tracepoint::AnySystemCallExit => {
                Decoder::SystemCallExit { number: field(&["id"])?, result: field(&["ret"])? }
            }
            Tracepoint::OneSystemCallEnter => {
                let number = field(SYSTEM_CALL_NUMBER)?;
                let is_after = |field: &&Field| field.offset > number.offset && field.size == 8;
                let arguments = format.fields.iter().filter(is_after).take(Arguments::MOST);
                let arguments = Arguments::of_fields(arguments.cloned().collect());
                Decoder::SystemCallEnter { number, arguments }
            }
            Tracepoint::OneSystemCallExit => {
                Decoder::SystemCallExit { number: field(SYSTEM_CALL_NUMBER)?, result: field(&["ret"])? }
            }
            Tracepoint::NapiPoll => Decoder::NapiPoll { work: field(&["work"])?, budget: field(&["budget"]) },
            Tracepoint::NetifReceive | Tracepoint::GroReceive => {
                Decoder::Packet { device: field(&["name", "dev_name"])?, bytes: field(&["len"])? }
            }
            // A probe has the fields that its user chose. That it fired is all that matters.
            Tracepoint::IcmpEchoProbe => return None,
        })
    }

    /// The fields that are decoded and cannot contain text. The six arguments of a system call are
    /// left out: the registers of those that it does not take may hold text.
    fn fields(&self) -> Vec<&Field> {
        match self {
            Decoder::SoftirqRaise(vector) | Decoder::SoftirqEntry(vector) | Decoder::SoftirqExit(vector) => {
                vec![vector]
            }
            Decoder::InterruptEntry { irq, name } => vec![irq, name],
            Decoder::InterruptExit { irq } => vec![irq],
            Decoder::Switch { prev_state, next_tid } => vec![prev_state, next_tid],
            Decoder::Waking { tid, cpu } => vec![tid, cpu],
            Decoder::SystemCallEnter { number, .. } => vec![number],
            Decoder::SystemCallExit { number, result } => vec![number, result],
            Decoder::NapiPoll { work, budget } => budget.iter().chain([work]).collect(),
            Decoder::Packet { device, bytes } => vec![device, bytes],
            Decoder::Other => Vec::new(),
        }
    }

    #[inline(always)]
    fn read<'a>(&self, payload: &'a [u8], order: ByteOrder) -> Option<RawTrace<'a>> {
        let payload = Payload { bytes: payload, order };
        Some(match self {
            Decoder::SoftirqRaise(vector) => {
                RawTrace::Known(TraceKind::SoftirqRaise(payload.softirq(vector)?))
            }
            Decoder::SoftirqEntry(vector) => {
                RawTrace::Known(TraceKind::SoftirqEntry(payload.softirq(vector)?))
            }
            Decoder::SoftirqExit(vector) => RawTrace::Known(TraceKind::SoftirqExit(payload.softirq(vector)?)),
            Decoder::InterruptEntry { irq, name } => {
                RawTrace::InterruptEntry { irq: payload.small(irq)?, name: payload.text(name)? }
            }
            Decoder::InterruptExit { irq } => {
                RawTrace::Known(TraceKind::InterruptExit { irq: payload.small(irq)? })
            }
            Decoder::Switch { prev_state, next_tid } => RawTrace::Switch {
                next_tid: payload.small(next_tid)?,
                why: leave_reason(payload.number(prev_state)?),
            },
            Decoder::Waking { tid, cpu } => {
                RawTrace::Waking { tid: payload.small(tid)?, cpu: payload.small(cpu)? as u32 }
            }
            Decoder::SystemCallEnter { number, arguments } => RawTrace::SystemCallEnter {
                number: payload.small(number)?,
                arguments: arguments.read(payload.bytes, order)?,
            },
            Decoder::SystemCallExit { number, result } => RawTrace::Known(TraceKind::SystemCallExit {
                number: payload.small(number)?,
                result: payload.number(result)?,
            }),
            Decoder::NapiPoll { work, budget } => {
                let budget = match budget {
                    Some(budget) => payload.small(budget)?,
                    None => 0,
                };
                RawTrace::Known(TraceKind::NapiPoll { work: payload.small(work)?, budget })
            }
            Decoder::Packet { device, bytes } => {
                RawTrace::Packet { device: payload.text(device)?, bytes: payload.small(bytes)? as u32 }
            }
            Decoder::Other => RawTrace::Known(TraceKind::Other),
        })
    }
}

/// The payload of a record. Each field is read inline: the decoder is called for each record, and
/// is one loop with what takes its result.
struct Payload<'a> {
    bytes: &'a [u8],
    order: ByteOrder,
}

impl<'a> Payload<'a> {
    #[inline(always)]
    fn number(&self, field: &Field) -> Option<i64> {
        field.number(self.bytes, self.order)
    }

    /// The lowest 32 bits of a number.
    #[inline(always)]
    fn small(&self, field: &Field) -> Option<i32> {
        Some(self.number(field)? as i32)
    }

    #[inline(always)]
    fn softirq(&self, field: &Field) -> Option<Softirq> {
        softirq(self.number(field)?)
    }

    #[inline(always)]
    fn text(&self, field: &Field) -> Option<&'a [u8]> {
        field.bytes(self.bytes, self.order)
    }
}

/// The kernel's names for the number of a system call in `syscalls:*`
/// (kernel/trace/trace_syscalls.c; `nr` before 4.14).
const SYSTEM_CALL_NUMBER: &[&str] = &["__syscall_nr", "nr"];

/// The softirq with this number (`vec`).
pub(super) fn softirq(vector: i64) -> Option<Softirq> {
    Softirq::ALL.get(usize::try_from(vector).ok()?).copied()
}

/// Why a task with this state left the CPU. It cannot run if any of the lowest eight bits is set
/// (TASK_REPORT and TASK_REPORT_IDLE, include/linux/sched.h). A higher bit says that a runnable
/// task was preempted.
///
/// Since 4.14 one bit is set. Before, the state was a set: 0x82 was a D that a fatal signal ends,
/// and 0x40 was dead, which since then is parked.
// Not inlined: the decoder of all tracepoints stays small enough to be inlined itself.
#[inline(never)]
fn leave_reason(prev_state: i64) -> LeaveReason {
    const INTERRUPTIBLE: i64 = 0x1;
    const UNINTERRUPTIBLE: i64 = 0x2;
    /// By a signal, and by a debugger.
    const STOPPED: i64 = 0x4 | 0x8;
    /// EXIT_DEAD and EXIT_ZOMBIE.
    const ENDED: i64 = 0x10 | 0x20;
    /// A kernel thread that waits for work, and is not counted as load.
    const IDLE: i64 = 0x80;
    let has = |bits: i64| prev_state & bits != 0;
    let sleep = match () {
        () if !has(0xff) => return LeaveReason::Runnable,
        () if has(ENDED) => Sleep::Ended,
        () if has(UNINTERRUPTIBLE) => Sleep::Uninterruptible,
        () if has(INTERRUPTIBLE) => Sleep::Interruptible,
        () if has(STOPPED) => Sleep::Stopped,
        () if has(IDLE) => Sleep::Interruptible,
        () => Sleep::Unknown,
    };
    LeaveReason::Asleep(sleep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::tracing_data::Storage;

    fn field(name: &str, offset: usize, size: usize) -> Field {
        Field { name: name.to_owned(), offset, size, is_signed: true, storage: Storage::Inline }
    }

    fn read(system: &str, name: &str, fields: &[Field], payload: &[u8]) -> Option<RawTrace<'static>> {
        let format = Format { system: system.to_owned(), name: name.to_owned(), fields: fields.to_vec() };
        let decoder = Decoder::new(&format).unwrap_or(Decoder::Other);
        match decoder.read(payload, ByteOrder::Little)? {
            RawTrace::Packet { .. } | RawTrace::InterruptEntry { .. } => None,
            RawTrace::Known(kind) => Some(RawTrace::Known(kind)),
            RawTrace::Switch { next_tid, why } => Some(RawTrace::Switch { next_tid, why }),
            RawTrace::Waking { tid, cpu } => Some(RawTrace::Waking { tid, cpu }),
            RawTrace::SystemCallEnter { number, arguments } => {
                Some(RawTrace::SystemCallEnter { number, arguments })
            }
        }
    }

    #[test]
    fn payloads_become_what_happened() {
        let vec = [field("vec", 8, 4)];
        let payload = |value: u8| [&[0; 8][..], &[value, 0, 0, 0]].concat();
        let raise = |value| read("irq", "softirq_raise", &vec, &payload(value));
        assert_eq!(raise(3), Some(RawTrace::Known(TraceKind::SoftirqRaise(Softirq::NetRx))));
        assert_eq!(raise(200), None);
        assert_eq!(read("irq", "softirq_raise", &vec, &[0; 11]), None);
        assert_eq!(read("irq", "tasklet_entry", &vec, &payload(3)), Some(RawTrace::Known(TraceKind::Other)));
        assert_eq!(read("irq", "softirq_raise", &[], &payload(3)), Some(RawTrace::Known(TraceKind::Other)));
    }

    #[test]
    fn arguments_of_system_calls_as_far_as_they_go() {
        let fields = [field("__syscall_nr", 8, 4), field("fd", 16, 8), field("buf", 24, 8)];
        let mut payload = vec![0; 32];
        (payload[8], payload[16], payload[24]) = (5, 7, 9);
        let enter = RawTrace::SystemCallEnter { number: 5, arguments: [7, 9, 0, 0, 0, 0] };
        assert_eq!(read("syscalls", "sys_enter_read", &fields, &payload), Some(enter));
        // With a hole between them.
        let fields = [field("nr", 0, 4), field("fd", 8, 8), field("mode", 20, 2), field("buf", 24, 8)];
        let enter = RawTrace::SystemCallEnter { number: 0, arguments: [5, 9, 0, 0, 0, 0] };
        assert_eq!(read("syscalls", "sys_enter_read", &fields, &payload), Some(enter));
        for length in 0..payload.len() {
            assert_eq!(read("syscalls", "sys_enter_read", &fields, &payload[..length]), None);
        }
        let far = [field("nr", 0, 4), field("fd", usize::MAX - 7, 8)];
        assert_eq!(read("syscalls", "sys_enter_read", &far, &payload), None);
        let fields = [field("id", 8, 8), field("args", 16, 48)];
        payload.resize(64, 0);
        payload[56] = 1;
        let enter = RawTrace::SystemCallEnter { number: 5, arguments: [7, 9, 0, 0, 0, 1] };
        assert_eq!(read("raw_syscalls", "sys_enter", &fields, &payload), Some(enter));
    }

    #[test]
    fn who_was_preempted_could_have_gone_on() {
        for (prev_state, why) in [
            (0, LeaveReason::Runnable),
            (0x100, LeaveReason::Runnable),
            (1, LeaveReason::Asleep(Sleep::Interruptible)),
            (2, LeaveReason::Asleep(Sleep::Uninterruptible)),
            (0x402, LeaveReason::Asleep(Sleep::Uninterruptible)),
            (0x82, LeaveReason::Asleep(Sleep::Uninterruptible)),
            (8, LeaveReason::Asleep(Sleep::Stopped)),
            (0x10, LeaveReason::Asleep(Sleep::Ended)),
            (0x20, LeaveReason::Asleep(Sleep::Ended)),
            (0x40, LeaveReason::Asleep(Sleep::Unknown)),
            (0x80, LeaveReason::Asleep(Sleep::Interruptible)),
            (i64::MIN, LeaveReason::Runnable),
            (-1, LeaveReason::Asleep(Sleep::Ended)),
        ] {
            assert_eq!(leave_reason(prev_state), why, "{prev_state:#x}");
        }
    }
}
