//! Units: what a culprit may or may not stall. Where kernels are asked for, a unit is a node with
//! one kernel, so that a node is two of them after an upgrade; else it is a node.

use hashbrown::{DefaultHashBuilder, HashMap};

use super::facts::{Facts, Stalled};
use super::result::Attribute;
use super::status::Status;

/// What was observed for less than this part of the median says nothing.
const SHORT: u64 = 10;

/// All units that can be judged, and how many have each attribute.
pub(super) struct Units {
    by_kernel: bool,
    units: Vec<Unit>,
    by_key: HashMap<(usize, Option<usize>), usize, DefaultHashBuilder>,
    /// For each attribute, by position, how many units have it.
    pub with: Vec<u64>,
}

/// A node, with one kernel or with all.
#[derive(Default)]
pub(super) struct Unit {
    /// What it has, by position, each once.
    pub attributes: Vec<usize>,
    has_kernel: bool,
    has_arch: bool,
    is_judged: bool,
    /// How long it was observed, in ns.
    observed_ns: u64,
}

impl Unit {
    /// Whether it is known if it has such an attribute. Who has not recorded a kernel has one all
    /// the same; who has no label has none.
    pub fn tells(&self, attribute: &Attribute) -> bool {
        match attribute {
            Attribute::Kernel(_) => self.has_kernel,
            Attribute::Arch(_) => self.has_arch,
            Attribute::Label(..) => true,
        }
    }
}

impl Units {
    /// The units of all recordings, `by_kernel` or not. One can be judged if it stalled, or would
    /// have been seen to.
    ///
    /// It must have been observed long enough, too: where a culprit stalls a node now and then, one
    /// that was looked at for an hour and not for days has not yet shown that it is spared.
    pub fn new(facts: &Facts, stalls: &[Stalled], by_kernel: bool) -> Units {
        let mut all = Units { by_kernel, units: Vec::new(), by_key: HashMap::default(), with: Vec::new() };
        let mut unit_of = vec![0; facts.recordings.len()];
        for (number, recorded) in facts.counting() {
            let kernel = recorded.kernel.filter(|_| by_kernel);
            let at = *all.by_key.entry((recorded.node, kernel)).or_insert(all.units.len());
            if at == all.units.len() {
                all.units.push(Unit::default());
            }
            unit_of[number] = at;
            let unit = &mut all.units[at];
            unit.attributes.extend(recorded.kernel.iter().chain(&recorded.arch).chain(&recorded.labels));
            unit.has_kernel |= recorded.kernel.is_some();
            unit.has_arch |= recorded.arch.is_some();
            unit.is_judged |= recorded.status != Status::Unknown;
            unit.observed_ns = unit.observed_ns.saturating_add(recorded.duration_ns);
        }
        stalls.iter().for_each(|stall| all.units[unit_of[stall.recording as usize]].is_judged = true);
        let mut observed_ns: Vec<u64> =
            all.units.iter().filter(|unit| unit.is_judged).map(|unit| unit.observed_ns).collect();
        observed_ns.sort_unstable();
        let least_ns = observed_ns.get(observed_ns.len() / 2).map_or(0, |median_ns| median_ns / SHORT);
        all.units.iter_mut().for_each(|unit| unit.is_judged &= unit.observed_ns >= least_ns);
        all.with = vec![0; facts.attributes.len()];
        for unit in &mut all.units {
            unit.attributes.sort_unstable();
            unit.attributes.dedup();
            if unit.is_judged {
                unit.attributes.iter().for_each(|attribute| all.with[*attribute] += 1);
            }
        }
        all
    }

    /// The units that can be judged and that these stalls are of, each once.
    pub fn of(&self, facts: &Facts, stalls: &[Stalled]) -> Vec<usize> {
        let key = |stall: &Stalled| {
            let recorded = facts.of(stall);
            (recorded.node, recorded.kernel.filter(|_| self.by_kernel))
        };
        let mut units: Vec<usize> = stalls
            .chunk_by(|one, other| key(one) == key(other))
            .map(|same| self.by_key[&key(&same[0])])
            .filter(|at| self.units[*at].is_judged)
            .collect();
        units.sort_unstable();
        units.dedup();
        units
    }

    /// The unit at a position.
    pub fn get(&self, at: usize) -> &Unit {
        &self.units[at]
    }

    /// How many units tell whether they have an attribute.
    pub fn telling(&self, attribute: &Attribute) -> u64 {
        self.units.iter().filter(|unit| unit.is_judged && unit.tells(attribute)).count() as u64
    }
}
