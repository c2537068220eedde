//! Events of fixtures: lines such as `cpu0 12.345 node_exporter sys_enter:read(3)` beside those of samples.
//!
//! The fields are CPU, seconds, comm (with `@TID` as for samples) and what happened; a stack may follow it after a space.
//!
//! | what | meaning |
//! | --- | --- |
//! | `sys_enter:NAME(1,0x2)`, `sys_exit:NAME=RESULT` | a system call of x86-64; of `NAME` a number is one without a name |
//! | `switch:COMM=S` | the tracepoint: the CPU goes to COMM; the state of the one before, `R` if it could go on |
//! | `in`, `out=R` | switch records of one thread |
//! | `record:COMM=S` | a switch record that tells the other |
//! | `waking:COMM`, `waking:COMM>1` | COMM is told to run, on this CPU or on CPU 1 |
//! | `raise:net_rx`, `entry:net_rx`, `exit:net_rx` | softirqs |
//! | `irq_entry:NAME`, `irq_exit:NAME` | interrupts; the number is 1 |
//! | `napi_poll:WORK/BUDGET` | a poll |
//! | `packet:DEVICE(BYTES)`, `gro:DEVICE(BYTES)` | `net:netif_receive_skb`, `net:napi_gro_receive_entry` |
//! | `event:NAME` | another event, `probe:icmp_echo` say |

use stallgraph::kernel;
use stallgraph::model::{
    Event, EventId, Left, NameId, Recording, Softirq, SystemCall, TaskId, Trace, TraceKind, Tracepoint,
};

/// The words with which an event's field begins.
const WORDS: [&str; 16] = [
    "sys_enter",
    "sys_exit",
    "switch",
    "in",
    "out",
    "record",
    "waking",
    "raise",
    "entry",
    "exit",
    "irq_entry",
    "irq_exit",
    "napi_poll",
    "packet",
    "gro",
    "event",
];

/// The word and what follows it, if this is an event and no stack.
pub fn split(what: &str) -> Option<(&str, &str)> {
    let end = what.find([':', '=']).unwrap_or(what.len());
    let (word, rest) = what.split_at(end);
    WORDS.contains(&word).then(|| (word, rest.get(1..).unwrap_or_default()))
}

/// What happened, and by which event. `task` finds a task by its comm.
pub fn kind(
    recording: &mut Recording,
    trace: &mut Trace,
    cpu: u32,
    word: &str,
    rest: &str,
    task: impl FnOnce(&mut Recording, &str) -> TaskId,
) -> (TraceKind, Option<EventId>) {
    let softirq = || Softirq::ALL.into_iter().find(|softirq| softirq.name() == rest).expect("a softirq");
    let (kind, event) = match word {
        "sys_enter" => {
            let (name, list) = bracketed(rest);
            let number = system_call(recording, name);
            let mut arguments = [0; 6];
            let values = list.split(',').filter(|text| !text.is_empty()).map(integer);
            arguments.iter_mut().zip(values).for_each(|(argument, value)| *argument = value as u64);
            trace.arguments.push(arguments);
            let arguments = trace.arguments.len() as u32 - 1;
            (TraceKind::SystemCallEnter { number, arguments }, "raw_syscalls:sys_enter")
        }
        "sys_exit" => {
            let (name, result) = rest.split_once('=').unwrap_or((rest, "0"));
            let (number, result) = (system_call(recording, name), integer(result));
            (TraceKind::SystemCallExit { number, result }, "raw_syscalls:sys_exit")
        }
        "switch" | "record" => {
            let (next, why) = rest.rsplit_once('=').expect("COMM=STATE");
            let (next, why) = (task(recording, next), left(why));
            (TraceKind::Switch { next, why }, if word == "switch" { "sched:sched_switch" } else { "" })
        }
        "in" => (TraceKind::SwitchIn, ""),
        "out" => (TraceKind::SwitchOut { why: left(rest) }, ""),
        "waking" => {
            let (comm, cpu) = match rest.split_once('>') {
                Some((comm, cpu)) => (comm, integer(cpu) as u32),
                None => (rest, cpu),
            };
            (TraceKind::Waking { task: task(recording, comm), cpu }, "sched:sched_waking")
        }
        "raise" => (TraceKind::SoftirqRaise(softirq()), "irq:softirq_raise"),
        "entry" => (TraceKind::SoftirqEntry(softirq()), "irq:softirq_entry"),
        "exit" => (TraceKind::SoftirqExit(softirq()), "irq:softirq_exit"),
        "irq_entry" => {
            let name = recording.names.intern(rest);
            (TraceKind::InterruptEntry { irq: 1, name }, "irq:irq_handler_entry")
        }
        "irq_exit" => (TraceKind::InterruptExit { irq: 1 }, "irq:irq_handler_exit"),
        "napi_poll" => {
            let (work, budget) = rest.split_once('/').expect("WORK/BUDGET");
            let (work, budget) = (integer(work) as i32, integer(budget) as i32);
            (TraceKind::NapiPoll { work, budget }, "napi:napi_poll")
        }
        "packet" | "gro" => {
            let (device, bytes) = bracketed(rest);
            let device: NameId = recording.names.intern(device);
            let event = if word == "packet" { "net:netif_receive_skb" } else { "net:napi_gro_receive_entry" };
            (TraceKind::Packet { device, bytes: integer(bytes) as u32 }, event)
        }
        "event" => (TraceKind::Other, rest),
        _ => panic!("not an event of a fixture: {word}"),
    };
    (kind, (!event.is_empty()).then(|| event_id(recording, event)))
}

/// The event of this name, which is added if it is new. The first is the sampling event's.
fn event_id(recording: &mut Recording, name: &str) -> EventId {
    let events = &mut recording.about.events;
    if events.is_empty() {
        events.push(Event::default());
    }
    let known = events.iter().position(|event| event.name == name);
    let at = known.unwrap_or_else(|| {
        let complete = Event { has_time: true, has_cpu: true, period: Some(1), ..Event::default() };
        let tracepoint = Tracepoint::of_event(name);
        events.push(Event { name: name.to_owned(), is_tracepoint: true, tracepoint, ..complete });
        events.len() - 1
    });
    events[at].records += 1;
    EventId::from_index(at)
}

fn system_call(recording: &mut Recording, name: &str) -> i32 {
    let by_name = (0..1000).find(|number| kernel::system_call_by_number("x86_64", *number) == Some(name));
    let number = by_name.unwrap_or_else(|| integer(name) as i32);
    let name = if by_name.is_some() { name.to_owned() } else { format!("system call {number}") };
    let role = kernel::system_call_role(&name);
    let name = recording.names.intern(&name);
    recording.system_calls.insert(number, SystemCall { name, role });
    number
}

/// `NAME` and what the brackets of `NAME(…)` hold.
fn bracketed(text: &str) -> (&str, &str) {
    text.strip_suffix(')').and_then(|text| text.split_once('(')).unwrap_or((text, ""))
}

fn integer(text: &str) -> i64 {
    let text = text.trim();
    let value = text.strip_prefix("0x").map(|hex| i64::from_str_radix(hex, 16));
    value.unwrap_or_else(|| text.parse()).expect("an integer")
}

fn left(state: &str) -> Left {
    if state.starts_with('R') { Left::Runnable } else { Left::Asleep }
}
