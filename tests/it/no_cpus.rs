//! Recordings whose samples do not say on which CPU they were taken: `perf record -- COMMAND` of
//! perf before 4.15, which wrote no ID_INDEX. A thread is no CPU.

use crate::support::builder::{Builder, Event, Kernel, Sample, sample_type};
use crate::support::{MadeUp, run};

const TASK: (u32, u32) = (19418, 19418);
const OTHER: (u32, u32) = (3, 3);
const SENTENCE: &str = "the samples of cpu-clock do not say on which CPU they were taken";

/// Two seconds of one command: cpu-clock without CPUs, and page faults, with CPUs or without.
fn command_only(faults_have_cpus: bool) -> MadeUp {
    let mut kernel = Kernel::new();
    let stack = kernel.stack("entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read");
    let without = sample_type::IP
        | sample_type::TID
        | sample_type::TIME
        | sample_type::CALLCHAIN
        | sample_type::PERIOD
        | sample_type::IDENTIFIER;
    let with = if faults_have_cpus { without | sample_type::CPU } else { without };
    let mut file = Builder::new();
    file.event(Event::cpu_clock().sample_type(without))
        .event(Event::new("page-faults", 1, 2).sample_type(with));
    file.event_desc().kernel_map(&kernel).comm(TASK, "sh").comm(OTHER, "sleep");
    for ms in 0..2000 {
        file.at(3, (1000 + ms) * 1_000_000);
        let task = if ms % 100 == 0 { OTHER } else { TASK };
        file.sample(Sample::new(task).kernel(&stack));
        if ms % 10 == 0 {
            file.sample(Sample::new(TASK).kernel(&stack).event(1));
        }
    }
    MadeUp::write(&file.build(), &kernel.kallsyms())
}

#[test]
fn a_thread_is_no_cpu_for_commands_that_need_one() {
    for file in [false, true].map(command_only) {
        for command in ["check", "stalls", "window", "syscalls", "packets"] {
            let ran = run(&mut file.command(command));
            assert_eq!(ran.code, Some(2), "{command}: {ran:?}");
            assert!(format!("{}{}", ran.stdout, ran.stderr).contains(SENTENCE), "{command}: {ran:?}");
        }
        let checked = run(&mut file.command("check"));
        assert_eq!(checked.stdout, format!("unknown: {SENTENCE}\n"));
        for options in [&["-F", "cpu,stack"][..], &["-C", "3"]] {
            let ran = run(file.command("collapse").args(options));
            assert_eq!(ran.code, Some(2), "{ran:?}");
            assert!(ran.stderr.contains(SENTENCE), "{ran:?}");
        }
    }
}

#[test]
fn commands_that_do_not_need_cpus_keep_threads_apart() {
    for file in [false, true].map(command_only) {
        let collapsed = run(&mut file.command("collapse"));
        let count = |comm: &str| collapsed.stdout.lines().filter(|line| line.starts_with(comm)).count();
        assert_eq!((collapsed.code, count("sh;"), count("sleep;")), (Some(0), 1980, 20));
        let info = run(&mut file.command("info"));
        assert_eq!(info.code, Some(0));
        assert!(info.stdout.contains("samples do not say theirs"), "{info:?}");
        let split = tempfile::tempdir().expect("a temporary folder");
        let ran = run(file.command("collapse").arg("--split").arg(split.path()));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for name in ["tid-3.folded", "tid-19418.folded"] {
            assert!(split.path().join(name).exists(), "{name}");
        }
        let chart = run(file.command("chart").args(["-o", "-"]));
        assert_eq!(chart.code, Some(0), "{chart:?}");
        assert!(chart.stderr.contains("thread 19418 is drawn, of threads 3,19418"), "{chart:?}");
        assert!(!chart.stdout.contains("CPU 19418"));
        let chrome = run(file.command("export").args(["--format", "chrome", "-o", "-"]));
        assert_eq!(chrome.code, Some(0), "{chrome:?}");
        assert!(!chrome.stdout.contains("CPU 3"), "no lane of a CPU");
    }
}
