//! Known causes: each is found in the stacks that show it and in no others, recordings show the
//! ones that were made and no others, and the page of causes says what the data files say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use stallgraph::analyses::stalls;
use stallgraph::causes::Causes;
use stallgraph::load;
use stallgraph::render::report;

use crate::support::sources::{read, root};
use crate::support::{MadeUp, Recording, Run, run, scenes, stallgraph};

/// A line of `testdata/known`.
struct Line {
    /// Where it stands.
    place: String,
    cause: String,
    /// Whether the stack shows the cause.
    is_shown: bool,
    kernel: String,
    stack: String,
}

fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    let folder = root().join("testdata/known");
    for file in fs::read_dir(&folder).expect("the folder") {
        let path = file.expect("a file").path();
        if path.is_dir() {
            continue;
        }
        for (number, text) in (1..).zip(read(&path).lines()) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let place = format!("{}:{number}", path.display());
            let fields: Vec<&str> = text.split('\t').collect();
            let [name, kernel, stack] = fields[..] else { panic!("{place}: three fields") };
            lines.push(Line {
                place,
                is_shown: !name.starts_with('-'),
                cause: name.trim_start_matches('-').to_owned(),
                kernel: kernel.to_owned(),
                stack: stack.to_owned(),
            });
        }
    }
    lines
}

/// The names of the causes that `causes --match` finds, and how sure each is.
fn found(stack: &str, kernel: Option<&str>) -> BTreeMap<String, String> {
    let mut command = stallgraph();
    command.args(["causes", "--format", "json", "--match", stack]);
    command.args(kernel.iter().flat_map(|kernel| ["--kernel", kernel]));
    let Run { stdout, stderr, .. } = run(&mut command);
    let json: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stderr}"));
    names(&json["known"])
}

/// The causes of a `known` of JSON, with their certainty.
fn names(known_causes: &Value) -> BTreeMap<String, String> {
    let all = known_causes.as_array().expect("a list");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    all.iter().map(|one| (text(&one["name"]), text(&one["certainty"]))).collect()
}

#[test]
fn each_cause_is_found_in_its_stacks_and_not_in_its_neighbours() {
    let causes = Causes::built_in();
    let mut tried: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for line in lines() {
        let cause = causes.get(&line.cause).unwrap_or_else(|| panic!("{}: no such cause", line.place));
        tried.entry(line.cause.clone()).or_default().insert(line.is_shown);
        let found = found(&line.stack, Some(&line.kernel));
        assert_eq!(found.contains_key(&line.cause), line.is_shown, "{}: {found:?}", line.place);
        // No other cause is found there unless that is said.
        let others = found.keys().filter(|name| **name != line.cause);
        let unsaid: Vec<&String> = others.filter(|name| !cause.also.contains(name)).collect();
        assert!(!line.is_shown || unsaid.is_empty(), "{}: also {unsaid:?}", line.place);
    }
    for cause in causes.iter().filter(|cause| !cause.paths.is_empty()) {
        let both = BTreeSet::from([false, true]);
        assert_eq!(tried.get(&cause.name), Some(&both), "{}: a stack that shows it, and one not", cause.name);
    }
}

#[test]
fn causes_are_whole() {
    let causes = Causes::built_in();
    assert!(causes.iter().filter(|cause| !cause.is_mistaken).count() >= 30);
    let names: BTreeSet<&str> = causes.iter().map(|cause| cause.name.as_str()).collect();
    assert_eq!(names.len(), causes.iter().len(), "names are unique over all files");
    for cause in causes.iter() {
        for text in [&cause.title, &cause.means, &cause.cure, &cause.verify.run, &cause.verify.shows] {
            assert!(!text.is_empty(), "{}", cause.name);
        }
        assert!(!cause.title.ends_with('.'), "{}", cause.title);
        for sentence in [&cause.means, &cause.cure, &cause.verify.shows] {
            assert!(sentence.ends_with('.'), "{}: {sentence}", cause.name);
        }
        for now in &cause.now {
            assert!(now.risk.ends_with('.'), "{}: each command has its risk", cause.name);
        }
        for also in &cause.also {
            assert!(names.contains(also.as_str()), "{}: also {also}", cause.name);
        }
    }
}

#[test]
fn the_kernel_decides_how_sure_a_cause_is() {
    let stack =
        "cadvisor;entry_SYSCALL_64_after_swapgs;do_syscall_64;SyS_read;vfs_read;seq_read;memcg_stat_show";
    let certainty = |kernel| found(stack, kernel).remove("dead-memory-cgroups");
    assert_eq!(certainty(Some("4.9.0-13-amd64")).as_deref(), Some("sure"));
    assert_eq!(certainty(None).as_deref(), Some("possible"));
    assert_eq!(certainty(Some("4.18.0-553.el8_10.x86_64")).as_deref(), Some("possible"));
    assert_eq!(certainty(Some("4.19")), None, "fixed there");
    let leaf = found("x;seq_read", Some("4.9"));
    assert!(leaf.is_empty(), "{leaf:?}");
}

/// What a handler does is not the work of the system call that it interrupts.
#[test]
fn the_interrupted_path_shows_nothing() {
    let interrupted = "cadvisor;entry_SYSCALL_64_after_hwframe;do_syscall_64;ksys_read;vfs_read;seq_read;\
                       memcg_stat_show;asm_sysvec_apic_timer_interrupt;sysvec_apic_timer_interrupt;irq_exit_rcu;\
                       __do_softirq;run_timer_softirq;call_timer_fn;process_timeout";
    assert!(found(interrupted, Some("4.9")).is_empty());
}

/// The recordings, and the causes that each shows. Those of the machine, which stood still, are
/// never sure.
const RECORDINGS: [(&str, &[&str]); 22] = [
    ("post", &["arp-table-read"]),
    ("system", &["arp-table-read"]),
    ("evidence", &["arp-table-read"]),
    ("mixed", &["arp-table-read"]),
    ("slow-call", &["arp-table-read"]),
    ("worker", &["neighbour-device-flush"]),
    ("other-call", &["neighbour-device-flush"]),
    ("interrupts-off", &["cgroup-rstat-one-cpu"]),
    ("causes/bind-b", &["tcp-bind-search"]),
    ("causes/bpffilter-a", &["slow-socket-filter"]),
    ("causes/compact-c", &["firmware-interrupt", "steal-time"]),
    ("causes/epoll-c", &["eventfd-wakes-epolls"]),
    ("causes/fork-a", &[]),
    ("causes/mcast-a", &["multicast-list-read"]),
    ("kernels/bookworm-amd64-route-a", &["route-file-offset"]),
    ("kernels/bookworm-amd64-trie-b", &["fib-trie-files"]),
    ("kernels/bullseye-amd64-trie-a", &["fib-trie-files"]),
    ("kernels/sid-amd64-arp-a", &["arp-table-read"]),
    ("kernels/trixie-amd64-arp-a", &["arp-table-read"]),
    ("kernels/trixie-arm64-arp-a", &["arp-table-read"]),
    ("known/bridge-fdb", &["bridge-fdb-flush"]),
    ("known/ipv6-routes", &["ipv6-route-device"]),
];

#[test]
fn recordings_show_what_was_made() {
    for (name, expected) in RECORDINGS {
        let recording = Recording::open(name);
        let json = |command: &str| -> Value {
            let result = run(recording.command(command).args(["--format", "json"]));
            serde_json::from_str(&result.stdout).unwrap_or_else(|_| panic!("{name}: {}", result.stderr))
        };
        let stalls = json("stalls");
        let ranking = stalls["ranking"].as_array().expect("a ranking");
        let in_ranking: BTreeMap<String, String> =
            ranking.iter().flat_map(|culprit| names(&culprit["known"])).collect();
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(in_ranking.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected, "{name}");
        // What a stall shows, its culprit shows in the ranking, unless few of its stalls do.
        for stall in stalls["stalls"].as_array().expect("stalls") {
            let of_stall = names(&stall["known"]);
            assert!(of_stall.keys().all(|cause| expected.contains(cause.as_str())), "{name}: {of_stall:?}");
        }
        let windows = json("window");
        for path in windows["ranking"].as_array().expect("a ranking") {
            let of_path = names(&path["known"]);
            assert!(of_path.keys().all(|cause| expected.contains(cause.as_str())), "{name}: {of_path:?}");
        }
        let check = json("check");
        for culprit in check["culprits"].as_array().expect("culprits") {
            let of_culprit = names(&culprit["known"]);
            assert!(
                of_culprit.keys().all(|cause| expected.contains(cause.as_str())),
                "{name}: {of_culprit:?}"
            );
        }
    }
}

#[test]
fn the_node_of_2019_is_cured() {
    let (perf_data, kallsyms) = scenes::post_2019();
    let node = MadeUp::write(&perf_data, &kallsyms);
    for command in ["window", "stalls"] {
        let text = run(&mut node.command(command)).stdout;
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in [
            "known dead-memory-cgroups (sure): dead memory cgroups",
            "; fixed upstream in 4.19",
            "helps echo 2 > /proc/sys/vm/drop_caches",
            "cure Linux 4.19",
            "source https://github.blog/2019-11-21-debugging-network-stalls-on-kubernetes/",
        ] {
            assert!(words.contains(expected), "{command}: {expected}: {text}");
        }
    }
}

/// What helps is read at night, in a terminal.
#[test]
fn a_culprit_is_told_with_what_helps() {
    let recording = Recording::open("post");
    for command in ["stalls", "window"] {
        let text = run(&mut recording.command(command)).stdout;
        let line =
            |word: &str| text.lines().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("{word}"));
        assert!(line("known").contains("arp-table-read (sure): reading /proc/net/arp with many neighbours"));
        assert!(line("source").len() > 20);
        assert_eq!(line("explain"), "explain   stallgraph causes arp-table-read");
    }
}

/// A line of `watch` names the cause, and a page has all of it.
#[test]
fn other_outputs_have_it_too() {
    let recording = Recording::open("post");
    let options = load::Options { events: true, ..load::Options::default() };
    let loaded = load::load(&recording.file, &options, &|_, _, _| {}).expect("it loads");
    let found = stalls::find(&loaded, &stalls::Options::default());
    let line = report::watch::line(&loaded, &found.stalls[0]);
    assert!(line.ends_with("node_exporter lseek; known: arp-table-read"), "{line}");

    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let written = run(recording.command("report").arg("-o").arg(&page));
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let html = read(&page);
    for expected in [
        "<b>Known:</b> arp-table-read (sure): reading /proc/net/arp with many neighbours",
        "<b>Helps now:</b> <code>",
        "<b>Make sure:</b> <code>",
        " after.data</code>",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn a_file_of_ones_own_adds_and_replaces() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ours.toml");
    let cause = |name: &str, title: &str| {
        format!(
            "[[cause]]\nname = \"{name}\"\ntitle = \"{title}\"\npaths = [\"seq_lseek;traverse\"]\n\
             comm = \"^node_exporter$\"\nmeans = \"Ours.\"\ncure = \"Ours.\"\n\
             verify = {{ run = \"true\", shows = \"Nothing.\" }}\nsources = [\"our wiki\"]\n"
        )
    };
    let text = cause("ours", "our \\u001b[31magent") + &cause("arp-table-read", "replaced");
    fs::write(&file, text).expect("a file");
    let recording = Recording::open("post");
    let stalls = run(recording.command("stalls").arg("--causes").arg(&file));
    assert!(stalls.stdout.contains("known     arp-table-read (sure): replaced"), "{}", stalls.stdout);
    assert!(stalls.stdout.contains("known     ours (sure): our"), "{}", stalls.stdout);
    assert!(stalls.stdout.contains("explain   stallgraph causes ours --causes="), "{}", stalls.stdout);
    assert!(!stalls.stdout.contains('\u{1b}'));

    fs::write(&file, "[[cause]]\nname = \"x\"\nfoo = 1\n").expect("a file");
    let refused = run(recording.command("stalls").arg("--causes").arg(&file));
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("ours.toml: line"), "{}", refused.stderr);
    let missing = run(stallgraph().args(["causes", "--causes", "/no/such/file"]));
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("--causes /no/such/file"), "{}", missing.stderr);
}

/// The example of the page is a file of causes.
#[test]
fn the_example_of_the_page_is_read() {
    let page = read(&root().join("docs/causes.md"));
    let example =
        page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), example).expect("it is written");
    let explained = run(stallgraph().args(["causes", "backup-agent", "--causes"]).arg(file.path()));
    assert_eq!(explained.code, Some(0), "{}", explained.stderr);
    for line in ["cause     backup-agent: the backup agent scans the volume", "kernels   4.4 to before 6.2"] {
        assert!(explained.stdout.contains(line), "{}", explained.stdout);
    }
}

#[test]
fn a_stack_that_is_none_is_refused() {
    for bad in ["", ";", "<a>;b c", "a,b"] {
        let refused = run(stallgraph().args(["causes", "--match", bad]));
        assert_eq!(refused.code, Some(2), "{bad}");
    }
    let refused = run(stallgraph().args(["causes", "--match", "vfs_read", "--kernel", "new"]));
    assert_eq!(refused.code, Some(2));
    // A tag of the kernel's sources is a version.
    let known_by = |kernel| found("ksys_read;seq_read;memcg_stat_show", Some(kernel));
    assert!(!known_by("4.9").is_empty() && known_by("v4.9") == known_by("4.9"));
    assert_eq!(run(stallgraph().args(["causes", "--match", "vfs_read"])).code, Some(1), "none");
    assert_eq!(run(stallgraph().args(["causes", "no-such-cause"])).code, Some(1));
}

/// A user pastes what another tool printed.
#[test]
fn a_pasted_stack_is_read_in_any_form() {
    for stack in [
        "node_exporter;main;ksys_lseek;seq_lseek;traverse.part.0.constprop.0;arp_seq_show 149",
        "ksys_lseek_[k];seq_lseek_[k];traverse_[k];arp_seq_show_[k] 149",
        "seq_lseek+0x1b/0x40;traverse+0x22;arp_seq_show+0x1b",
        "\tffffffff81a2b3c4 arp_seq_show+0x1b ([kernel.kallsyms])\n\tffffffff81a2b3c5 seq_lseek+0x1b ([kernel.kallsyms])\n",
        "[<0>] arp_seq_show+0x1b/0x40\n[<0>] seq_lseek+0x1b/0x40",
    ] {
        assert_eq!(found(stack, Some("6.1")).keys().collect::<Vec<_>>(), ["arp-table-read"], "{stack}");
    }
    // The work of an interrupt is not that of what it interrupts, in whatever order it is read.
    let interrupted =
        "a;read;memcg_stat_show;apic_timer_interrupt;smp_apic_timer_interrupt;hrtimer_interrupt";
    assert!(found(interrupted, Some("4.9")).is_empty());
    let reversed = run(stallgraph().args(["causes", "--match", "fib_route_seq_show;traverse;seq_lseek"]));
    assert_eq!(reversed.code, Some(1));
    assert!(reversed.stderr.contains("takes the root first"), "{}", reversed.stderr);
    // A part of a softirq's stack is enough, with or without its entry.
    for stack in ["net_rx_action;udp4_lib_lookup2", "handle_softirqs;net_rx_action;udp4_lib_lookup2"] {
        assert_eq!(found(stack, Some("6.1")).keys().collect::<Vec<_>>(), ["udp-socket-search"], "{stack}");
    }
}

/// `docs/causes.md` ends with what `causes --format markdown` prints.
#[test]
fn the_page_of_causes_is_that_of_the_data_files() {
    let page = read(&root().join("docs/causes.md"));
    let generated = run(stallgraph().args(["causes", "--format", "markdown"])).stdout;
    assert!(
        page.ends_with(&generated),
        "run scripts/causes-page, which writes the part of docs/causes.md that is made of src/causes/*.toml"
    );
}

#[test]
fn a_name_that_is_not_quite_right_leads_to_those_that_are() {
    let complaint = |name: &str| run(stallgraph().args(["causes", name])).stderr;
    assert!(
        complaint("arp").contains("do you mean arp-table-read? stallgraph causes"),
        "{}",
        complaint("arp")
    );
    assert!(complaint("Dead_cgroups").contains("do you mean dead-memory-cgroups?"));
    for name in ["", "nothing-of-the-kind", "\u{1b}[2J"] {
        assert!(complaint(name).contains("no such cause; stallgraph causes lists all"), "{name}");
    }
}
