//! Statistics: Fisher's exact test, one-sided and stratified, and Poisson's distribution.

/// The 2×2 table of one stratum: the numbers of windows and baseline windows, and how many of each
/// the path dominates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Table {
    /// Windows before a trigger.
    pub windows: u64,
    /// The windows among these that the path dominates.
    pub windows_with: u64,
    /// Windows elsewhere on the same CPU.
    pub baseline: u64,
    /// The windows among these that the path dominates.
    pub baseline_with: u64,
}

impl Table {
    /// All windows that the path dominates.
    fn with(&self) -> u64 {
        self.windows_with.saturating_add(self.baseline_with)
    }
}

/// The result of Fisher's exact test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exact {
    /// The p-value.
    pub p_value: f64,
    /// The smallest p-value that these numbers of windows could have: that of the most windows with
    /// the path.
    pub least: f64,
}

/// Fisher's exact test, one-sided and stratified: the probability of at least as many windows with
/// the path as there are, if windows were drawn at random from all windows of the same stratum.
/// Counts of several strata (CPUs) are added, but each is drawn within its own stratum: a path must
/// not look suspicious only because it runs on the CPU with most triggers. A stratum without the
/// path is certain to have none, so it changes nothing and may be left out.
pub fn fisher_exact_stratified(tables: &[Table]) -> Exact {
    let observed: u64 = tables.iter().map(|table| table.windows_with).sum();
    let most = tables.iter().map(|table| table.with().min(table.windows)).sum();
    let certain = Distribution { first: 0, probabilities: vec![1.0] };
    let sum = tables.iter().fold(certain, |sum, table| sum.convolve(&hypergeometric(table)));
    let at_least = |count| sum.survival(count).clamp(LEAST, 1.0);
    Exact { p_value: at_least(observed), least: at_least(most) }
}

/// How many of several tests count when their p-values are corrected: with `tests` that could have
/// been significant at `level` even after a correction for `tests`, no others need to be corrected
/// for, because they never are significant (Tarone 1990). At least 1.
pub fn tests_that_count(results: impl Iterator<Item = Exact>, level: f64) -> f64 {
    let mut least: Vec<f64> = results.map(|exact| exact.least).collect();
    least.sort_unstable_by(f64::total_cmp);
    let could_be = |tests: &usize| least.partition_point(|&p| p <= level / *tests as f64);
    let tests = (1..=least.len()).find(|tests| could_be(tests) <= *tests);
    tests.unwrap_or(1) as f64
}

/// Probabilities below this are reported as this, because the difference does not matter.
const LEAST: f64 = 1e-60;

/// The distribution of a count: the probabilities of `first`, `first + 1`, …. Omitted probabilities
/// are below [`LEAST`].
struct Distribution {
    first: u64,
    probabilities: Vec<f64>,
}

impl Distribution {
    /// The distribution of the sum of two independent counts.
    fn convolve(&self, other: &Distribution) -> Distribution {
        let mut sums = vec![0.0; self.probabilities.len() + other.probabilities.len() - 1];
        for (i, x) in self.probabilities.iter().enumerate() {
            for (j, y) in other.probabilities.iter().enumerate() {
                sums[i + j] += x * y;
            }
        }
        Distribution { first: self.first + other.first, probabilities: sums }.trimmed()
    }

    /// Drops the negligible ends, so that many large tables stay fast.
    fn trimmed(self) -> Distribution {
        let is_relevant = |p: &f64| *p >= LEAST;
        let Some(start) = self.probabilities.iter().position(is_relevant) else {
            return Distribution { first: self.first, probabilities: vec![1.0] };
        };
        let end = self.probabilities.iter().rposition(is_relevant).map_or(start, |last| last + 1);
        Distribution {
            first: self.first + start as u64,
            probabilities: self.probabilities[start..end].to_vec(),
        }
    }

    /// The probability of `count` or more.
    fn survival(&self, count: u64) -> f64 {
        let skip = usize::try_from(count.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.probabilities.iter().skip(skip).sum()
    }
}

/// The hypergeometric distribution of the number of windows with the path, given the table's
/// margins.
fn hypergeometric(table: &Table) -> Distribution {
    let with = table.with();
    let all = table.windows.saturating_add(table.baseline);
    let without = all - with;
    let least = table.windows.saturating_sub(without);
    let most = with.min(table.windows);
    let total = ln_choose(all, table.windows);
    let probability = |k: u64| (ln_choose(with, k) + ln_choose(without, table.windows - k) - total).exp();
    Distribution { first: least, probabilities: (least..=most).map(probability).collect() }.trimmed()
}

/// The logarithm of the binomial coefficient.
fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// The logarithm of n!: by multiplication where that is exact, else by Stirling's series, whose
/// next term is below 1e-14.
fn ln_factorial(n: u64) -> f64 {
    if n <= 20 {
        return ((1..=n).product::<u64>() as f64).ln();
    }
    let x = n as f64;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5))
        - 1.0 / (1680.0 * x.powi(7));
    x * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI * x).ln() + series
}

/// The probability that an event which is expected `mean` times occurs at most `count` times: the
/// cumulative distribution function of Poisson's distribution.
pub fn poisson_cdf(count: u64, mean: f64) -> f64 {
    if mean <= 0.0 {
        return 1.0;
    }
    let mut ln_term = -mean;
    let mut sum = ln_term.exp();
    for number in 1..=count {
        ln_term += (mean / number as f64).ln();
        sum += ln_term.exp();
    }
    sum.min(1.0)
}

/// The probability that an event which is expected `mean` times occurs at least `count` times. For
/// events that each occur once at most, and rarely, this is an upper bound.
pub fn poisson_survival(count: u64, mean: f64) -> f64 {
    if count as f64 <= mean {
        return 1.0 - count.checked_sub(1).map_or(0.0, |fewer| poisson_cdf(fewer, mean));
    }
    if mean <= 0.0 {
        return 0.0;
    }
    let mut ln_term = -mean;
    for number in 1..=count {
        ln_term += (mean / number as f64).ln();
    }
    let (mut term, mut sum, mut number) = (ln_term.exp(), 0.0, count as f64);
    while term > sum * f64::EPSILON {
        sum += term;
        number += 1.0;
        term *= mean / number;
    }
    sum.min(1.0)
}

/// The p-value of independent p-values together, by Fisher's method: the probability that the
/// product of so many is as small, if all are uniform. 1 of none.
pub fn combined(p_values: &[f64]) -> f64 {
    let ln_product: f64 = p_values.iter().map(|p| p.max(LEAST).ln()).sum();
    match p_values.len().checked_sub(1) {
        Some(others) => poisson_cdf(others as u64, -ln_product),
        None => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(windows_with: u64, windows: u64, baseline_with: u64, baseline: u64) -> Table {
        Table { windows, windows_with, baseline, baseline_with }
    }

    fn assert_close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= 1e-9 * expected, "{actual} is not {expected}");
    }

    fn p_value(tables: &[Table]) -> f64 {
        fisher_exact_stratified(tables).p_value
    }

    #[test]
    fn the_lady_tasting_tea() {
        // Fisher's own example, 8 cups, 4 of them with milk first: all are identified with
        // probability 1/70, at least 3 with probability 17/70.
        assert_close(p_value(&[table(4, 4, 0, 4)]), 1.0 / 70.0);
        assert_close(p_value(&[table(3, 4, 1, 4)]), 17.0 / 70.0);
    }

    #[test]
    fn no_evidence_is_no_evidence() {
        assert_close(p_value(&[]), 1.0);
        assert_close(p_value(&[table(0, 0, 0, 0)]), 1.0);
        assert_close(p_value(&[table(5, 5, 0, 0)]), 1.0);
        assert_close(p_value(&[table(0, 5, 3, 9)]), 1.0);
        assert_close(p_value(&[table(10, 10, 50, 50)]), 1.0);
    }

    #[test]
    fn a_path_that_lives_on_the_busiest_cpu_is_not_guilty_of_it() {
        let busy = table(100, 100, 10, 10);
        let quiet = table(0, 1, 0, 600);
        let pooled = table(100, 101, 10, 610);
        assert!(p_value(&[pooled]) < 1e-50);
        assert_close(p_value(&[busy, quiet]), 1.0);
    }

    #[test]
    fn factorials_agree_with_multiplication() {
        let mut ln = 0.0;
        for n in 1..=200u64 {
            ln += (n as f64).ln();
            assert!((ln_factorial(n) - ln).abs() < 1e-11 * ln.max(1.0), "{n}");
        }
        assert_eq!(ln_factorial(0), 0.0);
    }

    #[test]
    fn large_tables_are_affordable() {
        let large = table(60_000, 100_000, 1_000_000_000, 2_000_000_000);
        let p = p_value(&[large; 3]);
        assert!(p == LEAST, "{p}");
    }

    #[test]
    fn strata_add_up() {
        // Two strata of 2 windows each, one of them drawn: both are hits with probability 1/4.
        let one = table(1, 1, 0, 1);
        assert_close(p_value(&[one, one]), 0.25);
    }

    #[test]
    fn strata_without_the_path_change_no_bit() {
        let mut seed = 1u64;
        let mut dice = |sides: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % sides
        };
        for round in 0..2_000 {
            // A CPU's baseline may be cut into as many pieces as years have windows.
            let most = [10, 1_000, 1_000_000, u64::MAX / 4][round % 4];
            let strata = dice(12);
            let mut all: Vec<Table> = Vec::new();
            for _ in 0..strata {
                let (windows, baseline) = (dice(300), dice(most));
                all.push(match dice(3) {
                    0 => table(dice(windows + 1), windows, dice(baseline.min(500) + 1), baseline),
                    1 => table(0, windows, 0, baseline),
                    _ => table(0, dice(2) * most, 0, dice(2) * u64::MAX / 2),
                });
            }
            let with: Vec<Table> = all.iter().copied().filter(|table| table.with() > 0).collect();
            let (of_all, of_with) = (fisher_exact_stratified(&all), fisher_exact_stratified(&with));
            assert_eq!(of_all.p_value.to_bits(), of_with.p_value.to_bits(), "{all:?}");
            assert_eq!(of_all.least.to_bits(), of_with.least.to_bits(), "{all:?}");
        }
    }

    #[test]
    fn tests_that_cannot_be_significant_are_not_corrected_for() {
        let rare = table(1, 5, 0, 15);
        let common = table(5, 5, 0, 15);
        assert_close(fisher_exact_stratified(&[rare]).least, 0.25);
        assert_close(fisher_exact_stratified(&[common]).least, 1.0 / 15_504.0);
        let count = |tables: &[Table]| {
            tests_that_count(tables.iter().map(|one| fisher_exact_stratified(&[*one])), 0.05)
        };
        assert_close(count(&[]), 1.0);
        assert_close(count(&[rare; 9]), 1.0);
        assert_close(count(&[common; 3]), 3.0);
        assert_close(count(&[rare, common, rare, common]), 2.0);
    }

    #[test]
    fn few_where_many_are_expected_are_improbable() {
        let e = std::f64::consts::E;
        for (count, mean, p) in [
            (0, 1.0, 1.0 / e),
            (1, 1.0, 2.0 / e),
            (2, 1.0, 2.5 / e),
            (0, 0.0, 1.0),
            (9, 0.1, 1.0),
            (0, 50.0, (-50.0f64).exp()),
        ] {
            let probability = poisson_cdf(count, mean);
            assert!((probability - p).abs() < 1e-9, "{count} of {mean}: {probability}");
        }
    }
}
