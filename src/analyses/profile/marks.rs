//! Marks: which samples lie in a stall or in a window, by the numbers that reports give these.

use std::ops::Range;

use crate::analyses::stalls::Stalls;
use crate::analyses::windows::Windows;
use crate::model::Timeline;

/// What was found in the selected part of a recording; empty if samples do not have their CPU.
#[derive(Clone, Copy, Default)]
pub struct Found<'f> {
    /// The stalls.
    pub stalls: Option<&'f Stalls>,
    /// The windows.
    pub windows: Option<&'f Windows>,
}

/// The stalls and windows of all CPUs, each with its number.
pub(super) struct Marks<'f> {
    /// By CPU, then by start: number, start and end in ns.
    stalls: Vec<(u32, u32, Range<u64>)>,
    /// By CPU, then by start: number, and the indices of its samples.
    windows: Vec<(u32, u32, &'f Range<usize>)>,
}

impl<'f> Marks<'f> {
    pub fn new(found: &Found<'f>) -> Self {
        let stalls = found.stalls.iter().flat_map(|stalls| (1..).zip(&stalls.stalls));
        let mut stalls: Vec<_> =
            stalls.map(|(number, stall)| (stall.cpu, number, stall.start_ns..stall.end_ns)).collect();
        // They are by start already.
        stalls.sort_by_key(|(cpu, ..)| *cpu);
        let episodes = found.windows.iter().flat_map(|windows| (1..).zip(&windows.episodes));
        let mut windows: Vec<_> =
            episodes.map(|(number, episode)| (episode.cpu, number, &episode.window.indices)).collect();
        windows.sort_by_key(|(cpu, ..)| *cpu);
        Marks { stalls, windows }
    }

    /// The stalls of a CPU.
    pub fn stalls(&self, timeline: &Timeline) -> Numbered {
        let of_cpu = of_cpu(&self.stalls, timeline.cpu, |(cpu, ..)| *cpu).iter();
        Numbered::new(of_cpu.map(|(_, number, time)| (*number, timeline.between(time.start, time.end))))
    }

    /// The windows of a CPU.
    pub fn windows(&self, timeline: &Timeline) -> Numbered {
        let of_cpu = of_cpu(&self.windows, timeline.cpu, |(cpu, ..)| *cpu).iter();
        Numbered::new(of_cpu.map(|(_, number, indices)| (*number, (*indices).clone())))
    }
}

/// The part of `marks`, which are by CPU, that is of this CPU.
fn of_cpu<M>(marks: &[M], cpu: u32, cpu_of: impl Fn(&M) -> u32) -> &[M] {
    let start = marks.partition_point(|mark| cpu_of(mark) < cpu);
    let rest = &marks[start..];
    &rest[..rest.partition_point(|mark| cpu_of(mark) == cpu)]
}

/// Stretches of one CPU's samples, each with a number.
pub(super) struct Numbered {
    /// In order and without overlap.
    stretches: Vec<(u32, Range<usize>)>,
    /// How many of them are passed.
    passed: usize,
}

impl Numbered {
    /// From stretches by start. A sample that lies in two belongs to the first.
    fn new(stretches: impl Iterator<Item = (u32, Range<usize>)>) -> Self {
        let mut free_from = 0;
        let stretches = stretches.filter_map(|(number, Range { start, end })| {
            let rest = start.max(free_from)..end;
            free_from = free_from.max(end);
            (!rest.is_empty()).then_some((number, rest))
        });
        Numbered { stretches: stretches.collect(), passed: 0 }
    }

    /// The number of the stretch in which the sample at index `at` lies; 0 if it lies in none.
    /// Indices must not go back from one call to the next.
    #[inline]
    pub fn number(&mut self, at: usize) -> u32 {
        while let Some((number, stretch)) = self.stretches.get(self.passed) {
            if at < stretch.start {
                break;
            }
            if at < stretch.end {
                return *number;
            }
            self.passed += 1;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Numbered;

    #[test]
    fn the_first_of_two_stretches_keeps_what_both_have() {
        let mut numbered = Numbered::new([(7, 2..5), (8, 4..7), (9, 5..6), (10, 9..10)].into_iter());
        let numbers: Vec<u32> = (0..11).map(|at| numbered.number(at)).collect();
        assert_eq!(numbers, [0, 0, 7, 7, 7, 8, 8, 0, 0, 10, 0]);
    }
}
