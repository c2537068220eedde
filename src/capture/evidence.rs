//! Evidence: which events are recorded.

/// How much evidence of stalls a recording holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// Samples alone.
    Samples,
    /// Samples, switches, and the cheapest exact witnesses: the raise and the entry of NET_RX, and
    /// the wake-ups of the threads that serve softirqs.
    #[default]
    Softirq,
    /// All witnesses.
    Full,
}

/// A tracepoint to record, and the filter that the kernel applies to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracepoint {
    /// `SYSTEM:NAME`.
    pub name: &'static str,
    /// A filter of Documentation/trace/events.rst; empty: all.
    pub filter: &'static str,
}

/// NET_RX is softirq 3 in include/linux/interrupt.h.
const NET_RX: &str = "vec==3";
/// What the names of threads that serve softirqs begin with (`kernel::task_kind`).
pub const SERVERS: [&str; 4] = ["ksoftirqd/", "napi/", "backlog_napi/", "ktimers/"];
/// Those threads. `~` compares with a pattern.
const ANY_SERVER: &str = "comm~\"ksoftirqd/*\"||comm~\"napi/*\"||comm~\"backlog_napi/*\"||comm~\"ktimers/*\"";

const fn all(name: &'static str) -> Tracepoint {
    Tracepoint { name, filter: "" }
}

const SOFTIRQ: [Tracepoint; 3] = [
    Tracepoint { name: "irq:softirq_raise", filter: NET_RX },
    Tracepoint { name: "irq:softirq_entry", filter: NET_RX },
    Tracepoint { name: "sched:sched_waking", filter: ANY_SERVER },
];

const FULL: [Tracepoint; 8] = [
    all("irq:softirq_raise"),
    all("irq:softirq_entry"),
    all("irq:softirq_exit"),
    all("raw_syscalls:sys_enter"),
    all("raw_syscalls:sys_exit"),
    all("sched:sched_waking"),
    all("napi:napi_poll"),
    all("net:netif_receive_skb"),
];

impl Evidence {
    /// The tracepoints of this evidence.
    pub fn tracepoints(self) -> &'static [Tracepoint] {
        match self {
            Evidence::Samples => &[],
            Evidence::Softirq => &SOFTIRQ,
            Evidence::Full => &FULL,
        }
    }

    /// Whether each change of task is recorded.
    pub fn has_switches(self) -> bool {
        self != Evidence::Samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_names_each_server() {
        let each = SERVERS.map(|server| format!("comm~\"{server}*\""));
        assert_eq!(ANY_SERVER, each.join("||"));
    }
}
