//! Lanes from text fixtures: they cover the selected time without gap or overlap, hold every
//! selected sample once, and know what kind of code ran.

use crate::support::fixture::{IDLE, every_ms, recording};
use stallgraph::analyses::lanes::{Content, Lane, LaneKind, Lanes};
use stallgraph::analyses::selection::{CpuRange, Selection, TimeRange};
use stallgraph::model::{Recording, Task};

const MS: u64 = 1_000_000;

/// The stretches of a lane, which must cover its time: the length of each in µs, and the comm,
/// `lost` or `nothing`.
fn stretches(lanes: &Lanes, lane: &Lane) -> Vec<(u64, String)> {
    let mut at = 0;
    let mut samples = 0;
    let mut all = Vec::new();
    for stretch in lanes.stretches(lane) {
        assert_eq!(stretch.start_ns, at, "{all:?}");
        assert!(stretch.end_ns >= at, "{all:?}");
        at = stretch.end_ns;
        let what = match stretch.content {
            Content::Sample { sample, is_idle } => {
                samples += 1;
                let idle = if is_idle { " idle" } else { "" };
                format!("{}{idle}", lanes.recording.comm(sample.task))
            }
            Content::Lost => "lost".to_owned(),
            Content::Nothing => "nothing".to_owned(),
        };
        all.push((stretch.duration_ns() / 1000, what));
    }
    assert_eq!(at, lanes.duration_ns(), "{all:?}");
    assert_eq!(samples, lane.samples, "{all:?}");
    all
}

/// All lanes: their names and stretches.
fn drawn(recording: &Recording, selection: &Selection, by: LaneKind) -> Vec<(String, Vec<(u64, String)>)> {
    let lanes = Lanes::new(recording, selection, by);
    let lane = |lane| (Lane::name(lane, recording), stretches(&lanes, lane));
    lanes.lanes.iter().map(lane).collect()
}

fn expected(lanes: &[(&str, &[(u64, &str)])]) -> Vec<(String, Vec<(u64, String)>)> {
    let stretches =
        |stretches: &[(u64, &str)]| stretches.iter().map(|&(us, what)| (us, what.to_owned())).collect();
    lanes.iter().map(|(name, all)| ((*name).to_owned(), stretches(all))).collect()
}

/// Two CPUs: a task that moves from one to the other, an idle one, a gap in which samples were
/// lost.
fn two_cpus() -> Recording {
    recording(&format!(
        "cpu0 1.000 app@7 a\ncpu0 1.001 app@7 b\ncpu0 1.002 swapper {IDLE}\nlost cpu0 1.003 1.006 7\ncpu0 1.008 other@8 d\n\
         cpu1 1.0015 app@7 c\ncpu1 1.0025 swapper {IDLE}\ncpu1 1.003 swapper {IDLE};asm_sysvec_call_function"
    ))
}

#[test]
fn the_lanes_of_cpus_have_one_clock() {
    let all: &[(&str, &[(u64, &str)])] = &[
        (
            "CPU 0",
            &[
                (1000, "app"),
                (1000, "app"),
                (2000, "swapper idle"),
                (2000, "lost"),
                (2000, "nothing"),
                (1000, "other"),
            ],
        ),
        (
            "CPU 1",
            &[(1500, "nothing"), (1000, "app"), (500, "swapper idle"), (1000, "swapper"), (5000, "nothing")],
        ),
    ];
    assert_eq!(drawn(&two_cpus(), &Selection::default(), LaneKind::Cpu), expected(all));
}

#[test]
fn a_task_is_on_one_cpu_at_a_time_and_each_cpu_has_its_idle_task() {
    let all: &[(&str, &[(u64, &str)])] = &[
        ("swapper on CPU 0", &[(2000, "nothing"), (2000, "swapper idle"), (5000, "nothing")]),
        (
            "swapper on CPU 1",
            &[(2500, "nothing"), (500, "swapper idle"), (1000, "swapper"), (5000, "nothing")],
        ),
        ("app 7", &[(1000, "app"), (500, "app"), (1000, "app"), (6500, "nothing")]),
        ("other 8", &[(8000, "nothing"), (1000, "other")]),
    ];
    assert_eq!(drawn(&two_cpus(), &Selection::default(), LaneKind::Task), expected(all));
}

#[test]
fn what_is_not_selected_leaves_one_hole() {
    let recording = two_cpus();
    let app = Selection { comms: Some(vec!["app".to_owned()]), ..Selection::default() };
    let all: &[(&str, &[(u64, &str)])] = &[
        ("CPU 0", &[(1000, "app"), (1000, "app"), (500, "nothing")]),
        ("CPU 1", &[(1500, "nothing"), (1000, "app")]),
    ];
    assert_eq!(drawn(&recording, &app, LaneKind::Cpu), expected(all));
    let nobody = Selection { comms: Some(vec!["nobody".to_owned()]), ..Selection::default() };
    assert_eq!(drawn(&recording, &nobody, LaneKind::Cpu), []);
    assert_eq!(Lanes::new(&recording, &nobody, LaneKind::Task).samples(), 0);
    let cpu_1 = Selection { cpus: Some(vec![CpuRange(1, 1)]), ..Selection::default() };
    let lanes = Lanes::new(&recording, &cpu_1, LaneKind::Cpu);
    assert_eq!((lanes.lanes.len(), lanes.samples()), (1, 3));
}

#[test]
fn the_clock_begins_with_the_selected_time_and_both_its_ends_are_in() {
    let time = TimeRange::Clock(Some(1000 * MS + MS / 2), Some(1002 * MS));
    let selection = Selection { time, ..Selection::default() };
    let all: &[(&str, &[(u64, &str)])] = &[
        ("CPU 0", &[(500, "nothing"), (1000, "app"), (2000, "swapper idle")]),
        ("CPU 1", &[(1000, "nothing"), (1000, "app"), (1500, "nothing")]),
    ];
    assert_eq!(drawn(&two_cpus(), &selection, LaneKind::Cpu), expected(all));
}

#[test]
fn samples_of_one_time_are_all_there() {
    let text = "cpu0 1.000 a@1 f\ncpu0 1.000 b@2 f\ncpu0 1.000 a@1 g\ncpu0 1.001 b@2 f\ncpu0 1.001 a@1 f";
    let recording = recording(text);
    for (by, samples) in [(LaneKind::Cpu, vec![5]), (LaneKind::Task, vec![3, 2])] {
        let lanes = Lanes::new(&recording, &Selection::default(), by);
        assert_eq!(lanes.lanes.iter().map(|lane| lane.samples).collect::<Vec<_>>(), samples);
        lanes.lanes.iter().for_each(|lane| drop(stretches(&lanes, lane)));
    }
    // The last sample that is selected has the same time as one that is not.
    let b = Selection { tids: Some(vec![2]), ..Selection::default() };
    let lanes = Lanes::new(&recording, &b, LaneKind::Cpu);
    assert_eq!(lanes.lanes[0].samples, 2);
    stretches(&lanes, &lanes.lanes[0]);
}

#[test]
fn samples_without_a_time_are_counted_and_left_out() {
    let mut recording = two_cpus();
    recording.timelines[1].samples[2].time_ns = u64::MAX;
    for by in [LaneKind::Cpu, LaneKind::Task] {
        let lanes = Lanes::new(&recording, &Selection::default(), by);
        assert_eq!((lanes.samples(), lanes.untimed), (6, 1), "{by:?}");
        assert_eq!(lanes.duration_ns(), 9 * MS, "{by:?}");
        lanes.lanes.iter().for_each(|lane| drop(stretches(&lanes, lane)));
    }
}

#[test]
fn a_thread_keeps_its_lane_when_its_comm_changes_and_not_when_its_tid_is_used_again() {
    let mut recording = recording("cpu0 1.000 sh@7 a\ncpu0 1.001 app@7 b\ncpu0 1.002 next@7 c");
    let next = recording.tasks.iter().position(|task| recording.name(task.comm) == "next").expect("a task");
    recording.tasks[next] = Task { start_ns: 1002 * MS, ..recording.tasks[next] };
    let all: &[(&str, &[(u64, &str)])] = &[
        ("app 7", &[(1000, "sh"), (1000, "app"), (1000, "nothing")]),
        ("next 7", &[(2000, "nothing"), (1000, "next")]),
    ];
    assert_eq!(drawn(&recording, &Selection::default(), LaneKind::Task), expected(all));
}

#[test]
fn frames_have_the_category_of_where_they_run() {
    let stack = |stack: &str| {
        let recording = recording(&every_ms(0, 0..1, "app", stack));
        let lanes = Lanes::new(&recording, &Selection::default(), LaneKind::Cpu);
        let mut numbers = vec![lanes.comm_frame(recording.timelines[0].samples[0].task)];
        lanes.frames_root_first(recording.timelines[0].samples[0].stack, &mut numbers);
        let text = |number: &u32| {
            let frame = lanes.frames[*number as usize];
            let category = frame.category.map_or("task", |category| category.name());
            format!("{} {category}", recording.name(frame.name))
        };
        numbers.iter().map(text).collect::<Vec<_>>()
    };
    let interrupted = "main_[u];entry_SYSCALL_64_after_hwframe;vfs_read;asm_common_interrupt;common_interrupt;\
                       __irq_exit_rcu;handle_softirqs;net_rx_action;asm_sysvec_apic_timer_interrupt;hrtimer_interrupt";
    assert_eq!(
        stack(interrupted),
        [
            "app task",
            "main user",
            "entry_SYSCALL_64_after_hwframe kernel",
            "vfs_read kernel",
            "asm_common_interrupt interrupt",
            "common_interrupt interrupt",
            "__irq_exit_rcu softirq",
            "handle_softirqs softirq",
            "net_rx_action softirq",
            "asm_sysvec_apic_timer_interrupt interrupt",
            "hrtimer_interrupt interrupt",
        ]
    );
    assert_eq!(
        stack("start_secondary;do_idle;default_idle;asm_common_interrupt"),
        [
            "app task",
            "start_secondary kernel",
            "do_idle idle",
            "default_idle idle",
            "asm_common_interrupt interrupt",
        ]
    );
    assert_eq!(
        stack("ret_from_fork;kthread;run_ksoftirqd;handle_softirqs;net_rx_action")[3..],
        ["run_ksoftirqd softirq", "handle_softirqs softirq", "net_rx_action softirq",]
    );
}

#[test]
fn only_frames_that_occur_are_there() {
    let recording = two_cpus();
    let names = |selection: &Selection| {
        let lanes = Lanes::new(&recording, selection, LaneKind::Cpu);
        let mut names: Vec<&str> = lanes.frames.iter().map(|frame| recording.name(frame.name)).collect();
        names.sort_unstable();
        names.join(",")
    };
    assert_eq!(
        names(&Selection { comms: Some(vec!["app".to_owned()]), ..Selection::default() }),
        "a,app,b,c"
    );
    assert_eq!(
        names(&Selection { comms: Some(vec!["other".to_owned()]), ..Selection::default() }),
        "d,other"
    );
}
