//! Holders: who held the CPUs during stalls, and for how long.

use rustc_hash::FxHashMap;

use crate::analyses::contexts::Owner;
use crate::analyses::paths::Path;
use crate::analyses::stalls::{Handler, Stall};
use crate::model::{NameId, Recording};

use super::result::Holder;

/// What the stalls of one holder have in common.
#[derive(PartialEq, Eq, Hash)]
struct HolderKey {
    cpu: u32,
    handler: Option<Handler>,
    /// The comm, unless it is a handler: one interrupts tasks of any comm.
    comm: Option<NameId>,
    owner: Option<Owner>,
    system_call: Option<NameId>,
}

/// The holders of the CPUs in these stalls. All tasks of one comm in one system call on one CPU are
/// one holder.
pub(super) fn culprits(recording: &Recording, stalls: &[&Stall]) -> Vec<Holder> {
    let mut positions: FxHashMap<HolderKey, usize> = FxHashMap::default();
    let mut holders: Vec<Holder> = Vec::new();
    for stall in stalls {
        let Some(culprit) = &stall.culprit else { continue };
        let comm = recording.task(culprit.task).comm;
        let traced = culprit.call.map(|call| call.name);
        let (owner, system_call) = match &culprit.path {
            Some(path) if path.owner == Owner::SystemCall => (Some(path.owner), path.system_call.or(traced)),
            Some(path) => (Some(path.owner), None),
            None => (traced.map(|_| Owner::SystemCall), traced),
        };
        let (cpu, handler) = (stall.cpu, culprit.handler);
        let key =
            HolderKey { cpu, handler, comm: Some(comm).filter(|_| handler.is_none()), owner, system_call };
        let position = *positions.entry(key).or_insert_with(|| {
            holders.push(Holder {
                cpu,
                handler,
                comm,
                owner,
                system_call,
                stalls: 0,
                stalled_ns: 0,
                longest_ns: 0,
                function: None,
            });
            holders.len() - 1
        });
        let holder = &mut holders[position];
        holder.stalls += 1;
        if stall.duration_ns() >= holder.longest_ns {
            holder.longest_ns = stall.duration_ns();
            holder.function = culprit.path.as_ref().and_then(Path::function);
        }
        holder.stalled_ns = holder.stalled_ns.saturating_add(stall.duration_ns());
    }
    let name = |holder: &Holder| recording.name(holder.comm);
    holders.sort_by(|a, b| {
        (b.stalled_ns.cmp(&a.stalled_ns)).then(a.cpu.cmp(&b.cpu)).then_with(|| name(a).cmp(name(b)))
    });
    holders
}
