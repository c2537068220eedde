//! The stretches of time that one kind of work fills: the longest ones of which it takes a given
//! share, with none of their beginnings and ends below that share.

use std::ops::Range;

use crate::analyses::shares::Share;

/// Finds these stretches from the pieces of a time, in order.
///
/// Each piece scores by how much more it is filled than the share asks for. The stretches are those
/// of maximal score that Ruzzo and Tompa find in linear time ("A linear time algorithm for finding
/// all maximal scoring subsequences", ISMB 1999).
pub(super) struct Filled {
    share: Share,
    /// The score of all pieces up to the last that is filled.
    score: i128,
    /// The length of all pieces since.
    unfilled_ns: u64,
    candidates: Vec<Candidate>,
}

/// A stretch that may be one of the result, or a part of one.
#[derive(Clone, Debug)]
struct Candidate {
    time: Range<u64>,
    /// The score of all pieces before it.
    before: i128,
    /// The score of all pieces up to its end.
    after: i128,
    /// The last candidate before it that has a lower score before it.
    lower: Option<usize>,
}

impl Filled {
    /// Stretches of which the work takes at least this share.
    pub fn new(share: Share) -> Self {
        Filled { share, score: 0, unfilled_ns: 0, candidates: Vec::new() }
    }

    /// Adds the next piece.
    pub fn add(&mut self, time: Range<u64>, is_filled: bool) {
        let length_ns = time.end - time.start;
        if !is_filled {
            self.unfilled_ns += length_ns;
            return;
        }
        let Share(part, whole) = self.share;
        self.score -= i128::from(std::mem::take(&mut self.unfilled_ns)) * i128::from(part);
        let before = self.score;
        self.score += i128::from(length_ns) * (i128::from(whole) - i128::from(part));
        if self.score > before {
            self.push(time, before);
        }
    }

    /// Adds a candidate that ends at the current score, joined with those before it if together
    /// they score more.
    fn push(&mut self, time: Range<u64>, before: i128) {
        let (mut time, mut before) = (time, before);
        loop {
            let mut lower = self.candidates.len().checked_sub(1);
            while let Some(at) = lower
                && self.candidates[at].before >= before
            {
                lower = self.candidates[at].lower;
            }
            match lower {
                Some(at) if self.candidates[at].after < self.score => {
                    before = self.candidates[at].before;
                    time.start = self.candidates[at].time.start;
                    self.candidates.truncate(at);
                }
                _ => {
                    self.candidates.push(Candidate { time, before, after: self.score, lower });
                    return;
                }
            }
        }
    }

    /// The stretches of at least this length, in order. Neighbours are one if the work takes the
    /// share of both and what lies between them.
    pub fn stretches(self, least_ns: u64) -> Vec<Range<u64>> {
        let mut joined: Vec<Candidate> = Vec::new();
        for next in self.candidates.into_iter().filter(|one| one.time.end - one.time.start >= least_ns) {
            match joined.last_mut() {
                Some(last) if next.after >= last.before => {
                    last.time.end = next.time.end;
                    last.after = next.after;
                }
                _ => joined.push(next),
            }
        }
        joined.into_iter().map(|one| one.time).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The stretches of at least 90 % in pieces of these lengths: filled and not, in turns.
    fn stretches(pieces: &[u64], least: u64) -> Vec<(u64, u64)> {
        let mut filled = Filled::new(Share(9, 10));
        let mut start = 0;
        for (at, length) in pieces.iter().enumerate() {
            filled.add(start..start + length, at % 2 == 0);
            start += length;
        }
        filled.stretches(least).into_iter().map(|time| (time.start, time.end)).collect()
    }

    #[test]
    fn a_stretch_ends_where_its_share_would_fall() {
        assert_eq!(stretches(&[0, 50, 100, 50], 1), [(50, 150)]);
        assert_eq!(stretches(&[100, 5, 100], 1), [(0, 205)], "the gap is worth bridging");
        assert_eq!(stretches(&[100, 12, 20, 12, 100], 50), [(0, 244)], "90 % of the whole");
        assert_eq!(stretches(&[100, 20, 100], 50), [(0, 220)]);
        assert_eq!(stretches(&[100, 30, 100], 50), [(0, 100), (130, 230)]);
        assert_eq!(stretches(&[40, 1, 40], 100), []);
        let nine_in_ten = [9, 1].repeat(100);
        assert!(stretches(&nine_in_ten, 500).is_empty(), "90 % is not more than 90 %");
        let more = [19, 2].repeat(100);
        assert_eq!(stretches(&more, 500), [(0, 2098)]);
        let less = [17, 3].repeat(100);
        assert!(stretches(&less, 500).is_empty());
    }

    #[test]
    fn many_pieces_take_linear_time() {
        let pieces: Vec<u64> = (0..2_000_000u64).map(|at| if at % 2 == 0 { 1 } else { 1 + at % 7 }).collect();
        assert!(stretches(&pieces, 1000).is_empty());
        let growing: Vec<u64> = (0..20_000u64).map(|at| if at % 2 == 0 { 9 * at } else { at }).collect();
        stretches(&growing, 1000);
    }

    #[test]
    fn no_length_overflows() {
        assert_eq!(stretches(&[u64::MAX - 1, 1], 1000), [(0, u64::MAX - 1)]);
    }
}
