//! Groups: a culprit that stalls again and again is told once, and then counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long stalls of one culprit are counted after the one that was told.
pub const COUNTED: Duration = Duration::from_secs(60);
/// No more culprits are counted at a time: anybody can call a process as he likes.
const MOST: usize = 1000;

/// The culprits that were told in the last minute, by their names.
#[derive(Default)]
pub struct Groups {
    open: BTreeMap<String, Group>,
}

/// The stalls of one culprit after the one that was told.
struct Group {
    since: Instant,
    counted: Counted,
}

/// How many stalls of one culprit there were after the one that was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub stalls: u64,
    pub total_ns: u64,
    pub longest_ns: u64,
}

impl Groups {
    /// Adds a stall of this length. Returns whether it is to be told: if not, it is counted.
    pub fn add(&mut self, culprit: &str, length_ns: u64, now: Instant) -> bool {
        if let Some(group) = self.open.get_mut(culprit) {
            let counted = &mut group.counted;
            counted.stalls += 1;
            counted.total_ns = counted.total_ns.saturating_add(length_ns);
            counted.longest_ns = counted.longest_ns.max(length_ns);
            return false;
        }
        if self.open.len() < MOST {
            self.open.insert(culprit.to_owned(), Group { since: now, counted: Counted::default() });
        }
        true
    }

    /// The culprits whose minute is over, with what was counted of each.
    pub fn over(&mut self, now: Instant) -> Vec<(String, Counted)> {
        let is_over = |group: &Group| now.saturating_duration_since(group.since) >= COUNTED;
        self.take(is_over)
    }

    /// All culprits that were counted.
    pub fn all(&mut self) -> Vec<(String, Counted)> {
        self.take(|_| true)
    }

    fn take(&mut self, is_such: impl Fn(&Group) -> bool) -> Vec<(String, Counted)> {
        let all = std::mem::take(&mut self.open).into_iter();
        let (such, rest): (Vec<_>, Vec<_>) = all.partition(|(_, group)| is_such(group));
        self.open = rest.into_iter().collect();
        let counted = such.into_iter().map(|(culprit, group)| (culprit, group.counted));
        counted.filter(|(_, counted)| counted.stalls > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_culprit_is_told_once_a_minute() {
        let (mut groups, begin) = (Groups::default(), Instant::now());
        assert!(groups.add("a read", 50, begin));
        for _ in 0..99 {
            assert!(!groups.add("a read", 60, begin + COUNTED / 2));
        }
        assert!(groups.add("b", 10, begin + COUNTED / 2));
        let counted = Counted { stalls: 99, total_ns: 99 * 60, longest_ns: 60 };
        assert_eq!(groups.over(begin + COUNTED), [("a read".to_owned(), counted)]);
        assert!(groups.add("a read", 50, begin + COUNTED), "it is told again");
        assert_eq!(groups.all(), []);
    }
}
