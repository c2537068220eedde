//! Options: which packets, and how long a gap.

use crate::analyses::selection::Selection;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The event that is recorded for each packet; by default a probe on `icmp_echo`, else
    /// `net:netif_receive_skb`, else `net:napi_gro_receive_entry`.
    pub event: Option<String>,
    /// Packets after a gap of at least this, in ns, may be a backlog.
    pub gap_ns: u64,
    /// Which packets to list.
    pub selection: Selection,
}
