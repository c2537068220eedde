//! The recorder: what `perf record` writes of the histories of CPUs, as a perf.data.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use stallgraph::load::{self, Options, Sources};
use stallgraph::model::{Recording, Softirq};
use tempfile::TempDir;

use crate::support::builder::{Builder, Event, Kernel, Sample, flag, sample_type};

use super::chance::{Chance, SECOND};
use super::machine::{Happening, History, Slice, Top};
use super::scenario::{Clock, Receiver, Scenario};
use super::works::{AT_CULPRIT_MASKED, AT_IDLE, AT_KSOFTIRQD, IDLE, KSOFTIRQD, PLACES, SYSTEM_CALL};

/// When recordings begin, on their clock.
pub const START_NS: u64 = 1000 * SECOND;
const CLOCK_ID: u64 = 100;
const TRACEPOINTS: [&str; 3] = ["softirq_raise", "softirq_entry", "softirq_exit"];
const FIRST_TRACEPOINT: u64 = 130;
const INTERRUPT: &str = ";asm_common_interrupt;common_interrupt";
/// How a path that enables bottom halves serves softirqs.
const ENABLES: &str = ";__local_bh_enable_ip;do_softirq";
/// Where a sample is taken that had to wait for interrupts.
const UNLOCK: &str = "_raw_spin_unlock_irqrestore";
const ACTIONS: [(Softirq, &str); 4] = [
    (Softirq::NetRx, "net_rx_action;__napi_poll;virtnet_poll;LEAF"),
    (Softirq::Timer, "run_timer_softirq;call_timer_fn"),
    (Softirq::Rcu, "rcu_core_si;rcu_core"),
    (Softirq::Sched, "sched_balance_softirq;sched_balance_domains"),
];
/// In place of `LEAF`: where the samples in NET_RX lie.
const NET_RX_LEAVES: [&str; 5] = [
    "napi_gro_receive;skb_gro_receive",
    "receive_buf;page_to_skb",
    "__netif_receive_skb_core;ip_rcv",
    "__netif_receive_skb_core;ip_local_deliver;tcp_v4_rcv",
    "virtqueue_get_buf_ctx_split",
];
const LONG_PACKET: &str = "net_rx_action;__napi_poll;virtnet_poll;napi_gro_receive;ipt_do_table";

/// How many stacks a place has.
const LEAVES: usize = 15;

/// The addresses of all stacks, and the file with their names.
struct Names {
    stacks: HashMap<(usize, usize, Hit), Vec<u64>>,
    kernel: Kernel,
    kallsyms: PathBuf,
    _folder: TempDir,
}

/// What a sample hits on top of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Hit {
    Place,
    Interrupt,
    /// The loop over softirqs, on an interrupt's return.
    Loop,
    Softirq(Softirq, bool),
    LongPacket(bool),
    Unlock,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut kernel = Kernel::new();
    let mut stacks = HashMap::new();
    let mut hits = vec![Hit::Place, Hit::Interrupt, Hit::Loop, Hit::Unlock];
    hits.extend([true, false].map(Hit::LongPacket));
    hits.extend(ACTIONS.iter().flat_map(|(softirq, _)| [true, false].map(|by| Hit::Softirq(*softirq, by))));
    for place in 0..PLACES.len() {
        for leaf in 0..LEAVES {
            for &hit in &hits {
                let text = stack(place, leaf, hit);
                let addresses = if text.is_empty() { Vec::new() } else { kernel.stack(&text) };
                stacks.insert((place, leaf, hit), addresses);
            }
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kallsyms = folder.path().join("kallsyms");
    std::fs::write(&kallsyms, kernel.kallsyms()).expect("a file");
    Names { stacks, kernel, kallsyms, _folder: folder }
});

/// The kernel's frames, root first.
fn stack(place: usize, leaf: usize, hit: Hit) -> String {
    let at = &PLACES[place];
    let innermost = at.leaves[leaf % at.leaves.len()];
    let path = match place {
        AT_IDLE => IDLE.to_owned(),
        AT_KSOFTIRQD => KSOFTIRQD.to_owned(),
        _ if at.kernel.is_empty() => String::new(),
        _ if at.kernel.starts_with("ret_from_fork") => format!("{}{innermost}", at.kernel),
        _ => format!("{SYSTEM_CALL}{};{innermost}", at.kernel),
    };
    let served = |by_interrupt: bool| match (place, by_interrupt) {
        (AT_KSOFTIRQD, _) => ";handle_softirqs;".to_owned(),
        (_, true) => format!("{INTERRUPT};__irq_exit_rcu;handle_softirqs;"),
        (_, false) => format!("{ENABLES};handle_softirqs;"),
    };
    let action =
        |softirq| ACTIONS.iter().find(|(one, _)| *one == softirq).expect("a softirq that is raised").1;
    let text = match hit {
        Hit::Place => path,
        Hit::Interrupt => format!("{path}{INTERRUPT};__common_interrupt;handle_edge_irq"),
        Hit::Loop => format!("{path}{INTERRUPT};__irq_exit_rcu;handle_softirqs"),
        Hit::Softirq(softirq, by_interrupt) => format!("{path}{}{}", served(by_interrupt), action(softirq)),
        Hit::LongPacket(by_interrupt) => format!("{path}{}{LONG_PACKET}", served(by_interrupt)),
        Hit::Unlock => format!("{path};{UNLOCK}"),
    };
    text.trim_start_matches(';').replace("LEAF", NET_RX_LEAVES[leaf % NET_RX_LEAVES.len()])
}

/// A sample that was taken.
struct Taken {
    at: u64,
    place: usize,
    hit: Hit,
}

/// The recording of these histories, one for each CPU, loaded by the program.
pub fn recording(scenario: &Scenario, histories: &[History], chance: &mut Chance) -> Recording {
    let bytes = file(scenario, histories, chance);
    let sources = Sources { kallsyms: Some(NAMES.kallsyms.clone()), ..Sources::default() };
    let options = Options { events: true, sources, ..Options::default() };
    load::load_bytes(&bytes, "simulated".as_ref(), &options, &|_, _, _| {}).expect("a recording")
}

/// The perf.data.
pub fn file(scenario: &Scenario, histories: &[History], chance: &mut Chance) -> Vec<u8> {
    let mut file = Builder::new();
    let event = match scenario.clock {
        Clock::Cycles => Event::cycles(),
        Clock::GoesOn | Clock::Stops => Event::cpu_clock(),
    };
    let event = event.freq(scenario.hz).ids(&[CLOCK_ID]).also(0);
    let event = if scenario.has_switches { event.set(flag::CONTEXT_SWITCH) } else { event };
    file.event(event);
    if scenario.is_traced {
        let fields = sample_type::IDENTIFIER
            | sample_type::IP
            | sample_type::TID
            | sample_type::TIME
            | sample_type::CPU
            | sample_type::RAW;
        let mut formats = Vec::new();
        for (name, id) in TRACEPOINTS.iter().zip(FIRST_TRACEPOINT..) {
            file.event(Event::tracepoint(&format!("irq:{name}"), id).sample_type(fields));
            formats.push(("irq", *name, id, "vec"));
        }
        file.tracing_data(&formats);
    }
    let release = if scenario.is_before_6_5 { "6.1.0-18-amd64" } else { "6.12.9" };
    let cpus = histories.len() as u32;
    file.os_release(release).arch("x86_64").cpus(cpus, cpus).event_desc().kernel_map(&NAMES.kernel);
    for (cpu, _) in histories.iter().enumerate() {
        file.comm(thread(AT_KSOFTIRQD, cpu), &format!("ksoftirqd/{cpu}"));
    }
    let mut named = Vec::new();
    for place in PLACES.iter().skip(AT_KSOFTIRQD + 1).filter(|place| place.task.0 > 0) {
        if !named.contains(&place.task) {
            file.comm(place.task, place.comm);
            named.push(place.task);
        }
    }
    for (cpu, (history, receiver)) in histories.iter().zip(&scenario.receivers).enumerate() {
        records(&mut file, scenario, (cpu, receiver, history), chance);
    }
    file.finished_round().build()
}

fn thread(place: usize, cpu: usize) -> (u32, u32) {
    match place {
        AT_KSOFTIRQD => (14 + cpu as u32, 14 + cpu as u32),
        _ => PLACES[place].task,
    }
}

/// Writes the records of one CPU, in time order.
fn records(
    file: &mut Builder,
    scenario: &Scenario,
    (cpu, receiver, history): (usize, &Receiver, &History),
    chance: &mut Chance,
) {
    let taken = samples(scenario, history, chance);
    let is_recorded = |happening: &Happening| match happening {
        Happening::Switch(_) => scenario.has_switches,
        _ => scenario.is_traced,
    };
    let mut happenings =
        history.happenings.iter().filter(|(_, _, happening)| is_recorded(happening)).peekable();
    let mut lost = 0;
    let mut is_lost = |file: &mut Builder, at: u64| {
        file.at(cpu as u32, START_NS + at);
        if receiver.losses.iter().any(|loss| loss.contains(&at)) {
            lost += 1;
            return true;
        }
        if lost > 0 {
            file.lost(CLOCK_ID, std::mem::take(&mut lost));
        }
        false
    };
    for sample in taken {
        while let Some((at, place, happening)) = happenings.next_if(|(at, ..)| *at < sample.at) {
            if !is_lost(file, *at) {
                happened(file, cpu, (*place, *happening));
            }
        }
        if !is_lost(file, sample.at) {
            file.sample(sampled(&sample, cpu, chance));
        }
    }
    for (at, place, happening) in happenings {
        if !is_lost(file, *at) {
            happened(file, cpu, (*place, *happening));
        }
    }
}

fn sampled(taken: &Taken, cpu: usize, chance: &mut Chance) -> Sample {
    let place = &PLACES[taken.place];
    let leaf = chance.within(0..LEAVES as u64) as usize;
    let sample = Sample::new(thread(taken.place, cpu)).kernel(&NAMES.stacks[&(taken.place, leaf, taken.hit)]);
    let has_user = taken.place > AT_KSOFTIRQD && !place.kernel.starts_with("ret_from_fork");
    if has_user { sample.user(&[0x40_1000 + 0x100 * taken.place as u64]) } else { sample }
}

fn happened(file: &mut Builder, cpu: usize, (place, happening): (usize, Happening)) {
    let (event, softirq) = match happening {
        Happening::Raise(softirq) => (1, softirq),
        Happening::Entry(softirq) => (2, softirq),
        Happening::Exit(softirq) => (3, softirq),
        Happening::Switch(next) => {
            file.switch_in(thread(next, cpu), thread(place, cpu));
            return;
        }
    };
    let mut payload = vec![0; 8];
    payload.extend((softirq as u32).to_le_bytes());
    file.sample(Sample::new(thread(place, cpu)).event(event).raw(&payload));
}

/// The samples that the event takes of a CPU.
fn samples(scenario: &Scenario, history: &History, chance: &mut Chance) -> Vec<Taken> {
    let interval_ns = SECOND / scenario.hz;
    let mut next = chance.within(0..interval_ns);
    let mut taken = Vec::new();
    // A clock's sample that has to wait until interrupts are on, or until the CPU wakes.
    let mut is_late = false;
    // The time in which the event counts, where it does not count all.
    let mut counted = 0;
    for (index, slice) in history.slices.iter().enumerate() {
        let is_asleep = slice.place == AT_IDLE && slice.top == Top::Nothing;
        if scenario.clock == Clock::Cycles {
            if !is_asleep {
                let end = counted + slice.end - slice.start;
                while next < end {
                    taken.push(Taken {
                        at: slice.start + next - counted,
                        place: slice.place,
                        hit: hit(slice),
                    });
                    next += interval_ns * 97 / 100 + chance.within(0..interval_ns * 6 / 100);
                }
                counted = end;
            }
            continue;
        }
        let is_silent = !slice.has_interrupts || is_asleep && scenario.clock == Clock::Stops;
        if is_late && !is_silent {
            taken.push(Taken { at: slice.start, place: slice.place, hit: hit(slice) });
            is_late = false;
        }
        while next < slice.end {
            if is_silent {
                is_late = true;
            } else {
                taken.push(Taken { at: next, place: slice.place, hit: hit(slice) });
            }
            next += interval_ns;
        }
        if is_late && !slice.has_interrupts {
            let after = history.slices.get(index + 1);
            taken.push(Taken { at: slice.end, place: slice.place, hit: hit_late(slice, after) });
            is_late = false;
        }
    }
    taken
}

fn hit(slice: &Slice) -> Hit {
    match slice.top {
        Top::Nothing => Hit::Place,
        Top::Interrupt => Hit::Interrupt,
        Top::Softirq(softirq, by_interrupt) => Hit::Softirq(softirq, by_interrupt),
        Top::LongPacket(by_interrupt) => Hit::LongPacket(by_interrupt),
    }
}

/// What a sample hits that was due in `slice`, where interrupts were off.
fn hit_late(slice: &Slice, after: Option<&Slice>) -> Hit {
    match (slice.top, after.map(|after| after.top)) {
        (Top::Interrupt, Some(Top::Softirq(..) | Top::LongPacket(_))) => Hit::Loop,
        _ if slice.place == AT_CULPRIT_MASKED => Hit::Unlock,
        _ => Hit::Place,
    }
}
