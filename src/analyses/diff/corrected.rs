//! P-values of several tests, corrected for their number by Holm's method (1979): the probability
//! that any of them tells by chance stays what it is for one.

/// What tells: a p-value below this.
pub(super) const LEVEL: f64 = 0.05;

/// The corrected p-values, in the same order.
pub(super) fn corrected(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
    let mut corrected = vec![1.0; p_values.len()];
    let mut most = 0.0f64;
    for (done, at) in order.into_iter().enumerate() {
        let tests = (p_values.len() - done) as f64;
        most = most.max((p_values[at] * tests).min(1.0));
        corrected[at] = most;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_counts_for_all_and_the_largest_for_one() {
        assert_eq!(corrected(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
        assert_eq!(corrected(&[0.5, 0.9]), [1.0, 1.0]);
        assert_eq!(corrected(&[0.04]), [0.04]);
        assert!(corrected(&[]).is_empty());
    }
}
