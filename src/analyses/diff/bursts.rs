//! Bursts: whether stalls come one by one, as a Poisson process has them, or several at once.
//!
//! A test of Poisson rates takes ten stalls of one burst for ten witnesses, and they are one. So
//! the busy time is cut into pieces, 2, 4, 8, … of them. If stalls crowd into few pieces by more
//! than chance, their dispersion says how many of them count as one.

use statrs::function::gamma::gamma_ur;

use crate::analyses::statistics::poisson_survival;

/// The time is halved at most so many times.
const HALVINGS: u32 = 12;
/// Pieces are not shorter, in ns: no two stalls begin in less.
const SHORTEST_NS: u64 = 100_000_000;
/// A number of pieces tells of bursts if chance crowds stalls as much with this probability at
/// most.
const LEVEL: f64 = 0.01;

/// How many of the stalls that begin at these times count as one, at least 1: the variance of
/// their numbers in pieces of `whole_ns` as a multiple of the mean, where it is more than chance.
pub(super) fn dispersion(begins_ns: &[u64], whole_ns: u64) -> f64 {
    if begins_ns.len() < 2 {
        return 1.0;
    }
    let scale = f64::from(1u32 << HALVINGS) / whole_ns.max(1) as f64;
    let mut finest: Vec<u64> = begins_ns.iter().map(|begin_ns| (*begin_ns as f64 * scale) as u64).collect();
    finest.sort_unstable();
    let halvings = (1..=HALVINGS).take_while(|halvings| whole_ns >> halvings >= SHORTEST_NS);
    halvings.map(|halvings| in_pieces(&finest, halvings)).fold(1.0, f64::max)
}

/// The dispersion with so many halvings; 1 if chance may explain it. `finest` are the numbers of
/// pieces after all halvings, in ascending order.
fn in_pieces(finest: &[u64], halvings: u32) -> f64 {
    let number = finest.len() as f64;
    let piece = |finest: &u64| finest >> (HALVINGS - halvings);
    let squares: f64 = finest
        .chunk_by(|one, other| piece(one) == piece(other))
        .map(|same| (same.len() * same.len()) as f64)
        .sum();
    let pieces = f64::from(1u32 << halvings);
    let others = pieces - 1.0;
    let chi_squared = squares * pieces / number - number;
    let p_value = if number >= pieces {
        gamma_ur(others / 2.0, (chi_squared / 2.0).max(f64::MIN_POSITIVE))
    } else {
        // Few pieces have any. How many pairs share one is nearly Poisson's.
        let shared = (squares - number) / 2.0;
        poisson_survival(shared as u64, number * (number - 1.0) / 2.0 / pieces)
    };
    if p_value <= LEVEL { (chi_squared / others).max(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    #[test]
    fn a_burst_is_one_witness() {
        let burst: Vec<u64> = (0..6).map(|number| 310 * SECOND_NS + number * 200_000_000).collect();
        let one = dispersion(&burst, 600 * SECOND_NS);
        assert!((5.0..7.0).contains(&one), "{one}");
        // Two of a minute that come within a tenth of a second.
        let pair = dispersion(&[10 * SECOND_NS, 10 * SECOND_NS + 50_000_000], 60 * SECOND_NS);
        assert!((1.9..2.1).contains(&pair), "{pair}");
    }

    #[test]
    fn what_comes_one_by_one_counts() {
        let steady: Vec<u64> = (0..40).map(|number| number * 15 * SECOND_NS).collect();
        assert_eq!(dispersion(&steady, 600 * SECOND_NS), 1.0);
        for few in [&[][..], &[7], &[7, 300 * SECOND_NS]] {
            assert_eq!(dispersion(few, 600 * SECOND_NS), 1.0);
        }
        assert_eq!(dispersion(&[0, 0, 0], 0), 1.0);
    }

    #[test]
    fn a_rate_that_changes_in_the_middle_is_no_rate() {
        let early: Vec<u64> = (0..12).map(|number| number * 20 * SECOND_NS).collect();
        assert!(dispersion(&early, 600 * SECOND_NS) > 4.0);
    }
}
