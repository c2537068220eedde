//! The scenes that the tests of stalls share, and what they ask of a result.

use crate::support::fixture::every_ms;
use stallgraph::analyses::stalls::{self, Options, Stall, Stalls};
use stallgraph::model::Recording;

pub(super) const LSEEK: &str =
    "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_lseek;seq_lseek;traverse";
pub(super) const RX: &str =
    "work_[u];asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action";

pub(super) fn find(recording: &Recording) -> Stalls {
    stalls::find(recording, &Options::default())
}

/// Busy in user space; one sample in four sees a packet.
pub(super) fn traffic(range: std::ops::Range<u64>) -> String {
    let mut text = String::new();
    for ms in range {
        text += &every_ms(0, ms..ms + 1, "envoy", if ms % 4 == 0 { RX } else { "work_[u]" });
    }
    text
}

/// Softirqs raised every ms and entered at once.
pub(super) fn served(range: std::ops::Range<u64>) -> String {
    let each = |ms: u64| {
        let at = |us: u64| format!("{}.{:06}", ms / 1000, ms % 1000 * 1000 + us);
        format!(
            "cpu0 {} envoy raise:net_rx\ncpu0 {} envoy entry:net_rx\ncpu0 {} envoy packet:eth0(60)\ncpu0 {} envoy exit:net_rx\n",
            at(100),
            at(102),
            at(110),
            at(120)
        )
    };
    range.map(each).collect()
}

pub(super) fn ms(stall: &Stall) -> (u64, u64) {
    ((stall.start_ns + 500_000) / 1_000_000, (stall.end_ns + 500_000) / 1_000_000)
}

pub(super) fn kinds(stall: &Stall) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = stall.evidence.iter().map(|evidence| evidence.kind.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

pub(super) fn culprit_name<'r>(recording: &'r Recording, stall: &Stall) -> &'r str {
    recording.comm(stall.culprit.as_ref().expect("a culprit").on_cpu)
}

#[track_caller]
pub(super) fn only(stalls: &Stalls) -> &Stall {
    let [stall] = &stalls.stalls[..] else { panic!("one stall, not {:#?}", stalls.stalls) };
    stall
}

/// A visit of `agent` from one time to another, in ms; one sample in `step` hits a softirq.
pub(super) fn interrupted_visit(range: std::ops::Range<u64>, step: u64) -> String {
    let nested =
        format!("{LSEEK};asm_sysvec_call_function_single;__irq_exit_rcu;handle_softirqs;net_rx_action");
    let stack = |ms: u64| if ms % step == step / 2 { nested.as_str() } else { LSEEK };
    range.map(|ms| every_ms(0, ms..ms + 1, "agent", stack(ms))).collect()
}
