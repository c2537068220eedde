//! The kinds of evidence, and the one table of their properties. A new kind is a variant of
//! [`Kind`] and a row of [`Kind::row`].

use crate::model::Softirq;

/// What a witness observed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A softirq was raised and not served.
    SoftirqWait(Softirq),
    /// ksoftirqd was woken and did not run.
    KsoftirqdWait,
    /// Another thread that serves softirqs or polls for packets was woken and did not run.
    ServerWait,
    /// One task stayed in one path of the kernel, and no sample saw a softirq being served.
    KernelPath {
        /// How many samples hit the task in the path.
        samples: u64,
        /// The probability that this many samples miss the softirqs by chance, times the number of
        /// paths that were tried.
        p_value: f64,
    },
    /// One softirq's action, or one interrupt's handler, did not return.
    Handler {
        /// The softirq; `None` for an interrupt's handler.
        softirq: Option<Softirq>,
    },
    /// No driver was polled for packets, on a CPU that polled steadily before.
    NapiSilence,
    /// No sample was taken although the CPU was busy: interrupts were off.
    SampleHole,
    /// Many packets came at once, after a time without any.
    PacketBurst {
        /// How many packets came at once.
        packets: u64,
    },
}

/// A family of evidence. Two pieces of evidence of one family do not confirm each other, because
/// one cause could make both wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Softirqs,
    Ksoftirqd,
    Samples,
    Handlers,
    /// A machine that stands still leaves a hole in the samples and silences drivers and packets,
    /// as a sender that pauses does.
    Silences,
}

/// The properties of a kind.
struct Row {
    name: &'static str,
    family: Family,
    /// The place among the evidence of a stall: the exact kinds come first.
    rank: u32,
}

impl Kind {
    fn row(&self) -> Row {
        let row = |name, family, rank| Row { name, family, rank };
        match self {
            Kind::SoftirqWait(Softirq::NetRx) => row("softirq_wait", Family::Softirqs, 0),
            Kind::SoftirqWait(_) => row("softirq_wait", Family::Softirqs, 1),
            Kind::KsoftirqdWait => row("ksoftirqd_wait", Family::Ksoftirqd, 2),
            Kind::ServerWait => row("server_wait", Family::Ksoftirqd, 3),
            Kind::Handler { .. } => row("handler", Family::Handlers, 4),
            Kind::KernelPath { .. } => row("kernel_path", Family::Samples, 5),
            Kind::SampleHole => row("sample_hole", Family::Silences, 6),
            Kind::PacketBurst { .. } => row("packet_burst", Family::Silences, 7),
            Kind::NapiSilence => row("napi_silence", Family::Silences, 8),
        }
    }

    /// The word printed for the kind.
    pub fn name(&self) -> &'static str {
        self.row().name
    }

    /// The family of evidence of this kind. Evidence of a handler that is not exact comes from
    /// samples.
    pub(super) fn family(&self, is_exact: bool) -> Family {
        match self {
            Kind::Handler { .. } if !is_exact => Family::Samples,
            _ => self.row().family,
        }
    }

    /// The place among the evidence of a stall: the exact kinds come first.
    pub(super) fn rank(&self) -> u32 {
        self.row().rank
    }

    /// Whether both come from one witness, whatever their numbers: they have the same kind and the
    /// same softirq.
    pub(super) fn is_same_witness(&self, other: &Kind) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.softirq() == other.softirq()
    }

    fn softirq(&self) -> Option<Softirq> {
        match *self {
            Kind::SoftirqWait(softirq) => Some(softirq),
            Kind::Handler { softirq } => softirq,
            _ => None,
        }
    }
}
