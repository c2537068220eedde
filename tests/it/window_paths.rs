//! The dominating path of a window: where it ends, and the function that says what its work is.

use crate::support::fixture::{RX, every_ms, recording};
use stallgraph::analyses::windows::{self, Options, Windows};
use stallgraph::model::{NameId, Recording};

const READ: &str = "main_[u];entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read";
const SLOW: &str = "bpf_prog_b87c6f108c0c9cc4_slow";

fn find(recording: &Recording) -> Windows {
    windows::find(recording, &Options::default())
}

fn path(recording: &Recording, names: &[NameId]) -> String {
    names.iter().map(|name| recording.name(*name)).collect::<Vec<_>>().join(";")
}

#[test]
fn the_path_ends_where_the_work_forks() {
    let show = format!("{READ};seq_read;memcg_stat_show");
    let text = every_ms(0, 0..60, "cadvisor", &format!("{show};mem_cgroup_iter"))
        + &every_ms(0, 60..100, "cadvisor", &format!("{show};lru_pages"))
        + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let dominating = windows.episodes[0].dominating.as_ref().expect("a path");
    assert!(path(&recording, &dominating.path.functions).ends_with("seq_read;memcg_stat_show"));
    assert_eq!(dominating.share, 1.0);
}

#[test]
fn the_function_is_no_lock_clock_copy_or_text() {
    for (inner, function) in [
        ("seq_read;neigh_get_next;_raw_spin_unlock_irqrestore", "neigh_get_next"),
        ("seq_read;ktime_get;read_tsc", "seq_read"),
        ("filemap_read;copy_page_to_iter;_copy_to_iter;rep_movs_alternative", "filemap_read"),
        ("seq_read;dev_mc_seq_show", "dev_mc_seq_show"),
        ("seq_read;fib_route_seq_show;seq_printf;vsnprintf;format_decode", "fib_route_seq_show"),
        ("sk_filter_trim_cap;bpf_prog_b87c6f108c0c9cc4_slow;ktime_get_mono_fast_ns;read_tsc", SLOW),
        ("sk_filter_trim_cap;bpf_prog_b87c6f108c0c9cc4_slow;bpf_map_lookup_elem;htab_map_hash", SLOW),
        ("bpf_prog_1111111111111111;bpf_for_each_map_elem;bpf_prog_b87c6f108c0c9cc4_slow", SLOW),
        ("", "vfs_read"),
    ] {
        let stack = format!("{READ};{inner}");
        let stack = stack.trim_end_matches(';');
        let text = every_ms(0, 0..100, "cadvisor", stack) + &every_ms(0, 100..101, "ksoftirqd/0", RX);
        let recording = recording(&text);
        let windows = find(&recording);
        let path_of_window = &windows.episodes[0].dominating.as_ref().expect("a path").path;
        let ranked = &windows.ranking[0];
        for found in [path_of_window, &ranked.path] {
            let named = found.function.map(|name| recording.name(name));
            assert_eq!(named, Some(function), "{stack}");
            assert_eq!(path(&recording, &found.functions), stack.trim_start_matches("main_[u];"));
        }
    }
    let lock = "ret_from_fork;kthread;_raw_spin_lock_irqsave;native_queued_spin_lock_slowpath";
    let text = every_ms(0, 0..100, "flush", lock) + &every_ms(0, 100..101, "ksoftirqd/0", RX);
    let recording = recording(&text);
    let windows = find(&recording);
    let dominating = windows.episodes[0].dominating.as_ref().expect("a path");
    // No helper gives its work to the entry that all kernel threads share.
    let function = dominating.path.function.map(|name| recording.name(name));
    assert_eq!(function, Some("_raw_spin_lock_irqsave"));
}

#[test]
fn the_function_is_where_the_branches_of_a_path_meet_again() {
    let down = format!("{READ};addrconf_ifdown");
    let branches = |inner: &str| {
        every_ms(0, 0..40, "agent", &format!("{down};rt6_disable_ip;{inner}"))
            + &every_ms(0, 40..80, "agent", &format!("{down};fib6_flush;{inner}"))
            + &every_ms(0, 80..100, "agent", &format!("{down};rt6_sync_down_dev;dst_release"))
            + &every_ms(0, 100..101, "ksoftirqd/0", RX)
    };
    for (inner, function) in [
        ("__fib6_clean_all;fib6_clean_node", "fib6_clean_node"),
        // A function that calls itself counts once.
        ("fib6_walk;fib6_clean_node;fib6_walk", "fib6_walk"),
        // Everybody calls these.
        ("seq_printf;vsnprintf", "addrconf_ifdown"),
        ("_raw_spin_lock_bh", "addrconf_ifdown"),
    ] {
        let recording = recording(&branches(inner));
        let windows = find(&recording);
        let dominating = windows.episodes[0].dominating.as_ref().expect("a path");
        let ranked = &windows.ranking[0];
        for (found, place) in [(&dominating.path, Some(dominating.place)), (&ranked.path, ranked.place)] {
            let place = place.expect("a place").frame;
            let named = recording.function(recording.frames.function(place)).name;
            assert_eq!((found.function, recording.name(named)), (Some(named), function), "{inner}");
            assert!(path(&recording, &found.functions).ends_with("addrconf_ifdown"), "{inner}");
            let meets = if function == "addrconf_ifdown" { "" } else { inner };
            assert!(meets.ends_with(&path(&recording, &found.beyond)), "{inner}");
        }
    }
    // Stacks of two programs' functions are entries of their own, and have the same path.
    let text = branches("__fib6_clean_all;fib6_walk");
    let others = |(number, line): (usize, &str)| match number % 2 {
        0 => format!("{}\n", line.replacen("main_[u]", "other_[u]", 1)),
        _ => format!("{line}\n"),
    };
    let recording_of_two = recording(&text.lines().enumerate().map(others).collect::<String>());
    let beyond = &find(&recording_of_two).ranking[0].path.beyond;
    assert_eq!(path(&recording_of_two, beyond), "__fib6_clean_all;fib6_walk");
    let none_meet = |text: &str| {
        let recording = recording(text);
        let path = &find(&recording).ranking[0].path;
        assert_eq!(path.function.map(|name| recording.name(name)), Some("addrconf_ifdown"));
        assert!(path.beyond.is_empty());
    };
    // Two samples in five are elsewhere.
    none_meet(&branches("__fib6_clean_all").replace("fib6_flush;__fib6_clean_all", "fib6_flush"));
    // One way alone is no fork; what it leads to does not dominate the window.
    let other = every_ms(0, 0..48, "envoy", "work_[u]")
        + &every_ms(0, 48..52, "agent", &down)
        + &every_ms(0, 52..100, "agent", &format!("{down};fib6_flush"));
    none_meet(&(other + &every_ms(0, 100..101, "ksoftirqd/0", RX)));
}
