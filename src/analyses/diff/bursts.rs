//! Bursts: whether stalls come one by one, as a Poisson process has them, or several at once.
//!
//! A test of Poisson rates takes ten stalls of one burst for ten witnesses, and they are one. So
//! the busy time is cut into pieces, 2, 4, 8, … of them. If stalls crowd into few pieces by more
//! than chance, their dispersion says how many of them count as one.

use statrs::function::gamma::gamma_ur;

use crate::analyses::statistics::poisson_survival;

/// The most pieces.
const MOST_PIECES: u64 = 1 << 12;
/// Pieces are not shorter, in ns: no two stalls begin in less.
const SHORTEST_NS: u64 = 100_000_000;
/// A number of pieces tells of bursts if chance crowds stalls as much with this probability at
/// most.
const LEVEL: f64 = 0.01;

/// How many of the stalls that begin at these times count as one, at least 1: the variance of
/// their numbers in pieces of `whole_ns` as a multiple of the mean, where it is more than chance.
pub(super) fn dispersion(begins_ns: &[u64], whole_ns: u64) -> f64 {
    let numbers_of_pieces = (1..)
        .map(|power| 1u64 << power)
        .take_while(|pieces| *pieces <= MOST_PIECES && whole_ns / pieces >= SHORTEST_NS);
    numbers_of_pieces.map(|pieces| in_pieces(begins_ns, whole_ns, pieces)).fold(1.0, f64::max)
}

/// The dispersion with so many pieces; 1 if chance may explain it.
fn in_pieces(begins_ns: &[u64], whole_ns: u64, pieces: u64) -> f64 {
    let number = begins_ns.len() as f64;
    if begins_ns.len() < 2 {
        return 1.0;
    }
    let piece =
        |begin_ns: &u64| (u128::from(*begin_ns) * u128::from(pieces) / u128::from(whole_ns.max(1))) as u64;
    let mut each: Vec<u64> = begins_ns.iter().map(piece).collect();
    each.sort_unstable();
    let squares: f64 = each.chunk_by(|one, other| one == other).map(|same| (same.len() as f64).powi(2)).sum();
    let (pieces, others) = (pieces as f64, pieces as f64 - 1.0);
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
