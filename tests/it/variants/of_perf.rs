//! Recordings that perf made with many options: `testdata/variants`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{run, stallgraph, stdout_of};

/// testdata/variants has recordings made by perf, and the number of samples that perf script prints
/// of each.
#[test]
fn recordings_made_by_perf_hold_as_many_samples_as_perf_finds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/variants");
    let counts = fs::read_to_string(folder.join("counts.txt")).expect("the counts");
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    let mut seen = 0;
    for line in counts.lines() {
        let (name, count) = line.split_once(' ').expect("a name and a number");
        let path = unpack(&folder, name, unpacked.path());
        let run = run(stallgraph().args(["collapse", "--no-symbols", "-F", "cpu,count"]).arg(&path));
        if name == "no-cpu" {
            check_threads(&path, count);
            continue;
        }
        seen += 1;
        assert_eq!(
            (run.code, run.stdout.lines().count()),
            (Some(0), count.parse().unwrap()),
            "{name}: {run:?}"
        );
        let is_warning = |line: &str| line.starts_with("stallgraph: warning: ");
        assert!(run.stderr.lines().all(is_warning), "{name}: {}", run.stderr);
        assert!(run.stdout.lines().all(|line| line == "0\t1" || line == "1\t1"), "{name}: {}", run.stdout);
    }
    assert!(seen >= 18, "{seen} variants");
}

/// `perf record -D` makes an extra event for the side band. Where its `sample_id` differs from that
/// of the others, comms and paths must end where its own begins.
#[test]
fn each_record_ends_in_the_sample_id_of_its_event() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/variants");
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    let path = unpack(&folder, "delay", unpacked.path());
    let collapsed = run(stallgraph().args(["collapse", "--no-symbols"]).arg(&path));
    let comms: Vec<&str> = collapsed.stdout.lines().filter_map(|line| line.split(';').next()).collect();
    // perf script -F comm,event
    assert_eq!(comms, ["dd"; 29], "{collapsed:?}");
    assert!(collapsed.stdout.contains(";[libc.so.6];"), "{collapsed:?}");
}

/// Samples without a CPU: collapse prints thread after thread, each in time order, and commands
/// that need a CPU refuse.
fn check_threads(file: &Path, count: &str) {
    let columns = ["--no-symbols", "-F", "tid,time,count"];
    let stdout = stdout_of(stallgraph().arg("collapse").arg(file).args(columns));
    let rows: Vec<(u32, &str)> = stdout
        .lines()
        .map(|line| {
            let mut columns = line.split('\t');
            (columns.next().unwrap().parse().unwrap(), columns.next().unwrap())
        })
        .collect();
    assert_eq!(rows.len().to_string(), count);
    assert!(rows.is_sorted(), "times have one length here: {stdout}");
    let mut tids: Vec<u32> = rows.iter().map(|(tid, _)| *tid).collect();
    tids.dedup();
    assert!(tids.len() > 1, "{tids:?}");

    for lanes in ["cpu", "task"] {
        let options = ["--no-symbols", "--format", "speedscope", "--lanes", lanes];
        let export = stdout_of(stallgraph().arg("export").arg(file).args(options));
        let export: serde_json::Value = serde_json::from_str(&export).expect("JSON");
        let names: Vec<&str> = export["profiles"]
            .as_array()
            .expect("profiles")
            .iter()
            .map(|lane| lane["name"].as_str().and_then(|name| name.split(' ').next_back()).expect("a name"))
            .collect();
        assert_eq!(names, tids.iter().map(u32::to_string).collect::<Vec<_>>(), "a lane for each thread");
    }

    let folder = tempfile::tempdir().expect("a temporary folder");
    stdout_of(stallgraph().arg("collapse").arg(file).arg("--no-symbols").arg("--split").arg(folder.path()));
    let names: Vec<bool> =
        tids.iter().map(|tid| folder.path().join(format!("tid-{tid}.folded")).exists()).collect();
    assert!(names.iter().all(|exists| *exists), "{tids:?}: {names:?}");
    for arguments in
        [["window", "--no-symbols"].as_slice(), &["collapse", "-C", "0"], &["collapse", "-F", "cpu"]]
    {
        let run = run(stallgraph().args(arguments).arg(file));
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(run.stderr.contains("on which CPU") && run.stderr.contains("--sample-cpu"), "{}", run.stderr);
    }
    let info = stdout_of(stallgraph().arg("info").arg(file).arg("--no-symbols"));
    assert!(info.contains("samples do not say theirs"), "{info}");
}

/// Unpacks a file of testdata/variants, or a directory.
fn unpack(folder: &Path, name: &str, into: &Path) -> PathBuf {
    let unpack = |packed: &Path, to: &Path| {
        let bytes = zstd::decode_all(fs::File::open(packed).expect("the recording")).expect("it unpacks");
        fs::write(to, bytes).expect("it can be written to");
    };
    let to = into.join(name);
    if !folder.join(name).is_dir() {
        unpack(&folder.join(format!("{name}.zst")), &to);
        return to;
    }
    fs::create_dir(&to).expect("a folder");
    for entry in fs::read_dir(folder.join(name)).expect("a directory") {
        let packed = entry.expect("an entry").path();
        unpack(&packed, &to.join(packed.file_stem().expect("a name")));
    }
    to
}
