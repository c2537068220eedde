//! Whole commands, from start to end, which is what a user waits for: on the recording of all
//! benches, and on a small one, where starting takes most of the time.

mod input;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

use input::Input;

fn commands(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commands");
    group.sample_size(10);

    let input = Input::read();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recording = folder.path().join("perf.data");
    fs::write(&recording, &input.bytes).expect("the temporary folder can be written to");
    for subcommand in ["window", "collapse", "stalls", "chart"] {
        bench(&mut group, subcommand, command(subcommand, &recording, &input.path));
    }

    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post/perf.data");
    bench(&mut group, "start to answer", command("window", &small, &small));
    group.finish();
}

/// A subcommand on `recording`, with names from the files beside `original`, as far as they exist.
fn command(subcommand: &str, recording: &Path, original: &Path) -> (Command, u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stallgraph"));
    command.arg(subcommand).arg(recording);
    for (option, name) in [("--kallsyms", "kallsyms"), ("--symfs", "symfs")] {
        let beside = original.with_file_name(name);
        if beside.exists() {
            command.arg(option).arg(beside);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    (command, fs::metadata(recording).expect("the recording").len())
}

fn bench(group: &mut BenchmarkGroup<WallTime>, label: &str, (mut command, bytes): (Command, u64)) {
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(label, |bencher| {
        bencher.iter(|| {
            let status = command.status().expect("it starts");
            // Other recordings may have no stall, or be incomplete.
            assert!(matches!(status.code(), Some(0 | 1 | 3)), "{label}: {status}");
        });
    });
}

criterion_group!(benches, commands);
criterion_main!(benches);
