//! Tables: what many outcomes say together.

use std::ops::Range;

use stallgraph::analyses::check::Status;
use stallgraph::analyses::stalls::Confidence;

use super::outcome::{Outcome, Truth};
use super::scenario::Scenario;

/// The bounds of lengths, in ms, and of rates, in samples per second that hit softirqs.
const LENGTHS_MS: [f64; 7] = [20.0, 40.0, 60.0, 100.0, 150.0, 250.0, 700.0];
const RATES: [f64; 8] = [0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1000.0];

/// Recordings and what came out of each.
pub type Runs<'r> = Vec<&'r (Scenario, Outcome)>;

/// How many of how many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proportion {
    pub part: usize,
    pub all: usize,
}

impl Proportion {
    pub fn of<T>(all: &[T], is_part: impl Fn(&T) -> bool) -> Proportion {
        Proportion { part: all.iter().filter(|one| is_part(one)).count(), all: all.len() }
    }

    pub fn share(self) -> f64 {
        self.part as f64 / self.all.max(1) as f64
    }
}

impl std::fmt::Display for Proportion {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{:.1} % ({} of {})", 100.0 * self.share(), self.part, self.all)
    }
}

/// What recordings of one kind of evidence show.
pub struct Table {
    /// Recordings with a stall of medium confidence or above where there was none.
    pub false_stalls: Proportion,
    /// CPUs without a stall that have a p-value of at most 0.05, and of at most 0.001.
    pub below: [Proportion; 2],
    /// Recordings of which `check` says what is not so, and those that are healthy though they
    /// stalled.
    pub wrong: Proportion,
    pub false_healthy: Proportion,
    /// Recordings of which `check` says neither.
    pub unknown: Proportion,
    /// Stalls that are reported at medium confidence or above, of all; with any confidence, of
    /// those as long as what is claimed to be seen.
    pub found: Proportion,
    /// The same of those in which a record was lost, which are not among the others.
    pub found_in_loss: Proportion,
    pub kept: Proportion,
}

impl Table {
    pub fn new(runs: &Runs) -> Table {
        let innocent: Vec<f64> =
            runs.iter().flat_map(|(_, outcome)| &outcome.innocent_p_values).copied().collect();
        let (truths, in_loss): (Vec<&Truth>, Vec<&Truth>) =
            truths(runs).into_iter().partition(|truth| truth.is_whole);
        let claimed: Vec<&Truth> = truths.iter().filter(|truth| truth.is_claimed()).copied().collect();
        Table {
            false_stalls: Proportion::of(runs, |(_, outcome)| !outcome.false_stalls.is_empty()),
            below: [0.05, 0.001].map(|limit| Proportion::of(&innocent, |p| *p <= limit)),
            wrong: Proportion::of(runs, |(_, outcome)| outcome.is_wrong()),
            false_healthy: Proportion::of(runs, |(_, outcome)| {
                outcome.is_wrong() && outcome.status == Status::Healthy
            }),
            unknown: Proportion::of(runs, |(_, outcome)| matches!(outcome.status, Status::Unknown(_))),
            found: Proportion::of(&truths, |truth| truth.found >= Some(Confidence::Medium)),
            found_in_loss: Proportion::of(&in_loss, |truth| truth.found >= Some(Confidence::Medium)),
            kept: Proportion::of(&claimed, |truth| truth.found.is_some()),
        }
    }
}

fn truths<'r>(runs: &'r Runs) -> Vec<&'r Truth> {
    runs.iter().flat_map(|(_, outcome)| &outcome.truths).collect()
}

/// Prints all that is known of `runs`.
pub fn print(title: &str, runs: &Runs) {
    let Table { false_stalls, below, wrong, false_healthy, unknown, found, found_in_loss, kept } =
        Table::new(runs);
    println!("\n{title}: {} recordings", runs.len());
    println!("  with a false stall   {false_stalls}");
    println!("  p of at most 0.05    {} of CPUs without a stall", below[0]);
    println!("  p of at most 0.001   {}", below[1]);
    println!("  check is wrong       {wrong}");
    println!("  check healthy, wrong {false_healthy}");
    println!("  check unknown        {unknown}");
    println!("  stalls found         {found}");
    println!("  found with a loss    {found_in_loss}");
    println!("  seen as claimed      {kept}");
    println!("  stalls found (with low confidence too) of all, by length in ms and softirqs in samples/s");
    let header: String = LENGTHS_MS.windows(2).map(|pair| format!("{:>19}", pair[0])).collect();
    println!("  {:>6}{header}", "");
    for pair in RATES.windows(2) {
        let cells: String = LENGTHS_MS
            .windows(2)
            .map(|lengths| cell(&truths(runs), pair[0]..pair[1], lengths[0]..lengths[1]))
            .collect();
        println!("  {:>6}{cells}", pair[0]);
    }
    for (scenario, outcome) in runs {
        complain(scenario, outcome);
    }
}

fn cell(truths: &[&Truth], rates: Range<f64>, lengths_ms: Range<f64>) -> String {
    let is_in = |truth: &&&Truth| {
        rates.contains(&truth.sampled_rate) && lengths_ms.contains(&(truth.length_ns() as f64 / 1e6))
    };
    let of: Vec<&&Truth> = truths.iter().filter(is_in).collect();
    let medium = Proportion::of(&of, |truth| truth.found >= Some(Confidence::Medium)).part;
    let any = Proportion::of(&of, |truth| truth.found.is_some()).part;
    format!("{:>19}", format!("{medium} ({any}) of {}", of.len()))
}

/// Prints what is wrong with a recording.
fn complain(scenario: &Scenario, outcome: &Outcome) {
    let Scenario { seed, hz, clock, plan, is_before_6_5, is_preemptible, has_switches, .. } = scenario;
    let kind = format!(
        "seed {seed}: {plan:?} at {hz} Hz, {clock:?}, before 6.5 {is_before_6_5}, preemptible {is_preemptible}, \
         switches {has_switches}"
    );
    if outcome.is_wrong() {
        println!("  check is wrong: {kind}: {:?}, {} stalls", outcome.status, outcome.truths.len());
    }
    for stall in outcome.false_stalls.iter().take(1) {
        println!(
            "  false stall:    {kind}: CPU {} {:?} {:?}",
            stall.cpu, stall.evidence, scenario.receivers[stall.cpu as usize].pattern
        );
    }
    let unseen = outcome.truths.iter().filter(|truth| truth.is_claimed() && truth.found.is_none());
    for truth in unseen.take(1) {
        let [at_ms, length_ms] = [truth.time.start, truth.length_ns()].map(|ns| ns / 1_000_000);
        println!(
            "  not seen:       {kind}: CPU {} at {at_ms} ms for {length_ms} ms, claim {:?}",
            truth.cpu, truth.claim_ns
        );
    }
}
