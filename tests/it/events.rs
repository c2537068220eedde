//! Events: tracepoints and switch records of a real recording, compared with what `perf script
//! --show-switch-events` prints.

use std::collections::BTreeMap;

use crate::support;
use stallgraph::load::{self, Options, Sources};
use stallgraph::model::{LeaveReason, Recording, Sleep, Softirq, TraceEvent, TraceKind};

fn load(name: &str) -> Recording {
    let file = support::Recording::open(name);
    let sources = Sources { disabled: true, ..Sources::default() };
    let options = Options { sources, events: true, ..Options::default() };
    load::load(&file.file, &options, &|_, _, _| {}).expect("it loads")
}

fn word(kind: TraceKind) -> &'static str {
    match kind {
        TraceKind::SoftirqRaise(_) => "softirq_raise",
        TraceKind::SoftirqEntry(_) => "softirq_entry",
        TraceKind::SoftirqExit(_) => "softirq_exit",
        TraceKind::InterruptEntry { .. } => "irq_handler_entry",
        TraceKind::InterruptExit { .. } => "irq_handler_exit",
        TraceKind::Switch { .. } => "switch",
        TraceKind::SwitchIn => "in",
        TraceKind::SwitchOut { .. } => "out",
        TraceKind::Waking { .. } => "waking",
        TraceKind::SystemCallEnter { .. } => "sys_enter",
        TraceKind::SystemCallExit { .. } => "sys_exit",
        TraceKind::NapiPoll { .. } => "napi_poll",
        TraceKind::Packet { .. } => "packet",
        TraceKind::Other => "other",
        kind => panic!("no word for {kind:?}"),
    }
}

#[test]
fn every_record_of_evidence_is_decoded() {
    let recording = load("evidence");
    let timeline = recording.timeline(1).expect("CPU 1");
    let events = &timeline.trace.events;
    let mut counts: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for event in events {
        *counts.entry((word(event.kind), event.event.is_some())).or_default() += 1;
    }
    // Lines of `perf script --show-switch-events -F event,trace` of this file, perf 6.1.
    let expected = [
        (("in", false), 1741),
        (("napi_poll", true), 8642),
        (("packet", true), 14010),
        (("softirq_entry", true), 9199),
        (("softirq_exit", true), 9199),
        (("softirq_raise", true), 9287),
        (("switch", false), 1740),
        (("switch", true), 1736),
        (("sys_enter", true), 2845),
        (("sys_exit", true), 2846),
        (("waking", true), 7517),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
    assert!(events.is_sorted_by_key(|event| event.time_ns));
    assert_eq!(recording.timelines.len(), 1);
}

#[test]
fn the_fields_are_those_that_perf_prints() {
    let recording = load("evidence");
    let trace = &recording.timeline(1).expect("CPU 1").trace;
    let at = |time_ns: u64| -> &TraceEvent { &trace.between(time_ns, time_ns + 1)[0] };

    // raw_syscalls:sys_enter: NR 8 (3, 7a1200, 0, 0, 1999999999999999, 0)
    let enter = at(4_077_947_881_067);
    assert_eq!(recording.comm(enter.task), "node_exporter");
    let TraceKind::SystemCallEnter { number: 8, arguments } = enter.kind else { panic!("{enter:?}") };
    assert_eq!(trace.arguments.get(arguments), Some([3, 0x7a1200, 0, 0, 0x1999_9999_9999_9999, 0]));
    assert_eq!(recording.name(recording.system_calls[&8].name), "lseek");
    // raw_syscalls:sys_exit: NR 8 = 8000000
    let exit = at(4_078_060_746_292).kind;
    assert_eq!(exit, TraceKind::SystemCallExit { number: 8, result: 8_000_000 });

    // sched:sched_switch: prev_comm=node_exporter … prev_state=R ==> next_comm=envoy
    let switch = at(4_078_060_752_674);
    let TraceKind::Switch { next, why: LeaveReason::Runnable } = switch.kind else { panic!("{switch:?}") };
    assert_eq!((recording.comm(switch.task), recording.comm(next)), ("node_exporter", "envoy"));
    assert!(!recording.functions_root_first(switch.stack).is_empty(), "it was recorded with -g");
    // prev_state=S
    let asleep = at(4_078_060_843_404).kind;
    assert!(
        matches!(asleep, TraceKind::Switch { why: LeaveReason::Asleep(Sleep::Interruptible), .. }),
        "{asleep:?}"
    );
    // PERF_RECORD_SWITCH_CPU_WIDE OUT preempt  next pid/tid: 21018/21018
    let record = at(4_078_060_759_317).kind;
    assert!(
        matches!(record, TraceKind::Switch { why: LeaveReason::Runnable, next: to } if to == next),
        "{record:?}"
    );

    // irq:softirq_raise: vec=3 [action=NET_RX]
    assert_eq!(at(4_076_466_246_233).kind, TraceKind::SoftirqRaise(Softirq::NetRx));
    // net:netif_receive_skb: dev=v1 skbaddr=… len=28
    let TraceKind::Packet { device, bytes: 28 } = at(4_076_610_712_931).kind else { panic!("a packet") };
    assert_eq!(recording.name(device), "v1");
    // napi:napi_poll: … work 4 budget 4
    assert_eq!(at(4_076_610_775_909).kind, TraceKind::NapiPoll { work: 4, budget: 4 });
    // sched:sched_waking: comm=ksoftirqd/1 pid=22 prio=120 target_cpu=001
    let TraceKind::Waking { task, cpu: 1 } = at(4_076_610_805_264).kind else { panic!("a waking") };
    assert_eq!(recording.comm(task), "ksoftirqd/1");
}

#[test]
fn each_event_says_whether_all_of_it_was_recorded() {
    let recording = load("evidence");
    assert!(recording.about.events.iter().all(|event| event.is_complete() == event.is_tracepoint));
}
