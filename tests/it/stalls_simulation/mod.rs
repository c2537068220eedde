//! How often `stalls` and `check` are right on random recordings: CPUs that serve softirqs as the
//! kernel does, recorded as perf does, and read by the program. The figures of `docs/verdict.md`
//! are from here:
//!
//! ```sh
//! cargo test --release --test it stalls_simulation -- --ignored --nocapture
//! ```

mod chance;
mod machine;
mod outcome;
mod recorder;
mod scenario;
mod tables;
mod traffic;
mod works;

use std::ops::Range;

use rayon::prelude::*;

use outcome::{Outcome, simulate};
use scenario::{Scenario, Size};
use tables::{Runs, Table, print};

/// The recordings with these seeds.
fn simulated(seeds: Range<u64>, size: Size) -> Vec<(Scenario, Outcome)> {
    seeds.into_par_iter().map(|seed| simulate(seed, size)).collect()
}

fn of_kind(all: &[(Scenario, Outcome)], is_traced: bool) -> Runs<'_> {
    all.iter().filter(|(scenario, _)| scenario.is_traced == is_traced).collect()
}

/// What must hold, but for so many recordings of a few.
fn assert_is_right(runs: &Runs, few: usize) {
    let Table { false_stalls, wrong, false_healthy, kept, .. } = Table::new(runs);
    assert!(false_stalls.part <= few.max(runs.len() * 3 / 100), "false stalls: {false_stalls}");
    assert!(wrong.part <= few.max(runs.len() / 100), "check is wrong: {wrong}");
    assert!(false_healthy.part <= few.max(runs.len() / 200), "check is healthy: {false_healthy}");
    assert!(kept.share() >= KEPT, "seen as claimed: {kept}");
}

/// The least share of the stalls that are as long as what `check` claims to see, and are reported.
const KEPT: f64 = 0.9;

#[test]
#[ignore = "a simulation: minutes in the release profile, and figures for the documentation"]
fn most_stalls_are_found_and_few_are_false() {
    const SIZE: Size = Size { samples: 60_000.0, least_s: 5.0, most_s: 120.0 };
    let all = simulated(0..2000, SIZE);
    for (is_traced, title) in [(false, "samples"), (true, "softirqs traced")] {
        print(title, &of_kind(&all, is_traced));
    }
    for is_traced in [false, true] {
        assert_is_right(&of_kind(&all, is_traced), 1);
    }
}

#[test]
fn a_few_random_recordings() {
    const SIZE: Size = Size { samples: 4_000.0, least_s: 2.0, most_s: 12.0 };
    let all = simulated(0..60, SIZE);
    let [samples, traced] = [false, true].map(|is_traced| of_kind(&all, is_traced));
    print("samples", &samples);
    print("softirqs traced", &traced);
    assert_is_right(&samples, 1);
    assert_is_right(&traced, 0);
    let [of_samples, of_traced] = [&samples, &traced].map(|runs| Table::new(runs).found);
    assert!(of_samples.part >= 1, "found by samples: {of_samples}");
    assert!(of_traced.all > 0 && of_traced.share() >= 0.98, "found by tracepoints: {of_traced}");
}
