//! Witnesses: what a recording could tell of stalls, what it lacks, and what to add to `perf record`.

use crate::model::{Event, Recording, Tracepoint};

use super::result::{Lack, Witness};
use super::traced::Traced;

/// The command that records all witnesses, on the CPU that receives the packets or, with `-a`, on all. Each event has its own terms:
/// `-F` and `-g` on the command line would make the tracepoints sampled, and slow. perf's own system calls are left out: on the
/// recorded CPU each write of the file would be recorded in its turn.
pub const RECORD: [&str; 6] = [
    "perf record -C CPU -k CLOCK_MONOTONIC --switch-events",
    "--all-cgroups -m 4M -e cpu-clock/freq=999,call-graph=fp/",
    "-e irq:softirq_raise,irq:softirq_entry,irq:softirq_exit",
    "-e raw_syscalls:sys_enter,raw_syscalls:sys_exit --exclude-perf",
    "-e sched:sched_waking,napi:napi_poll,net:netif_receive_skb",
    "-- sleep 10",
];

/// What [`RECORD`] costs; `docs/stalls.md` has the measurement.
pub const COST: &str = "59,000 records and 5.4 MB a second, on a CPU that receives 9,000 packets a second";

/// Each witness, and whether `recording` has it.
pub(super) fn of(recording: &Recording, traced: Traced) -> Vec<Witness> {
    let lacks = |tracepoints: &[Tracepoint], is_there: bool| {
        let sampled = || {
            let is_one =
                |event: &&Event| event.tracepoint.is_some_and(|tracepoint| tracepoints.contains(&tracepoint));
            recording.about.events.iter().find(|event| is_one(event) && !event.is_complete())
        };
        match (is_there, sampled()) {
            (true, _) => None,
            (false, Some(event)) => Some(Lack::Sampled(event.name.clone())),
            (false, None) => Some(Lack::NotRecorded),
        }
    };
    let has_samples = recording.tally.samples > 0;
    let has_chains = recording.sampling_event().is_some_and(|event| event.has_callchain);
    let has_cgroups = !recording.cgroups.is_empty();
    let has_clock = recording.about.clock.wall.is_some();
    let recorded = |is_there: bool| (!is_there).then_some(Lack::NotRecorded);
    vec![
        Witness {
            name: "samples",
            tells: "the path that held the CPU",
            lacks: match (has_samples, has_chains) {
                (true, true) => None,
                (true, false) => Some(Lack::NoCallChains),
                (false, _) => Some(Lack::NotRecorded),
            },
            remedy: "-g -e cpu-clock/freq=999/",
        },
        Witness {
            name: "softirqs",
            tells: "how long softirqs waited",
            lacks: lacks(&[Tracepoint::SoftirqRaise, Tracepoint::SoftirqEntry], traced.waits()),
            remedy: "-e irq:softirq_raise/call-graph=no/ -e irq:softirq_entry/call-graph=no/ -e irq:softirq_exit/call-graph=no/",
        },
        Witness {
            name: "switches",
            tells: "which task had the CPU",
            lacks: lacks(&[Tracepoint::Switch], traced.switches()),
            remedy: "--switch-events",
        },
        Witness {
            name: "wakeups",
            tells: "whether ksoftirqd and other tasks waited",
            lacks: lacks(&[Tracepoint::Waking, Tracepoint::Wakeup], traced.wakings()),
            remedy: "-e sched:sched_waking/call-graph=no/",
        },
        Witness {
            name: "system_calls",
            tells: "each system call's begin, end and arguments",
            lacks: lacks(
                &[Tracepoint::AnySystemCallEnter, Tracepoint::AnySystemCallExit],
                traced.system_calls(),
            ),
            remedy: "-e raw_syscalls:sys_enter/call-graph=no/ -e raw_syscalls:sys_exit/call-graph=no/",
        },
        Witness {
            name: "packets",
            tells: "how many packets waited",
            lacks: lacks(&[Tracepoint::NetifReceive, Tracepoint::GroReceive], traced.packets()),
            remedy: "-e net:netif_receive_skb/call-graph=no/ -e napi:napi_poll/call-graph=no/",
        },
        Witness {
            name: "cgroups",
            tells: "the culprit's container and pod",
            lacks: recorded(has_cgroups),
            remedy: "--all-cgroups",
        },
        Witness {
            name: "wall_clock",
            tells: "the time of day, for --at",
            lacks: recorded(has_clock),
            remedy: "-k CLOCK_MONOTONIC",
        },
    ]
}
