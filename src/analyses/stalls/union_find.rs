//! A disjoint-set forest over the numbers from 0: a union-find with path halving.

/// Sets of the numbers from 0 up, at first one set for each number.
pub(super) struct UnionFind {
    /// For each number, a number of the same set that is not larger; the root of a set has itself.
    parents: Vec<usize>,
}

impl UnionFind {
    /// `count` numbers, each in a set of its own.
    pub fn new(count: usize) -> UnionFind {
        UnionFind { parents: (0..count).collect() }
    }

    /// The smallest number in the set of `number`.
    pub fn find_root(&mut self, mut number: usize) -> usize {
        while self.parents[number] != number {
            // Path halving: every other number on the way gets its grandparent as its parent.
            self.parents[number] = self.parents[self.parents[number]];
            number = self.parents[number];
        }
        number
    }

    /// Makes one set of the sets of `a` and `b`.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find_root(a), self.find_root(b));
        self.parents[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_smallest_number_of_its_set() {
        let mut sets = UnionFind::new(8);
        for (a, b) in [(6, 7), (5, 6), (2, 7), (3, 4), (4, 3)] {
            sets.join(a, b);
        }
        let roots: Vec<usize> = (0..8).map(|number| sets.find_root(number)).collect();
        assert_eq!(roots, [0, 1, 2, 3, 3, 2, 2, 2]);
    }
}
