//! Culprits: who held the CPUs during stalls, and for how long.

use rustc_hash::FxHashMap;

use crate::analyses::causes::{self, KnownCause};
use crate::analyses::contexts::Owner;
use crate::analyses::stalls::{Holder, Stall};
use crate::model::{NameId, Recording};

use super::result::CpuCulprit;

/// What the stalls of one culprit have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    cpu: u32,
    holder: Holder<NameId>,
    owner: Option<Owner>,
    system_call: Option<NameId>,
}

/// The culprits of these stalls. Tasks with one comm, in one system call, on one CPU count as one
/// culprit.
pub(super) fn culprits(recording: &Recording, stalls: &[&Stall]) -> Vec<CpuCulprit> {
    let mut positions: FxHashMap<Key, usize> = FxHashMap::default();
    let mut culprits: Vec<CpuCulprit> = Vec::new();
    let mut causes: Vec<Vec<&Vec<KnownCause>>> = Vec::new();
    for stall in stalls {
        let Some(culprit) = &stall.culprit else { continue };
        let traced = culprit.call.map(|call| call.name);
        let (owner, system_call) = match &culprit.path {
            Some(path) if path.owner == Owner::SystemCall => (Some(path.owner), path.system_call.or(traced)),
            Some(path) if path.owner == Owner::Unknown && traced.is_some() => {
                (Some(Owner::SystemCall), traced)
            }
            Some(path) => (Some(path.owner), None),
            None => (traced.map(|_| Owner::SystemCall), traced),
        };
        let (cpu, holder) = (stall.cpu, culprit.holder_by_comm(recording));
        let key = Key { cpu, holder, owner, system_call };
        let position = *positions.entry(key).or_insert_with(|| {
            culprits.push(CpuCulprit {
                cpu,
                holder,
                owner,
                system_call,
                stalls: 0,
                stalled_ns: 0,
                longest_ns: 0,
                function: None,
                causes: Vec::new(),
            });
            causes.push(Vec::new());
            culprits.len() - 1
        });
        let sum = &mut culprits[position];
        sum.stalls += 1;
        causes[position].push(&stall.causes);
        if stall.duration_ns() >= sum.longest_ns {
            sum.longest_ns = stall.duration_ns();
            sum.function = culprit.path.as_ref().and_then(|path| path.function);
        }
        sum.stalled_ns = sum.stalled_ns.saturating_add(stall.duration_ns());
    }
    for (culprit, causes) in culprits.iter_mut().zip(causes) {
        culprit.causes = causes::common(causes.into_iter());
    }
    let comm = |culprit: &CpuCulprit| culprit.holder.task().map_or("", |comm| recording.name(comm));
    culprits.sort_by(|a, b| {
        (b.stalled_ns.cmp(&a.stalled_ns)).then(a.cpu.cmp(&b.cpu)).then_with(|| comm(a).cmp(comm(b)))
    });
    culprits
}
