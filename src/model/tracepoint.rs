//! Tracepoints: the events whose records an analysis understands, by their names in the kernel.

/// An event whose records an analysis understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tracepoint {
    /// `irq:softirq_raise`: a softirq was raised.
    SoftirqRaise,
    /// `irq:softirq_entry`: the action of a softirq began.
    SoftirqEntry,
    /// `irq:softirq_exit`: the action of a softirq returned.
    SoftirqExit,
    /// `irq:irq_handler_entry`: the handler of an interrupt began.
    InterruptEntry,
    /// `irq:irq_handler_exit`: the handler of an interrupt returned.
    InterruptExit,
    /// `sched:sched_switch`: the CPU went from one task to another.
    Switch,
    /// `sched:sched_waking`: a task is about to be woken.
    Waking,
    /// `sched:sched_wakeup`: a task was woken.
    Wakeup,
    /// `sched:sched_wakeup_new`: a task was woken for the first time.
    WakeupNew,
    /// `raw_syscalls:sys_enter`: any system call began.
    AnySystemCallEnter,
    /// `raw_syscalls:sys_exit`: any system call returned.
    AnySystemCallExit,
    /// `syscalls:sys_enter_NAME`: one system call began.
    OneSystemCallEnter,
    /// `syscalls:sys_exit_NAME`: one system call returned.
    OneSystemCallExit,
    /// `napi:napi_poll`: a driver was polled for packets.
    NapiPoll,
    /// `net:netif_receive_skb`: a packet was received.
    NetifReceive,
    /// `net:napi_gro_receive_entry`: a packet was handed to generic receive offload.
    GroReceive,
    /// `probe:icmp_echo*`: a probe on the kernel function that answers pings.
    IcmpEchoProbe,
}

impl Tracepoint {
    /// The tracepoints with one name each.
    const NAMES: [(&str, Tracepoint); 14] = [
        ("irq:softirq_raise", Tracepoint::SoftirqRaise),
        ("irq:softirq_entry", Tracepoint::SoftirqEntry),
        ("irq:softirq_exit", Tracepoint::SoftirqExit),
        ("irq:irq_handler_entry", Tracepoint::InterruptEntry),
        ("irq:irq_handler_exit", Tracepoint::InterruptExit),
        ("sched:sched_switch", Tracepoint::Switch),
        ("sched:sched_waking", Tracepoint::Waking),
        ("sched:sched_wakeup", Tracepoint::Wakeup),
        ("sched:sched_wakeup_new", Tracepoint::WakeupNew),
        ("raw_syscalls:sys_enter", Tracepoint::AnySystemCallEnter),
        ("raw_syscalls:sys_exit", Tracepoint::AnySystemCallExit),
        ("napi:napi_poll", Tracepoint::NapiPoll),
        ("net:netif_receive_skb", Tracepoint::NetifReceive),
        ("net:napi_gro_receive_entry", Tracepoint::GroReceive),
    ];

    /// The tracepoint that perf calls `event`, modifiers such as `/call-graph=no/` aside; `None` if
    /// no analysis understands it.
    pub fn of_event(event: &str) -> Option<Tracepoint> {
        let is_modifier = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'));
        let name = event.split(is_modifier).next().unwrap_or(event);
        let by_name = Tracepoint::NAMES.iter().find(|(of_kernel, _)| *of_kernel == name);
        by_name.map(|(_, tracepoint)| *tracepoint).or_else(|| Tracepoint::of_family(name))
    }

    /// The tracepoint of a name that belongs to a family of names.
    fn of_family(name: &str) -> Option<Tracepoint> {
        if name.starts_with("syscalls:sys_enter_") {
            Some(Tracepoint::OneSystemCallEnter)
        } else if name.starts_with("syscalls:sys_exit_") {
            Some(Tracepoint::OneSystemCallExit)
        } else if name.starts_with("probe:icmp_echo") && !name.ends_with("__return") {
            Some(Tracepoint::IcmpEchoProbe)
        } else {
            None
        }
    }

    /// Whether it reports that a system call began.
    pub(crate) fn is_system_call_enter(self) -> bool {
        matches!(self, Tracepoint::AnySystemCallEnter | Tracepoint::OneSystemCallEnter)
    }

    /// Whether it reports that a thread got or left a CPU, was woken, or called the system.
    pub(crate) fn shows_threads(self) -> bool {
        matches!(self, Tracepoint::Switch | Tracepoint::Waking | Tracepoint::Wakeup | Tracepoint::WakeupNew)
            || self.is_system_call_enter()
            || self.is_system_call_exit()
    }

    /// Whether it reports that a system call returned.
    pub(crate) fn is_system_call_exit(self) -> bool {
        matches!(self, Tracepoint::AnySystemCallExit | Tracepoint::OneSystemCallExit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_tell_tracepoints() {
        for (event, tracepoint) in [
            ("irq:softirq_raise", Some(Tracepoint::SoftirqRaise)),
            ("irq:softirq_raise/call-graph=no/", Some(Tracepoint::SoftirqRaise)),
            ("irq:softirq_raised", None),
            ("syscalls:sys_enter_read", Some(Tracepoint::OneSystemCallEnter)),
            ("syscalls:sys_exit_read", Some(Tracepoint::OneSystemCallExit)),
            ("probe:icmp_echo", Some(Tracepoint::IcmpEchoProbe)),
            ("probe:icmp_echo__return", None),
            ("cycles", None),
            ("", None),
        ] {
            assert_eq!(Tracepoint::of_event(event), tracepoint, "{event}");
        }
    }
}
