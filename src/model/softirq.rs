//! Softirqs: the kernel's deferred work of interrupts.

/// The softirqs, in the kernel's order (include/linux/interrupt.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Softirq {
    /// High-priority tasklets.
    Hi,
    /// Timers.
    Timer,
    /// Packets sent.
    NetTx,
    /// Packets received.
    NetRx,
    /// Block devices.
    Block,
    /// Interrupt polling.
    IrqPoll,
    /// Tasklets.
    Tasklet,
    /// The scheduler's load balancing.
    Sched,
    /// High-resolution timers.
    Hrtimer,
    /// Read-copy-update callbacks.
    Rcu,
}

impl Softirq {
    /// All of them.
    pub const ALL: [Softirq; 10] = [
        Softirq::Hi,
        Softirq::Timer,
        Softirq::NetTx,
        Softirq::NetRx,
        Softirq::Block,
        Softirq::IrqPoll,
        Softirq::Tasklet,
        Softirq::Sched,
        Softirq::Hrtimer,
        Softirq::Rcu,
    ];

    /// The name as `/proc/softirqs` has it, in lower case: `net_rx`.
    pub fn name(self) -> &'static str {
        match self {
            Softirq::Hi => "hi",
            Softirq::Timer => "timer",
            Softirq::NetTx => "net_tx",
            Softirq::NetRx => "net_rx",
            Softirq::Block => "block",
            Softirq::IrqPoll => "irq_poll",
            Softirq::Tasklet => "tasklet",
            Softirq::Sched => "sched",
            Softirq::Hrtimer => "hrtimer",
            Softirq::Rcu => "rcu",
        }
    }
}
