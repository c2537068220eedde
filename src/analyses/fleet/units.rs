//! Units: what a culprit may or may not stall. A unit is a node with one kernel, so that a node is
//! two of them after an upgrade.

use hashbrown::{DefaultHashBuilder, HashMap};

use super::facts::{Facts, Stalled};
use super::result::Attribute;
use super::status::Status;

/// All units that can be judged, and how many have each attribute.
pub(super) struct Units {
    units: Vec<Unit>,
    by_key: HashMap<(usize, Option<usize>), usize, DefaultHashBuilder>,
    /// For each attribute, by position, how many units have it.
    pub with: Vec<u64>,
}

/// A node with one kernel.
#[derive(Default)]
pub(super) struct Unit {
    /// What it has, by position, each once.
    pub attributes: Vec<usize>,
    has_kernel: bool,
    has_arch: bool,
    is_judged: bool,
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
    /// The units of all recordings. One can be judged if it stalled, or would have been seen to.
    pub fn new(facts: &Facts, stalls: &[Stalled]) -> Units {
        let mut all = Units { units: Vec::new(), by_key: HashMap::default(), with: Vec::new() };
        let mut unit_of = vec![0; facts.recordings.len()];
        for (number, recorded) in facts.counting() {
            let at = *all.by_key.entry((recorded.node, recorded.kernel)).or_insert(all.units.len());
            if at == all.units.len() {
                all.units.push(Unit::default());
            }
            unit_of[number] = at;
            let unit = &mut all.units[at];
            unit.attributes.extend(recorded.kernel.iter().chain(&recorded.arch).chain(&recorded.labels));
            unit.has_kernel |= recorded.kernel.is_some();
            unit.has_arch |= recorded.arch.is_some();
            unit.is_judged |= recorded.status != Status::Unknown;
        }
        stalls.iter().for_each(|stall| all.units[unit_of[stall.recording as usize]].is_judged = true);
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

    /// The units that these stalls are of, each once.
    pub fn of(&self, facts: &Facts, stalls: &[Stalled]) -> Vec<usize> {
        let key = |stall: &Stalled| {
            let recorded = facts.of(stall);
            (recorded.node, recorded.kernel)
        };
        let mut units: Vec<usize> = stalls
            .chunk_by(|one, other| key(one) == key(other))
            .map(|same| self.by_key[&key(&same[0])])
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
