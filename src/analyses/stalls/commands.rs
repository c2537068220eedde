//! The commands that are recommended. Each event has its own terms, because `-F` and `-g` on the
//! command line would make the tracepoints sampled and slow. perf 5.10 to 7.2 take all of them.

/// How many samples a second they ask for.
pub(super) const FREQUENCY_HZ: u64 = 999;

/// The command that is recommended: samples, switches, and the cheapest exact witnesses. These are
/// the raise and the entry of NET_RX (3 in include/linux/interrupt.h), which show each wait of
/// received packets, and the wake-ups of ksoftirqd. A filter holds for the event before it, and the
/// kernel applies it before anything is recorded.
pub const RECORD: [&str; 5] = [
    "perf record -C CPU -k CLOCK_MONOTONIC --all-cgroups --switch-events",
    "-m 4M -e cpu-clock/freq=999,call-graph=fp/",
    "-e irq:softirq_raise --filter vec==3",
    "-e irq:softirq_entry --filter vec==3",
    "-e sched:sched_waking --filter 'comm~\"ksoftirqd/*\"' -- sleep 10",
];

/// The command that records all witnesses.
///
/// perf's own system calls are left out, because on the recorded CPU each of perf's writes would
/// itself be recorded.
pub const RECORD_ALL: [&str; 6] = [
    "perf record -C CPU -k CLOCK_MONOTONIC --all-cgroups --switch-events",
    "-m 4M -e cpu-clock/freq=999,call-graph=fp/",
    "-e irq:softirq_raise,irq:softirq_entry,irq:softirq_exit",
    "-e raw_syscalls:sys_enter,raw_syscalls:sys_exit --exclude-perf",
    "-e sched:sched_waking,napi:napi_poll,net:netif_receive_skb",
    "-- sleep 10",
];
