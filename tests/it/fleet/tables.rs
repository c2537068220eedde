//! Tables of nodes: they say the same as the recordings that they were made of.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stallgraph::analyses::rows::Rows;
use tempfile::TempDir;

use crate::support::{Run, run, stallgraph};

use super::nodes::{Nodes, texts};
use super::scene;

/// The recordings of `nodes` as tables in a folder of its own.
fn tables_of(nodes: &Nodes) -> TempDir {
    let tables = tempfile::tempdir().expect("a folder");
    for (at, node) in ["n0", "n1", "n2", "n3"].into_iter().enumerate() {
        let zone = at % 2;
        export(
            &nodes.path().join(format!("zone={zone}/node={node}/perf.data")),
            tables.path(),
            &["--node", node, "--label", &format!("zone={zone}")],
        );
    }
    tables
}

/// Writes the tables of a recording.
fn export(recording: &Path, tables: &Path, options: &[&str]) -> Run {
    // No file of this machine gives names.
    let none = tempfile::tempdir().expect("a folder");
    let mut command = stallgraph();
    command.args(["export", "--format", "parquet", "-o"]).arg(tables).arg("--symfs").arg(none.path());
    let run = run(command.args(options).arg(recording));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

fn fleet(folder: &Path, options: &[&str]) -> Run {
    run(stallgraph().arg("fleet").arg(folder).args(options))
}

fn json(folder: &Path) -> Value {
    serde_json::from_str(&fleet(folder, &["--format", "json"]).stdout).expect("JSON")
}

/// All files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let below = path.strip_prefix(folder).expect("a path below").to_owned();
                    files.push((below, fs::read(path).expect("a file")));
                }
            }
        }
    }
    files.sort();
    files
}

#[test]
fn tables_say_the_same_as_recordings() {
    let nodes = Nodes::new();
    let tables = tables_of(&nodes);
    assert_eq!(json(tables.path()), nodes.json(&[]));
    assert_eq!(fleet(tables.path(), &[]).stdout, nodes.run(&[]).stdout);
    let list = fleet(tables.path(), &["--drain-list"]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(1), "n2\nn1\nn0\n"));
}

#[test]
fn the_same_recording_has_the_same_files() {
    let nodes = Nodes::new();
    let (tables, again) = (tables_of(&nodes), tables_of(&nodes));
    let first = files(tables.path());
    assert!(first.len() > 15, "{}", first.len());
    assert_eq!(first, files(again.path()));
    // Into the same folder, with one recording twice: nothing is added.
    let recording = nodes.path().join("zone=0/node=n2/perf.data");
    export(&recording, tables.path(), &["--node", "n2", "--label", "zone=0"]);
    assert_eq!(first, files(tables.path()));
    // Of a selection in which nothing stalls, no stalls are left there.
    let calm = tempfile::tempdir().expect("a folder");
    export(&recording, calm.path(), &["--node", "n2"]);
    assert!(files(calm.path()).iter().any(|(path, _)| path.starts_with("stalls")));
    export(&recording, calm.path(), &["--node", "n2", "--samples"]);
    for table in ["samples", "stacks", "frames"] {
        assert!(files(calm.path()).iter().any(|(path, _)| path.starts_with(table)), "{table}");
    }
    export(&recording, calm.path(), &["--node", "n2"]);
    assert!(!files(calm.path()).iter().any(|(path, _)| path.starts_with("samples")));
}

#[test]
fn damaged_files_are_named_and_left_out() {
    let nodes = Nodes::new();
    let tables = tables_of(&nodes);
    let damage = |table: &str, node: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let path = files(tables.path()).into_iter().map(|(path, _)| path);
        let is_it = |path: &PathBuf| {
            path.starts_with(table) && path.to_string_lossy().contains(&format!("node={node}-"))
        };
        let path = tables.path().join(path.into_iter().find(is_it).expect("the file"));
        let bytes = change(fs::read(&path).expect("a file"));
        fs::write(&path, bytes).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let cut = damage("stalls", "n0", &|bytes| bytes[..bytes.len() / 2].to_vec());
    let broken = damage("recordings", "n1", &|mut bytes| {
        bytes[4..100].fill(0xff);
        bytes
    });
    let document = json(tables.path());
    let skipped = texts(&document["skipped"], "file");
    assert!(skipped.contains(&cut.as_str()) && skipped.contains(&broken.as_str()), "{skipped:?}");
    // The stalls of n1 have no recording, and those of n0 cannot be read.
    assert_eq!(document["nodes"][0]["node"], "n2");
    assert_eq!(document["totals"]["stalls"], 10);
    assert!(fleet(tables.path(), &[]).stdout.contains("is no whole Parquet file"));
}

#[test]
fn files_of_other_versions_are_read() {
    let versions = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fleet/versions");
    for version in ["older", "later"] {
        let folder = tempfile::tempdir().expect("a folder");
        for table in ["recordings", "stalls"] {
            let place = folder.path().join(table).join("date=2026-11-28/node=node7");
            fs::create_dir_all(&place).expect("a folder");
            fs::copy(versions.join(format!("{table}-{version}.parquet")), place.join("r1.parquet"))
                .expect("a copy");
        }
        let document = json(folder.path());
        assert_eq!(document["skipped"], serde_json::json!([]), "{version}");
        assert_eq!(document["nodes"][0]["node"], "node7", "{version}");
        assert_eq!((&document["totals"]["stalls"], &document["totals"]["unsure"]), (&2.into(), &1.into()));
    }
}

/// The limits of the command hold for tables, and what is not a table is found beside them.
#[test]
fn tables_are_read_as_recordings_are() {
    let nodes = Nodes::new();
    let tables = tables_of(&nodes);
    let fleet_at = |path: &Path, options: &[&str]| {
        let run = fleet(path, &[&["--format", "json"][..], options].concat());
        serde_json::from_str::<Value>(&run.stdout).expect("JSON")
    };
    let long = fleet_at(tables.path(), &["--min", "150ms"]);
    // Two of 17 are as long.
    assert_eq!(long["totals"]["stalls"], 2);
    assert_eq!(long["totals"]["min_ns"], 150_000_000);
    // A folder that is called like a table holds recordings, and one beside tables is searched.
    let outer = tempfile::tempdir().expect("a folder");
    let place = outer.path().join("recordings/node=alone");
    fs::create_dir_all(&place).expect("a folder");
    fs::copy(nodes.path().join("zone=0/node=n2/perf.data"), place.join("perf.data")).expect("a copy");
    assert_eq!(fleet_at(outer.path(), &[])["nodes"][0]["node"], "alone");
    let beside = tables.path().join("kept/node=beside");
    fs::create_dir_all(&beside).expect("a folder");
    fs::copy(place.join("perf.data"), beside.join("perf.data")).expect("a copy");
    assert_eq!(fleet_at(tables.path(), &[])["totals"]["nodes"], 5);
}

/// Two copies of what a watch wrote: the later one has all that the earlier one has.
#[test]
fn the_longer_copy_of_a_day_counts() {
    let outer = tempfile::tempdir().expect("a folder");
    for (folder, hours, stalls) in [("a", 9, 3), ("b", 18, 7), ("c", 12, 5)] {
        let mut recording = scene::recording("host", hours * 3600);
        recording.recording = "watch-1".to_owned();
        let mut rows = Rows::of(recording);
        rows.stalls = scene::stalls("agent read", stalls);
        rows.stalls.iter_mut().for_each(|stall| stall.recording = "watch-1".to_owned());
        for file in stallgraph::tables::files(&rows, None) {
            let path = outer.path().join(folder).join(file.path());
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            file.write(&mut fs::File::create(path).expect("a file")).expect("rows");
        }
    }
    let document = json(outer.path());
    assert_eq!(document["totals"]["stalls"], 7);
    assert_eq!(document["totals"]["observed_ns"], 18 * 3600 * 1_000_000_000u64);
    assert_eq!(document["twins"].as_array().map(Vec::len), Some(2));
}

/// Whatever a node is called, its tables lie in the folder, and its name is told as it is.
#[test]
fn names_of_nodes_reach_no_path() {
    let nodes = Nodes::new();
    let recording = nodes.path().join("zone=0/node=n2/perf.data");
    for name in [
        "../../../escaped",
        ";rm -rf $HOME",
        "--all",
        "a\nb",
        "x'; DROP TABLE stalls; --",
        "007",
        "\u{202e}x",
    ] {
        let outer = tempfile::tempdir().expect("a folder");
        let tables = outer.path().join("tables");
        fs::create_dir(&tables).expect("a folder");
        export(&recording, &tables, &[&format!("--node={name}"), "--label", "zone=';\u{1b}[2J"]);
        let all = files(outer.path());
        assert!(!all.is_empty());
        for (path, _) in all {
            let text = path.to_str().expect("a text");
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "/=._-".contains(c);
            assert!(
                text.starts_with("tables/") && text.chars().all(is_safe) && !text.contains("/.."),
                "{text}"
            );
        }
        let run = fleet(&tables, &["--drain-list"]);
        assert_eq!(run.stdout, if name == "007" { "007\n" } else { "" }, "{name}");
        let text = fleet(&tables, &[]).stdout;
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    }
}

/// Hashes stand for comms, paths and host names; labels and the name of --node stay.
#[test]
fn redacted_tables_have_no_names() {
    let nodes = Nodes::new();
    let tables = tempfile::tempdir().expect("a folder");
    let recording = nodes.path().join("zone=1/node=n1/perf.data");
    export(&recording, tables.path(), &["--redact", "--samples", "--label", "zone=b"]);
    let packed = |text: &str| {
        files(tables.path())
            .iter()
            .any(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    // Statistics hold the least and the greatest value of each column, unpacked.
    for secret in ["node_exporter", "kubepods", "perf.data", "envoy", "=vm"] {
        assert!(!packed(secret), "{secret}");
    }
    assert!(packed("zone"));
    let document = json(tables.path());
    assert_eq!(document["culprits"][0]["culprit"], "a8b8139c6a4a lseek");
    assert_ne!(document["nodes"][0]["node"], "vm");
}

#[test]
fn options_that_cannot_be_meant_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/post/perf.data");
    for (options, problem) in [
        (&["--format", "parquet"][..], "give -o DIR"),
        (&["--format", "parquet", "-o", "-"], "give -o DIR"),
        (&["--format", "folded", "--node", "a"], "give --format parquet"),
        (&["--format", "folded", "--samples"], "give --format parquet"),
        (&["--format", "parquet", "-o", ".", "--label", "zone"], "KEY=VALUE"),
        (&["--format", "parquet", "-o", ".", "--label", "a=1", "--label", "a=2"], "given twice"),
        (&["--format", "parquet", "-o", ".", "--node", ""], "give a name"),
    ] {
        let run = run(stallgraph().arg("export").args(options).arg(recording).current_dir(folder.path()));
        assert!(run.code == Some(2) && run.stderr.contains(problem), "{options:?}: {}", run.stderr);
    }
    let run = run(stallgraph().args(["check", "--node", "a", recording]));
    assert!(run.code == Some(2) && run.stderr.contains("give --parquet DIR"), "{}", run.stderr);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
