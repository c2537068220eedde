//! Alarms: cheap signs of a stall, seen while records come. What an alarm means is judged later, by
//! the analysis that judges recordings.

use std::collections::{BTreeMap, VecDeque};

use linux_perf_event_reader::RecordType;
use linux_perf_event_reader::constants::PERF_RECORD_MISC_CPUMODE_MASK;

use super::evidence::SERVERS;
use super::parse::{Origin, Record, records};

/// The softirq of received packets (include/linux/interrupt.h).
const NET_RX: u32 = 3;
/// Set in records of switches away from a task.
const SWITCH_OUT: u16 = 1 << 13;
/// Where such a record has the tid of the next task, after its header and the pid.
const NEXT_TID: usize = 12;
/// The mode of a sample in the kernel.
const KERNEL: u16 = 1;
/// No more threads are taken for servers.
const MOST_SERVERS: usize = 1 << 16;

/// If a wait takes so long, in ns, the record of its end was lost: no longer stall is seen.
pub const LONGEST_NS: u64 = 60_000_000_000;

/// A sign of a stall.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alarm {
    /// Where.
    pub cpu: u32,
    /// Its begin, in ns of CLOCK_MONOTONIC.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
}

/// What the records of a round say.
#[derive(Default)]
pub struct Findings {
    /// When something took too long.
    pub alarms: Vec<Alarm>,
    /// How many records the kernel dropped for want of room.
    pub lost_records: u64,
}

/// What an event tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    Sample,
    /// A softirq was raised or its action began; which one stands at this position of the payload.
    Raise(usize),
    Entry(usize),
    /// A thread was woken; its comm and its tid stand at these positions of the payload.
    Waking(usize, usize),
    Nothing,
}

/// Watches all CPUs.
pub struct Watcher {
    min_ns: u64,
    /// What the event with each number tells.
    events: BTreeMap<u64, Tells>,
    /// Whether waits of softirqs are seen, so that a long time in the kernel says little.
    is_traced: bool,
    /// Whether samples or switches show that a CPU is idle. If not, a hole in the samples says
    /// nothing.
    sees_idle: bool,
    cpus: BTreeMap<u32, Cpu>,
    /// The threads that serve softirqs, and when each was woken and has not run since.
    servers: BTreeMap<i32, Option<u64>>,
    /// What happened to them in this round.
    turns: Vec<Turn>,
}

/// A thread that serves softirqs was woken, or ran.
struct Turn {
    place: Origin,
    /// The thread.
    tid: i32,
    is_woken: bool,
}

/// What was last seen of a CPU.
#[derive(Default)]
struct Cpu {
    /// When NET_RX was raised and has not been entered since.
    raised_ns: Option<u64>,
    /// The last sample: its task and time.
    sample: Option<(i32, u64)>,
    /// When it became idle, since the last sample and in the records that were read so far.
    idle: VecDeque<u64>,
    /// Since when all samples hit one task in the kernel.
    in_kernel_ns: Option<u64>,
}

impl Watcher {
    /// A watcher for stalls of at least `min_ns`. `sees_idle` says whether samples or switches show
    /// that a CPU is idle.
    pub fn new(min_ns: u64, events: BTreeMap<u64, Tells>, sees_idle: bool) -> Watcher {
        let is_traced = events.values().any(|tells| matches!(tells, Tells::Entry(_)));
        Watcher {
            min_ns,
            events,
            is_traced,
            sees_idle,
            cpus: BTreeMap::new(),
            servers: BTreeMap::new(),
            turns: Vec::new(),
        }
    }

    /// Reads the records of a round. Those about tasks were taken from the rings first. The others
    /// are in the order of each ring, the switches of a CPU before its samples.
    pub fn round(&mut self, side_band: &[u8], others: &[u8]) -> Findings {
        let mut findings = Findings::default();
        let Findings { alarms, lost_records } = &mut findings;
        for record in records(others).chain(records(side_band)) {
            *lost_records = lost_records.saturating_add(record.lost());
            alarms.extend(self.see(&record));
        }
        // A thread is woken in one ring, and runs in another.
        let mut turns = std::mem::take(&mut self.turns);
        turns.sort_by_key(|turn| turn.place.time_ns);
        for Turn { place, tid, is_woken } in turns.drain(..) {
            let Some(woken) = self.servers.get_mut(&tid) else { continue };
            // A thread that waits to run is not woken again: it slept since it was woken before.
            let since_ns = std::mem::replace(woken, is_woken.then_some(place.time_ns));
            if let Some(since_ns) = since_ns.filter(|_| !is_woken) {
                alarms.extend(self.alarm(place, since_ns));
            }
        }
        self.turns = turns;
        findings
    }

    /// What a record says: perhaps that something took too long.
    fn see(&mut self, record: &Record) -> Option<Alarm> {
        let place = record.place()?;
        match record.kind {
            RecordType::SAMPLE => self.see_sample(record, place),
            RecordType::SWITCH_CPU_WIDE => {
                let is_out = record.misc & SWITCH_OUT != 0;
                // A switch has two records: of the task that leaves, and of the one that comes.
                // Some virtual machines write none of the idle task.
                if is_out && record.u32(NEXT_TID) == Some(0) || !is_out && place.tid == 0 {
                    self.cpus.entry(place.cpu).or_default().become_idle(place.time_ns);
                }
                if !is_out && self.servers.contains_key(&place.tid) {
                    self.turns.push(Turn { place, tid: place.tid, is_woken: false });
                }
                None
            }
            _ => None,
        }
    }

    fn see_sample(&mut self, record: &Record, place: Origin) -> Option<Alarm> {
        let tells = *self.events.get(&place.id)?;
        let cpu = self.cpus.entry(place.cpu).or_default();
        let number = |at: usize| {
            let bytes = record.payload()?.get(at..at + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        match tells {
            Tells::Raise(at) if number(at)? == NET_RX => {
                cpu.raised_ns.get_or_insert(place.time_ns);
                None
            }
            Tells::Entry(at) if number(at)? == NET_RX => {
                let since_ns = cpu.raised_ns.take()?;
                self.alarm(place, since_ns)
            }
            Tells::Waking(comm, at) => {
                let comm = record.payload()?.get(comm..)?;
                let tid = number(at)? as i32;
                // Anybody can call a thread so.
                let is_server = SERVERS.iter().any(|server| comm.starts_with(server.as_bytes()));
                if is_server && (self.servers.len() < MOST_SERVERS || self.servers.contains_key(&tid)) {
                    self.servers.entry(tid).or_default();
                    self.turns.push(Turn { place, tid, is_woken: true });
                }
                None
            }
            Tells::Sample => {
                let since_ns = cpu.sample(record, place, self.is_traced, self.sees_idle)?;
                self.alarm(place, since_ns)
            }
            _ => None,
        }
    }

    /// Since when softirqs or their servers wait that have waited for long already, if some do.
    pub fn waiting_since_ns(&self, now_ns: u64) -> Option<u64> {
        let raised = self.cpus.values().filter_map(|cpu| cpu.raised_ns);
        let woken = self.servers.values().filter_map(|woken| *woken);
        let is_long = |since_ns: &u64| (self.min_ns..LONGEST_NS).contains(&now_ns.saturating_sub(*since_ns));
        raised.chain(woken).filter(is_long).min()
    }

    fn alarm(&self, place: Origin, from_ns: u64) -> Option<Alarm> {
        let is_long = place.time_ns.saturating_sub(from_ns) >= self.min_ns;
        is_long.then_some(Alarm { cpu: place.cpu, from_ns, to_ns: place.time_ns })
    }
}

impl Cpu {
    fn become_idle(&mut self, time_ns: u64) {
        // The last ones are enough to know that it was.
        const MOST: usize = 1000;
        if self.idle.len() == MOST {
            self.idle.pop_front();
        }
        self.idle.push_back(time_ns);
    }

    /// Since when, up to this sample, the CPU may have been held: there was no sample, or, if
    /// softirqs are not traced, all were of one task in the kernel and this one is not.
    fn sample(&mut self, record: &Record, place: Origin, is_traced: bool, sees_idle: bool) -> Option<u64> {
        let (tid, before_ns) = self.sample.replace((place.tid, place.time_ns))?;
        let is_kernel = record.misc & PERF_RECORD_MISC_CPUMODE_MASK == KERNEL && place.tid != 0;
        let held_since = match (is_kernel && tid == place.tid, is_traced) {
            (true, _) => {
                self.in_kernel_ns.get_or_insert(before_ns);
                None
            }
            (false, true) => {
                self.in_kernel_ns = None;
                None
            }
            (false, false) => self.in_kernel_ns.take(),
        };
        // In idle the clock may stop, and cycles do.
        let was_idle = self.idle.iter().any(|idle_ns| (before_ns..place.time_ns).contains(idle_ns));
        self.idle.retain(|idle_ns| *idle_ns >= place.time_ns);
        let is_busy = sees_idle && tid != 0 && place.tid != 0 && !was_idle;
        held_since.or(Some(before_ns).filter(|_| is_busy))
    }
}

/// The signs in records of the events 1 to 4: samples, the raise and the entry of a softirq, the
/// waking of a thread.
pub fn ring_alarms(side_band: &[u8], others: &[u8]) -> Vec<Alarm> {
    const FIELD: usize = 8;
    let tells = [Tells::Sample, Tells::Raise(FIELD), Tells::Entry(FIELD), Tells::Waking(FIELD, 3 * FIELD)];
    Watcher::new(1, (1..).zip(tells).collect(), true).round(side_band, others).alarms
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: u32 = 5;

    fn record(kind: RecordType, body: &[u64]) -> Vec<u8> {
        marked(kind, 0, body)
    }

    fn marked(kind: RecordType, misc: u16, body: &[u64]) -> Vec<u8> {
        let size = (8 + 8 * body.len()) as u64;
        let header = u64::from(kind.0) | u64::from(misc) << 32 | size << 48;
        [header].iter().chain(body).flat_map(|number| number.to_ne_bytes()).collect()
    }

    fn task(tid: u32) -> u64 {
        u64::from(tid) | u64::from(tid) << 32
    }

    fn sample(time_ns: u64) -> Vec<u8> {
        record(RecordType::SAMPLE, &[1, 0, task(TASK), time_ns, 0, 1])
    }

    fn switch_to(tid: u32, time_ns: u64) -> Vec<u8> {
        record(RecordType::SWITCH_CPU_WIDE, &[0, task(tid), time_ns, 0, 0])
    }

    #[test]
    fn a_hole_in_the_samples_is_a_sign_unless_the_cpu_was_idle() {
        let samples = [sample(100), sample(200)].concat();
        assert_eq!(ring_alarms(&[], &samples), [Alarm { cpu: 0, from_ns: 100, to_ns: 200 }]);
        let idle = [switch_to(0, 150), switch_to(TASK, 160), samples.clone()].concat();
        assert_eq!(ring_alarms(&[], &idle), []);
        // The record of the task that leaves, to idle and to another task.
        let left =
            |next| marked(RecordType::SWITCH_CPU_WIDE, SWITCH_OUT, &[task(next), task(TASK), 150, 0, 0]);
        assert_eq!(ring_alarms(&[], &[left(0), samples.clone()].concat()), []);
        assert_eq!(ring_alarms(&[], &[left(6), samples.clone()].concat()).len(), 1);
        let busy = [switch_to(6, 150), switch_to(0, 250), samples].concat();
        assert_eq!(ring_alarms(&[], &busy).len(), 1, "it was idle after that");
    }

    #[test]
    fn a_server_is_late_in_the_order_of_time() {
        let mut payload = *b"........ksoftirqd/0\0\0\0\0\0........";
        payload[24..28].copy_from_slice(&TASK.to_ne_bytes());
        let words = payload.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().expect("4 bytes")));
        let words: Vec<u32> = [32].into_iter().chain(words).chain([0]).collect();
        let raw = words.chunks_exact(2).map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32);
        let waking = |time_ns| {
            let body = [4, 0, task(1), time_ns, 0, 1].into_iter().chain(raw.clone());
            record(RecordType::SAMPLE, &body.collect::<Vec<u64>>())
        };
        let turns = [waking(100), waking(300), switch_to(TASK, 100), switch_to(TASK, 350)].concat();
        assert_eq!(ring_alarms(&[], &turns), [Alarm { cpu: 0, from_ns: 300, to_ns: 350 }]);
    }
}
