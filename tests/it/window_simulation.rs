//! How often `window` is right on random recordings: under no connection its p-values must be as
//! rare as they say, and a culprit must be found. The figures of `docs/verdict.md` are from here:
//!
//! ```sh
//! cargo test --test it window_simulation -- --ignored --nocapture
//! ```

use crate::support::Dice;
use crate::support::fixture::{RX, recording};
use stallgraph::analyses::windows::{self, Among, Options, Ranked, Verdict, Windows};
use stallgraph::model::{CgroupId, Detail, Details, EventId, Recording, Sample};

const SECONDS: u64 = 10;
const MS: u64 = 1_000_000;
/// Recordings for each rate.
const RECORDINGS: u64 = 400;
/// Runs of ksoftirqd that have nothing to do with what ran before, per second.
const RATES: [f64; 6] = [0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
const CALL: &str = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_";
/// Tasks that have nothing to do with ksoftirqd: the call, its mean length and the mean of the time
/// in user space after it, in ms.
const BYSTANDERS: [(&str, f64, f64); 6] = [
    ("nginx epoll_wait;ep_poll", 0.5, 4.0),
    ("sh execve;do_exit", 4.0, 8.0),
    ("redis write;tcp_sendmsg", 2.0, 1.0),
    ("agent read;seq_read;show", 30.0, 5.0),
    ("backup fsync;ext4_sync", 120.0, 20.0),
    ("cron clone;copy_page_range", 60.0, 300.0),
];
const CULPRIT: &str = "cadvisor read;seq_read;memcg_stat_show";

/// A node with one CPU.
struct Node {
    dice: Dice,
    template: Recording,
    samples: Vec<Sample>,
    now_ns: u64,
}

/// What a sample of the template shows.
#[derive(Clone, Copy)]
enum Work {
    Idle,
    User(usize),
    Call(usize),
    Culprit,
    Receiving,
    Rcu,
}

impl Work {
    /// The index of its sample in the template.
    fn index(self) -> usize {
        match self {
            Work::Idle => 0,
            Work::User(task) => 1 + 2 * task,
            Work::Call(task) => 2 + 2 * task,
            Work::Culprit => 1 + 2 * BYSTANDERS.len(),
            Work::Receiving => 2 + 2 * BYSTANDERS.len(),
            Work::Rcu => 3 + 2 * BYSTANDERS.len(),
        }
    }
}

/// A recording with one sample of each work.
fn template() -> Recording {
    let mut lines = vec![format!("swapper {}", crate::support::fixture::IDLE)];
    let mut call = |text: &str, with_user: bool| {
        let (comm, path) = text.split_once(' ').expect("COMM CALL");
        if with_user {
            lines.push(format!("{comm} main_[u]"));
        }
        lines.push(format!("{comm} {CALL}{path}"));
    };
    BYSTANDERS.iter().for_each(|(text, ..)| call(text, true));
    call(CULPRIT, false);
    lines.push(format!("ksoftirqd/0 {RX}"));
    lines.push(format!("ksoftirqd/0 {}", RX.replace("net_rx_action", "rcu_core")));
    let numbered = (1..).zip(lines);
    recording(&numbered.map(|(ms, line)| format!("cpu0 0.{ms:03} {line}\n")).collect::<String>())
}

impl Node {
    fn new(seed: u64) -> Node {
        Node { dice: Dice::new(seed), template: template(), samples: Vec::new(), now_ns: 0 }
    }

    /// A share from 0 to 1.
    fn share(&mut self) -> f64 {
        (self.dice.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30)
    }

    /// A time that is exponentially distributed, in ns.
    fn time_ns(&mut self, mean_ms: f64) -> u64 {
        (-self.share().ln() * mean_ms * MS as f64) as u64
    }

    /// The CPU does this until `end_ns`.
    fn work(&mut self, work: Work, end_ns: u64) {
        let sample = self.template.timelines[0].samples[work.index()];
        let first = self.now_ns.div_ceil(MS);
        let moments = (first..).map(|ms| ms * MS).take_while(|&time_ns| time_ns < end_ns);
        self.samples.extend(moments.map(|time_ns| Sample { time_ns, ..sample }));
        self.now_ns = end_ns.max(self.now_ns);
    }

    /// Bystanders take turns for this long, interrupted by ksoftirqd `rate` times a second.
    fn ordinary(&mut self, length_ns: u64, rate: f64) {
        let end_ns = self.now_ns + length_ns;
        let mut next_ns = self.now_ns + self.time_ns(1000.0 / rate);
        while self.now_ns < end_ns {
            let task = self.dice.below(BYSTANDERS.len() + 1);
            let turns = match BYSTANDERS.get(task) {
                Some(&(_, call_ms, user_ms)) => {
                    vec![(Work::Call(task), call_ms), (Work::User(task), user_ms)]
                }
                None => vec![(Work::Idle, 10.0)],
            };
            for (work, mean_ms) in turns {
                let until_ns = (self.now_ns + self.time_ns(mean_ms)).min(end_ns);
                while self.now_ns < until_ns {
                    self.work(work, until_ns.min(next_ns));
                    if self.now_ns == next_ns {
                        let served = if self.dice.below(3) == 0 { Work::Receiving } else { Work::Rcu };
                        let length_ns = MS + self.time_ns(1.0);
                        self.work(served, self.now_ns + length_ns);
                        next_ns = self.now_ns + self.time_ns(1000.0 / rate);
                    }
                }
            }
        }
    }

    /// The culprit holds the CPU for this long; then packets are received.
    fn stall(&mut self, length_ns: u64) {
        self.work(Work::Culprit, self.now_ns + length_ns);
        let backlog_ns = 2 * MS + length_ns / 10;
        self.work(Work::Receiving, self.now_ns + backlog_ns);
    }

    fn windows(mut self) -> (Recording, Windows) {
        let timeline = &mut self.template.timelines[0];
        let detail = Detail { period: MS, cgroup: CgroupId::NONE, event: EventId(0) };
        timeline.details = Details::default();
        self.samples.iter().for_each(|_| timeline.details.push(detail));
        timeline.samples = self.samples;
        (self.template.about.start_ns, self.template.about.end_ns) = (0, self.now_ns);
        let windows = windows::find(&self.template, &Options::default());
        (self.template, windows)
    }
}

fn seed(rate: f64, number: u64) -> u64 {
    let mut dice = Dice::new(1 + number + ((rate * 1000.0) as u64) * 1_000_003);
    (0..8).for_each(|_| {
        dice.number();
    });
    dice.number()
}

/// The smallest p-value among the paths that are ranked first.
fn least_p(windows: &Windows) -> f64 {
    let is_first = |among| among != Among::Others;
    let first = windows.ranking.iter().filter(|ranked| is_first(ranked.compared.among));
    first.map(|ranked| ranked.p_value).fold(1.0, f64::min)
}

#[test]
#[ignore = "a simulation: minutes, and figures for the documentation"]
fn p_values_are_as_rare_as_they_say() {
    println!("rate/s  p<0.05  p<0.05, others  verdict culprit   (no connection, {RECORDINGS} recordings)");
    for rate in RATES {
        let (mut below, mut below_others, mut culprits) = (0, 0, 0);
        for number in 0..RECORDINGS {
            let mut node = Node::new(seed(rate, number));
            node.ordinary(SECONDS * 1000 * MS, rate);
            let (_, windows) = node.windows();
            below += u64::from(least_p(&windows) < 0.05);
            let others = windows.ranking.iter().filter(|ranked| ranked.compared.among == Among::Others);
            below_others += u64::from(others.map(|ranked| ranked.p_value).fold(1.0, f64::min) < 0.05);
            let top = windows.ranking.first();
            culprits += u64::from(top.is_some_and(|top| top.verdict == Verdict::Culprit));
        }
        let share = |count: u64| count as f64 / RECORDINGS as f64;
        println!("{rate:6}  {:6.3}  {:14.3}  {:15.3}", share(below), share(below_others), share(culprits));
        // Three standard deviations above 5 %.
        let limit = 0.05 + 3.0 * (0.05 * 0.95 / RECORDINGS as f64).sqrt();
        assert!(share(below) <= limit, "{} of {RECORDINGS} at {rate}/s", below);
    }
}

#[test]
#[ignore = "a simulation: minutes, and figures for the documentation"]
fn culprits_come_first() {
    const LENGTHS_MS: [u64; 5] = [30, 60, 100, 150, 300];
    const STALLS: u64 = 5;
    println!("culprit first / with verdict culprit, {STALLS} stalls in {SECONDS} s");
    println!("rate/s  {}", LENGTHS_MS.map(|length| format!("{length:>6} ms  ")).concat());
    for rate in RATES {
        let mut row = format!("{rate:6}  ");
        for length_ms in LENGTHS_MS {
            let (mut first, mut culprits) = (0, 0);
            for number in 0..RECORDINGS / 4 {
                let mut node = Node::new(seed(rate, number + length_ms * 10_007));
                for _ in 0..STALLS {
                    let before_ns = node.dice.within(500 * MS..1500 * MS);
                    node.ordinary(before_ns, rate);
                    let length_ns = node.dice.within(length_ms * MS * 7 / 10..length_ms * MS * 13 / 10);
                    node.stall(length_ns);
                }
                let rest_ns = (SECONDS * 1000 * MS).saturating_sub(node.now_ns);
                node.ordinary(rest_ns, rate);
                let (recording, windows) = node.windows();
                let is_culprit =
                    |top: &&Ranked| top.holder.task().is_some_and(|comm| recording.name(comm) == "cadvisor");
                let top = windows.ranking.first().filter(is_culprit);
                first += u64::from(top.is_some());
                culprits += u64::from(top.is_some_and(|top| top.verdict == Verdict::Culprit));
            }
            let share = |count: u64| count as f64 / (RECORDINGS / 4) as f64;
            row += &format!("{:.2}/{:.2}  ", share(first), share(culprits));
        }
        println!("{row}");
    }
}
