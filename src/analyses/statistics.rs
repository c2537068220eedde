//! Statistics: Fisher's exact test, one-sided and stratified.

/// One stratum's 2×2 table: windows and baseline windows, and in how many of each the path was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Windows before a trigger.
    pub windows: u64,
    /// Those that the path fills.
    pub windows_with: u64,
    /// Windows elsewhere on the same CPU.
    pub baseline: u64,
    /// Those that the path fills.
    pub baseline_with: u64,
}

/// The probability of at least as many windows with the path as were seen, if windows were drawn at random from all windows
/// of the same stratum: Fisher's exact test, one-sided. With several strata (CPUs) the counts add up, each drawn within its own
/// stratum, so that a path that lives on the CPU with most triggers is not found guilty for living there.
pub fn fisher_stratified(tables: &[Table]) -> f64 {
    let seen: u64 = tables.iter().map(|table| table.windows_with).sum();
    let mut distribution = vec![1.0];
    for table in tables {
        distribution = convolve(&distribution, &hypergeometric(table));
    }
    let tail: f64 = distribution.iter().skip(seen as usize).sum();
    tail.clamp(0.0, 1.0)
}

/// For each number k of windows with the path, its probability given the table's margins.
fn hypergeometric(table: &Table) -> Vec<f64> {
    let with = table.windows_with + table.baseline_with;
    let all = table.windows + table.baseline;
    let most = with.min(table.windows);
    let ln_factorials = ln_factorials(all);
    let ln_choose = |n: u64, k: u64| {
        let (n, k) = (n as usize, k as usize);
        ln_factorials[n] - ln_factorials[k] - ln_factorials[n - k]
    };
    let total = ln_choose(all, table.windows);
    let probability = |k: u64| {
        let is_possible = table.windows - k <= all - with;
        if !is_possible {
            return 0.0;
        }
        (ln_choose(with, k) + ln_choose(all - with, table.windows - k) - total).exp()
    };
    (0..=most).map(probability).collect()
}

fn ln_factorials(most: u64) -> Vec<f64> {
    let mut sum = 0.0;
    let rest = (1..=most).map(|n| {
        sum += (n as f64).ln();
        sum
    });
    std::iter::once(0.0).chain(rest).collect()
}

fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            sums[i + j] += x * y;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(windows_with: u64, windows: u64, baseline_with: u64, baseline: u64) -> Table {
        Table { windows, windows_with, baseline, baseline_with }
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected, "{found} is not {expected}");
    }

    #[test]
    fn the_lady_tasting_tea() {
        // Fisher's own example: 8 cups, 4 with milk first, all found: 1 of 70; 3 found: 17 of 70.
        assert_close(fisher_stratified(&[table(4, 4, 0, 4)]), 1.0 / 70.0);
        assert_close(fisher_stratified(&[table(3, 4, 1, 4)]), 17.0 / 70.0);
    }

    #[test]
    fn no_evidence_is_no_evidence() {
        assert_close(fisher_stratified(&[]), 1.0);
        assert_close(fisher_stratified(&[table(0, 0, 0, 0)]), 1.0);
        assert_close(fisher_stratified(&[table(5, 5, 0, 0)]), 1.0);
        assert_close(fisher_stratified(&[table(0, 5, 3, 9)]), 1.0);
        assert_close(fisher_stratified(&[table(10, 10, 50, 50)]), 1.0);
    }

    #[test]
    fn a_path_that_lives_on_the_busiest_cpu_is_not_guilty_of_it() {
        let busy = table(100, 100, 10, 10);
        let quiet = table(0, 1, 0, 600);
        let pooled = table(100, 101, 10, 610);
        assert!(fisher_stratified(&[pooled]) < 1e-50);
        assert_close(fisher_stratified(&[busy, quiet]), 1.0);
    }

    #[test]
    fn strata_add_up() {
        // Two strata of 2 windows each, one of them drawn: both hits by chance 1 of 4.
        let one = table(1, 1, 0, 1);
        assert_close(fisher_stratified(&[one, one]), 0.25);
    }
}
