//! Windows from text fixtures: episodes, windows of time, dominating paths, the ranking and its
//! verdicts.

use crate::support::fixture::{IDLE, RX, every_ms, recording};
use stallgraph::analyses::stalls::Holder;
use stallgraph::analyses::windows::{self, CutBy, Episode, Options, Ranked, Verdict, Windows};
use stallgraph::model::{Detail, Details, EventId, NameId, Recording, Softirq};

const READ: &str = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read";

fn find(recording: &Recording) -> Windows {
    windows::find(recording, &Options::default())
}

fn path(recording: &Recording, names: &[NameId]) -> String {
    names.iter().map(|name| recording.name(*name)).collect::<Vec<_>>().join(";")
}

fn ranked<'w>(recording: &Recording, windows: &'w Windows, comm: &str) -> Option<&'w Ranked> {
    windows.ranking.iter().find(|ranked| name(recording, ranked) == comm)
}

/// The comm of a path's tasks, or the name of its softirq.
fn name<'r>(recording: &'r Recording, ranked: &Ranked) -> &'r str {
    match ranked.holder {
        Holder::Task(comm) => recording.name(comm),
        Holder::Softirq(softirq) => softirq.name(),
        _ => "interrupt",
    }
}

/// The window's length in ms, its number of samples, and how many of them are idle.
fn shape(episode: &Episode) -> (u64, usize, u64) {
    let window = &episode.window;
    ((window.end_ns - window.start_ns) / 1_000_000, window.indices.len(), episode.idle_samples)
}

#[test]
fn a_system_call_that_fills_the_window_dominates_it() {
    let stack = format!("{READ};seq_read;memcg_stat_show");
    let text = every_ms(0, 0..900, "nginx", "work_[u]")
        + &every_ms(0, 900..1000, "cadvisor", &stack)
        + &every_ms(0, 1000..1003, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let [episode] = &windows.episodes[..] else { panic!("one episode") };
    assert_eq!(shape(episode), (100, 100, 0));
    assert_eq!(episode.samples, 3);
    assert_eq!(episode.softirqs, [(Softirq::NetRx, 3)].into());
    assert_eq!(episode.window.cut_by, None);
    let dominating = episode.dominating.as_ref().expect("a path");
    assert_eq!(recording.comm(dominating.task), "cadvisor");
    assert_eq!(dominating.path.system_call.map(|call| recording.name(call)), Some("read"));
    assert_eq!(dominating.samples, 100);
    assert_eq!(dominating.time_ns, 100_000_000);
    assert_eq!(path(&recording, &dominating.path.functions), stack.trim_start_matches("main_[u];"));
    assert!(path(&recording, dominating.path.inner()).starts_with("__x64_sys_read;"));
}

#[test]
fn what_an_interrupt_does_is_not_the_calls_work() {
    let interrupted =
        format!("{READ};seq_read;asm_sysvec_apic_timer_interrupt;__irq_exit_rcu;handle_softirqs");
    for (own_ms, dominates) in [(50, true), (49, false)] {
        let text = every_ms(0, 0..own_ms, "cadvisor", &format!("{READ};seq_read"))
            + &every_ms(0, own_ms..100, "cadvisor", &interrupted)
            + &every_ms(0, 100..101, "ksoftirqd/0", RX);
        let recording = recording(&text);
        let windows = find(&recording);
        let episode = &windows.episodes[0];
        assert_eq!((episode.idle_samples, episode.interrupt_samples), (0, 100 - own_ms));
        assert_eq!(episode.dominating.is_some(), dominates, "{own_ms} ms of its own");
        if let Some(dominating) = &episode.dominating {
            assert!(path(&recording, &dominating.path.functions).ends_with("vfs_read;seq_read"));
            assert_eq!(dominating.samples, own_ms);
        }
    }
}

#[test]
fn a_signal_that_an_interrupt_delivers_is_the_tasks_own_work() {
    let dying = "work_[u];asm_sysvec_reschedule_ipi;irqentry_exit_to_user_mode;exit_to_user_mode_loop;\
                 arch_do_signal_or_restart;get_signal;do_group_exit;do_exit;exit_mmap"
        .replace(' ', "");
    let text = every_ms(0, 0..100, "dying", &dying) + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let dominating = windows.episodes[0].dominating.as_ref().expect("a path");
    assert!(path(&recording, dominating.path.inner()).ends_with("do_exit;exit_mmap"));
}

#[test]
fn a_softirq_that_fills_the_window_is_named_with_its_path_and_never_whom_it_interrupts() {
    let interrupted = "work_[u];asm_common_interrupt;handle_softirqs;net_rx_action;tcp_v4_rcv;filter";
    let text = every_ms(0, 0..900, "nginx", "work_[u]")
        + &every_ms(0, 900..940, "nginx", "work_[u]")
        + &every_ms(0, 940..1000, "nginx", interrupted)
        + &every_ms(0, 1000..1001, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let dominating = windows.episodes[0].dominating.as_ref().expect("the softirq's path");
    assert_eq!(dominating.holder, Holder::Softirq(Softirq::NetRx));
    assert_eq!(path(&recording, &dominating.path.functions), "net_rx_action;tcp_v4_rcv;filter");
    assert_eq!(dominating.time_ns, 60_000_000);
    let [top] = &windows.ranking[..] else { panic!("one path, not {}", windows.ranking.len()) };
    assert_eq!((name(&recording, top), top.verdict), ("net_rx", Verdict::Suspect));
}

#[test]
fn episodes_closer_than_a_window_do_not_overlap() {
    let text = every_ms(0, 0..500, "app", READ)
        + &every_ms(0, 500..505, "ksoftirqd/0", RX)
        + &every_ms(0, 505..550, "app", READ)
        + &every_ms(0, 550..552, "ksoftirqd/0", RX);
    let windows = find(&recording(&text));
    let shapes: Vec<_> = windows.episodes.iter().map(shape).collect();
    assert_eq!(shapes, [(100, 100, 0), (46, 45, 0)]);
    let cuts: Vec<_> = windows.episodes.iter().map(|episode| episode.window.cut_by).collect();
    assert_eq!(cuts, [None, Some(CutBy::PreviousEpisode)]);
}

#[test]
fn trigger_samples_within_join_are_one_episode() {
    let trigger = |ms: u64| every_ms(0, ms..ms + 1, "ksoftirqd/0", RX);
    let text = every_ms(0, 0..100, "app", READ) + &trigger(200) + &trigger(220) + &trigger(241);
    let windows = find(&recording(&text));
    let counts: Vec<_> = windows.episodes.iter().map(|episode| episode.samples).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn an_episode_at_the_start_says_that_its_window_is_cut() {
    let text = every_ms(0, 0..30, "app", READ) + &every_ms(0, 30..31, "ksoftirqd/0", RX);
    let windows = find(&recording(&text));
    assert_eq!(shape(&windows.episodes[0]), (30, 30, 0));
    assert_eq!(windows.episodes[0].window.cut_by, Some(CutBy::RecordingStart));
    let first = find(&recording(&every_ms(0, 5..6, "ksoftirqd/0", RX)));
    assert_eq!(shape(&first.episodes[0]), (0, 0, 0));
    assert!(first.episodes[0].dominating.is_none());
}

#[test]
fn a_window_is_time_and_not_lines() {
    // With cycles an idle CPU has no samples: 100 samples back would be far before the window.
    let text = "from 0\n".to_owned()
        + &every_ms(0, 0..200, "app", READ)
        + &every_ms(0, 880..890, "sshd", "main_[u]")
        + &every_ms(0, 900..901, "ksoftirqd/0", RX);
    let windows = find(&recording(&text));
    assert_eq!(shape(&windows.episodes[0]), (100, 10, 0));
    assert!(windows.episodes[0].dominating.is_none());
}

#[test]
fn idle_samples_do_not_count_but_work_in_idle_does() {
    let text = every_ms(0, 0..60, "swapper", IDLE)
        + &every_ms(0, 60..80, "app", READ)
        + &every_ms(
            0,
            80..95,
            "swapper",
            &format!("{IDLE};asm_common_interrupt;handle_softirqs;net_rx_action"),
        )
        + &every_ms(0, 95..100, "swapper", IDLE)
        + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let windows = find(&recording(&text));
    let episode = &windows.episodes[0];
    assert_eq!(shape(episode), (100, 100, 65));
    let dominating = episode.dominating.as_ref().expect("20 of 35 samples");
    assert_eq!(dominating.samples, 20);
    assert!((dominating.share - 20.0 / 35.0).abs() < 1e-9);
}

#[test]
fn half_of_what_is_not_idle_is_needed() {
    for (samples, dominates) in [(50, true), (49, false)] {
        let text = every_ms(0, 0..samples, "app", READ)
            + &every_ms(0, samples..100, "nginx", "work_[u]")
            + &every_ms(0, 100..101, "ksoftirqd/0", RX);
        let windows = find(&recording(&text));
        assert_eq!(windows.episodes[0].dominating.is_some(), dominates, "{samples} of 100");
    }
}

#[test]
fn of_two_equal_paths_the_one_nearer_to_the_trigger_is_named() {
    let write = READ.replace("read", "write");
    let text = every_ms(0, 0..50, "first", READ)
        + &every_ms(0, 50..100, "second", &write)
        + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let dominating = windows.episodes[0].dominating.as_ref().expect("a path");
    assert_eq!(recording.comm(dominating.task), "second");
}

#[test]
fn threads_of_one_comm_share_a_path_and_the_heaviest_is_named() {
    let text = every_ms(0, 0..30, "cadvisor@7", READ)
        + &every_ms(0, 30..70, "cadvisor@8", READ)
        + &every_ms(0, 70..100, "nginx", "work_[u]")
        + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let dominating = windows.episodes[0].dominating.as_ref().expect("70 of 100");
    assert_eq!(dominating.samples, 70);
    assert_eq!(recording.task(dominating.task).tid, 8);
}

#[test]
fn records_lost_in_a_window_are_told() {
    let text = every_ms(0, 0..100, "app", READ)
        + "lost cpu0 0.040 0.050 7\nlost cpu1 0.040 0.050 9\nlost cpu0 5.0 5.1 11\n"
        + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let windows = find(&recording(&text));
    assert_eq!(windows.episodes[0].window.lost, 7);
}

#[test]
fn each_cpu_has_its_own_windows() {
    let text = every_ms(0, 0..100, "zero", READ)
        + &every_ms(1, 0..100, "one", READ)
        + &every_ms(0, 100..101, "ksoftirqd/0", RX)
        + &every_ms(1, 100..101, "ksoftirqd/1", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let who: Vec<_> = windows
        .episodes
        .iter()
        .map(|episode| (episode.cpu, recording.comm(episode.dominating.as_ref().expect("a path").task)))
        .collect();
    assert_eq!(who, [(0, "zero"), (1, "one")]);
}

#[test]
fn a_trigger_that_never_occurs_and_no_samples_at_all() {
    assert!(find(&recording(&every_ms(0, 0..100, "app", READ))).episodes.is_empty());
    let empty = find(&recording(""));
    assert!(empty.episodes.is_empty() && empty.ranking.is_empty());
}

#[test]
fn only_the_sampling_event_makes_windows() {
    // Samples of other events never reach a timeline; those of twins of the sampling event do, as
    // on hybrid CPUs.
    let mut recording =
        recording(&(every_ms(0, 0..100, "app", READ) + &every_ms(0, 100..101, "ksoftirqd/0", RX)));
    let twin = recording.about.events[0].clone();
    recording.about.events.push(twin);
    let mut details = Details::default();
    for at in 0..recording.timelines[0].samples.len() {
        details.push(Detail { event: EventId(at as u32 % 2), ..Detail::default() });
    }
    recording.timelines[0].details = details;
    assert_eq!(shape(&find(&recording).episodes[0]), (100, 100, 0));
}

#[test]
fn softirqs_choose_episodes() {
    let rcu = RX.replace("net_rx_action", "rcu_core");
    let text = every_ms(0, 0..100, "app", READ)
        + &every_ms(0, 100..101, "ksoftirqd/0", RX)
        + &every_ms(0, 300..301, "ksoftirqd/0", &rcu);
    let options = Options { softirqs: Some(vec![Softirq::Rcu]), ..Options::default() };
    let windows = windows::find(&recording(&text), &options);
    let starts: Vec<_> = windows.episodes.iter().map(|episode| episode.start_ns).collect();
    assert_eq!(starts, [300_000_000]);
}

/// Ten seconds of CPU 0 in which `hot` is in a short system call most of the time, and every second
/// `rare` fills the 100 ms before ksoftirqd.
fn hot_and_rare() -> String {
    let mut text = String::new();
    for second in 0..10 {
        let ms = second * 1000;
        for start in (ms..ms + 890).step_by(10) {
            text += &every_ms(0, start..start + 7, "hot", &format!("{READ};pipe_read"));
            text += &every_ms(0, start + 7..start + 10, "hot", "work_[u]");
        }
        text += &every_ms(0, ms + 890..ms + 990, "rare", &format!("{READ};seq_read"));
        text += &every_ms(0, ms + 990..ms + 995, "ksoftirqd/0", RX);
        text += &every_ms(0, ms + 995..ms + 1000, "hot", "work_[u]");
    }
    text
}

#[test]
fn a_rare_path_that_fills_the_windows_beats_an_innocent_that_is_always_hot() {
    // ksoftirqd also runs for RCU, at unrelated times: there the innocent path dominates.
    let rcu = RX.replace("net_rx_action", "rcu_core");
    let mut text = hot_and_rare();
    for second in 0..10 {
        text += &format!("cpu0 {second}.5005 ksoftirqd/0 {rcu}\n");
    }
    let recording = recording(&text);
    let windows = find(&recording);
    assert_eq!(windows.episodes.len(), 20);
    let top = &windows.ranking[0];
    assert_eq!((name(&recording, top), top.verdict), ("rare", Verdict::Culprit));
    assert_eq!((top.windows, top.baseline_windows), (10, 0));
    assert_eq!(top.lift, None);
    assert!(top.p_value < 1e-4, "{}", top.p_value);
    assert!((top.median_held_ns as i64 - 100_000_000).abs() < 2_000_000);
    let hot = ranked(&recording, &windows, "hot").expect("it dominates the windows before RCU");
    assert_eq!(hot.verdict, Verdict::Common);
    assert!(hot.baseline_share > 0.5);
}

#[test]
fn what_is_as_common_elsewhere_is_no_culprit() {
    let mut text = every_ms(0, 0..10_000, "hot", &format!("{READ};pipe_read"));
    for second in 1..10 {
        text += &format!("cpu0 {second}.0005 ksoftirqd/0 {RX}\n");
    }
    let recording = recording(&text);
    let windows = find(&recording);
    let hot = ranked(&recording, &windows, "hot").expect("it dominates all windows");
    assert_eq!(hot.windows, 9);
    assert_ne!(hot.verdict, Verdict::Culprit);
}

#[test]
fn one_window_alone_can_be_chance() {
    let text = every_ms(0, 0..400, "nginx", "work_[u]")
        + &every_ms(0, 400..500, "rare", READ)
        + &every_ms(0, 500..501, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let top = &windows.ranking[0];
    assert_eq!((top.windows, top.compared.baseline_windows), (1, 4));
    assert!((top.p_value - 0.2).abs() < 1e-9);
    assert_eq!(top.verdict, Verdict::Suspect);
}

#[test]
fn every_ranked_path_dominates_windows() {
    // In each of six windows the work goes deeper along another path; they share the frames above.
    let mut text = String::new();
    for second in 0..6 {
        let ms = second * 1000;
        text += &every_ms(0, ms..ms + 800, "nginx", "work_[u]");
        text += &every_ms(0, ms + 800..ms + 860, "agent", &format!("{READ};seq_read;show;print;number"));
        text += &every_ms(0, ms + 860..ms + 900, "nginx", "work_[u]");
        text += &every_ms(0, ms + 900..ms + 901, "ksoftirqd/0", RX);
    }
    let windows = find(&recording(&text));
    assert_eq!(windows.ranking.len(), 1);
    assert_eq!(windows.ranking[0].windows, 6);
    assert_eq!((windows.ranking[0].cpus.as_slice(), windows.ranking[0].windows_on_cpus), (&[0][..], 6));
}

#[test]
fn a_call_that_a_window_cuts_off_does_not_speak_against_itself() {
    // 300 ms in one call: 200 ms of it lie before the window.
    let mut text = String::new();
    for second in 0..5 {
        let ms = second * 1000;
        text += &every_ms(0, ms..ms + 600, "nginx", "work_[u]");
        text += &every_ms(0, ms + 600..ms + 900, "rare", READ);
        text += &every_ms(0, ms + 900..ms + 905, "ksoftirqd/0", RX);
        text += &every_ms(0, ms + 905..ms + 1000, "nginx", "work_[u]");
    }
    let windows = find(&recording(&text));
    assert_eq!(windows.ranking[0].baseline_windows, 0);
    assert_eq!(windows.ranking[0].verdict, Verdict::Culprit);
}

#[test]
fn what_runs_for_a_moment_only_did_not_stall_the_cpu() {
    let mut text = "from 0\nto 20.0\n".to_owned();
    for second in 1..20 {
        text += &format!("cpu0 {second}.499 sh {READ};do_exit\ncpu0 {second}.5 ksoftirqd/0 {RX}\n");
    }
    let windows = find(&recording(&text));
    assert_eq!(windows.ranking[0].windows, 19);
    assert_eq!(windows.ranking[0].verdict, Verdict::Brief);
}

#[test]
fn a_kernel_worker_is_told_as_one() {
    let work = "ret_from_fork;kthread;worker_thread;process_one_work;slow_work";
    let mut text = String::new();
    for second in 0..5 {
        let ms = second * 1000;
        text += &every_ms(0, ms..ms + 800, "nginx", "work_[u]");
        text += &every_ms(0, ms + 800..ms + 900, "kworker/0:1", work);
        text += &every_ms(0, ms + 900..ms + 901, "ksoftirqd/0", RX);
    }
    let recording = recording(&text);
    let windows = find(&recording);
    let top = &windows.ranking[0];
    assert_eq!((name(&recording, top), top.path.system_call), ("kworker/0:1", None));
    assert!(path(&recording, top.path.inner()).ends_with("process_one_work;slow_work"));
    assert_eq!(top.verdict, Verdict::Culprit);
}

#[test]
fn one_cause_with_short_and_long_paths_is_one_row() {
    let mut text = String::new();
    for second in 0..6 {
        let ms = second * 1000;
        // In every other window the paths diverge one frame further out.
        let split = if second % 2 == 0 { 95 } else { 60 };
        text += &every_ms(0, ms..ms + 800, "nginx", "work_[u]");
        text += &every_ms(0, ms + 800..ms + 800 + split, "agent", &format!("{READ};seq_read;show"));
        text += &every_ms(0, ms + 800 + split..ms + 900, "agent", &format!("{READ};seq_read;next"));
        text += &every_ms(0, ms + 900..ms + 901, "ksoftirqd/0", RX);
    }
    let recording = recording(&text);
    let windows = find(&recording);
    let [top] = &windows.ranking[..] else { panic!("one row, not {}", windows.ranking.len()) };
    assert_eq!(top.windows, 6);
    assert!(path(&recording, &top.path.functions).ends_with("vfs_read;seq_read"));
}
