//! What the analyses conclude of samples without call chains.

use stallgraph::analyses::check::{self, Status, Thresholds};
use stallgraph::analyses::paths::Owner;
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::{self, Confidence, Holder};
use stallgraph::analyses::windows::{self, Filler, Verdict};
use stallgraph::model::{Recording, Softirq};

use crate::support::fixture::{every_ms, recording};

fn windows(text: &str) -> (Recording, windows::Windows) {
    let recording = recording(text);
    let found = windows::find(&recording, &windows::Options::default());
    (recording, found)
}

/// Ten times `before` for 100 ms, then ksoftirqd, then a second of user code.
fn ten_windows(before: impl Fn(u64) -> String) -> String {
    let each = |n: u64| {
        let start = n * 1200;
        before(start)
            + &every_ms(1, start + 100..start + 103, "ksoftirqd/1", "net_rx_action")
            + &every_ms(1, start + 103..start + 1200, "nginx", "main_[u]")
    };
    format!("flat\n{}", (0..10).map(each).collect::<String>())
}

#[test]
fn a_comm_in_the_kernel_is_a_lead_and_no_culprit() {
    let leaves = ["seq_read", "vsnprintf", "vsnprintf", "memcg_stat_show"];
    let text = ten_windows(|start| {
        (0..100)
            .map(|ms| every_ms(1, start + ms..start + ms + 1, "cadvisor", leaves[ms as usize % 4]))
            .collect()
    });
    let (recording, windows) = windows(&text);
    let top = windows.ranking.first().expect("a path");
    let comm = top.holder.task().map(|comm| recording.name(comm));
    assert_eq!((comm, top.verdict, top.windows), (Some("cadvisor"), Verdict::Lead, 10));
    assert_eq!((top.path.owner, top.path.functions.len()), (Owner::Unknown, 0));
    let leaves: Vec<(&str, f64)> =
        top.leaves.iter().map(|&(name, share)| (recording.name(name), share)).collect();
    assert_eq!(leaves, [("vsnprintf", 0.5), ("memcg_stat_show", 0.25), ("seq_read", 0.25)]);
}

#[test]
fn one_function_is_followed() {
    let text = ten_windows(|start| every_ms(1, start..start + 100, "cadvisor", "memcg_stat_show"));
    let (recording, windows) = windows(&text);
    let top = windows.ranking.first().expect("a path");
    let functions: Vec<&str> = top.path.functions.iter().map(|name| recording.name(*name)).collect();
    assert_eq!((functions, top.verdict), (vec!["memcg_stat_show"], Verdict::Lead));
    assert!(top.leaves.is_empty() && top.path.system_call.is_none());
}

#[test]
fn what_runs_elsewhere_too_is_no_lead() {
    let text = ten_windows(|start| every_ms(1, start..start + 100, "nginx", "vfs_read"))
        .replace("main_[u]", "vfs_read");
    let (_, windows) = windows(&text);
    assert_eq!(windows.ranking.first().map(|top| top.verdict), Some(Verdict::Common));
}

#[test]
fn user_code_idle_and_the_actions_of_softirqs_are_no_suspects() {
    let work = [("nginx", "main_[u]"), ("swapper", "pv_native_safe_halt"), ("nginx", "net_rx_action")];
    for (comm, leaf) in work {
        let (_, windows) = windows(&ten_windows(|start| every_ms(1, start..start + 100, comm, leaf)));
        let is_softirq = |ranked: &windows::Ranked| ranked.holder == Holder::Softirq(Softirq::NetRx);
        assert!(windows.ranking.iter().all(is_softirq), "{leaf}: a task is no suspect");
        assert_eq!(windows.ranking.is_empty(), leaf != "net_rx_action");
        let filler = windows.episodes[0].filler();
        match leaf {
            "pv_native_safe_halt" => assert_eq!(filler, Filler::Idle),
            "net_rx_action" => assert_eq!(filler, Filler::Interrupts(1.0)),
            _ => assert!(matches!(filler, Filler::Comm(_, 1.0)), "{filler:?}"),
        }
        assert_eq!(windows.episodes[0].softirqs.get(&Softirq::NetRx), Some(&3));
    }
}

/// A thread may make many short calls, or softirqs may run on top of it: a long run of samples in
/// the kernel is no stall.
#[test]
fn a_long_time_in_the_kernel_is_no_stall() {
    let text = ten_windows(|start| every_ms(1, start..start + 100, "cadvisor", "memcg_stat_show"));
    let recording = recording(&text);
    let stalls = stalls::find(&recording, &stalls::Options::default());
    assert_eq!(stalls.stalls.len(), 0, "{:?}", stalls.stalls);
    let selection = Selection::default();
    let check = check::judge(&recording, &stalls, &selection, &Thresholds::default());
    assert!(matches!(check.status, Status::Unknown(_)), "{:?}", check.status);
}

/// What was traced is as sure as with call chains; the holder is known by its samples.
#[test]
fn traced_softirqs_show_the_stall_and_samples_its_holder() {
    let text =
        "flat\ncpu1 0.500 nginx raise:net_rx\ncpu1 0.501 nginx entry:net_rx\ncpu1 0.502 nginx exit:net_rx\n\
                cpu1 1.000 nginx raise:net_rx\ncpu1 1.200 ksoftirqd/1 entry:net_rx\n\
                cpu1 1.201 ksoftirqd/1 exit:net_rx\n"
            .to_owned()
            + &every_ms(1, 0..1000, "nginx", "main_[u]")
            + &every_ms(1, 1000..1200, "cadvisor", "memcg_stat_show")
            + &every_ms(1, 1200..3000, "nginx", "main_[u]");
    let recording = recording(&text);
    let stalls = stalls::find(&recording, &stalls::Options::default());
    let [stall] = &stalls.stalls[..] else { panic!("{:?}", stalls.stalls) };
    assert!(stall.confidence >= Confidence::Medium && stall.duration_ns() == 200_000_000, "{stall:?}");
    let culprit = stall.culprit.as_ref().expect("a culprit");
    assert_eq!(culprit.holder.task().map(|task| recording.comm(task)), Some("cadvisor"));
    let path = culprit.path.as_ref().expect("a path");
    assert_eq!((path.owner, path.system_call), (Owner::Unknown, None));
    assert_eq!(path.function.map(|name| recording.name(name)), Some("memcg_stat_show"));
}
