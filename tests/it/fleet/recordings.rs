//! Recordings in folders `node=…`: what is found, left out and printed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Recording, Run, run, stallgraph};

/// A folder of nodes with the recordings of testdata.
struct Nodes {
    folder: TempDir,
}

impl Nodes {
    fn new() -> Nodes {
        let nodes = Nodes { folder: tempfile::tempdir().expect("a folder") };
        for (at, name) in ["evidence", "system", "post", "worker"].into_iter().enumerate() {
            nodes.add(&format!("zone={}/node=n{at}", at % 2), name);
        }
        nodes
    }

    /// Adds the recording of testdata with this name, and its kernel's names.
    fn add(&self, below: &str, name: &str) -> PathBuf {
        let folder = self.folder.path().join(below);
        fs::create_dir_all(&folder).expect("a folder");
        let recording = Recording::open(name);
        fs::copy(&recording.file, folder.join("perf.data")).expect("a copy");
        let names = recording.folder.join("kallsyms");
        if names.exists() {
            fs::copy(names, folder.join("kallsyms")).expect("a copy");
        }
        folder.join("perf.data")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the command on the whole folder. No file of this machine gives names.
    fn run(&self, options: &[&str]) -> Run {
        let none = self.path().join(".none");
        fs::create_dir_all(&none).expect("a folder");
        run(stallgraph()
            .arg("fleet")
            .arg(".")
            .arg("--symfs")
            .arg(".none")
            .args(options)
            .current_dir(self.path()))
    }

    fn json(&self, options: &[&str]) -> Value {
        let run = self.run(&[&["--format", "json"][..], options].concat());
        assert_eq!(run.stderr, "");
        serde_json::from_str(&run.stdout).expect("JSON")
    }
}

fn texts<'v>(values: &'v Value, of: &str) -> Vec<&'v str> {
    values.as_array().expect("a list").iter().map(|value| value[of].as_str().expect("a text")).collect()
}

#[test]
fn folders_name_nodes_and_labels() {
    let nodes = Nodes::new();
    let document = nodes.json(&[]);
    assert_eq!(texts(&document["nodes"], "node"), ["n2", "n1", "n0", "n3"]);
    assert_eq!(document["nodes"][0]["labels"][0]["key"], "zone");
    assert_eq!(document["nodes"][0]["labels"][0]["value"], "0");
    assert_eq!(document["culprits"][0]["culprit"], "node_exporter lseek");
    assert_eq!(document["culprits"][0]["nodes"], 3);
    assert_eq!(document["culprits"][0]["known"]["name"], "arp-table-read");
    assert_eq!(document["outcome"], "drain");
    let run = nodes.run(&[]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    assert!(run.stdout.contains("\nverdict   drain 3 of 4 nodes: n2, n1, n0;"), "{}", run.stdout);
    assert!(run.stdout.contains("\nculprit 1     3 "), "{}", run.stdout);
    let list = nodes.run(&["--drain-list"]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(1), "n2\nn1\nn0\n"));
}

/// The page has the output of the program.
#[test]
fn the_page_shows_what_is_printed() {
    let page = include_str!("../../../docs/fleet.md");
    let shown = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(Some(Nodes::new().run(&[]).stdout.as_str()), shown);
}

#[test]
fn limits_decide_who_is_drained() {
    let nodes = Nodes::new();
    let list = |options: &[&str]| nodes.run(&[&["--drain-list"][..], options].concat());
    assert_eq!(list(&["--share", "11%"]).stdout, "n2\n");
    assert_eq!(list(&["--stalls", "4"]).stdout, "n2\nn1\n");
    let none = list(&["--stalls", "100"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    assert_eq!(nodes.run(&["--stalls", "100"]).code, Some(0));
    for wrong in [&["--share", "101%"][..], &["--share", "x"], &["--stalls", "0"], &["--min", "0ms"]] {
        assert_eq!(nodes.run(wrong).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn output_does_not_depend_on_threads_nor_on_how_files_are_named() {
    let nodes = Nodes::new();
    for at in 4..20 {
        let folder = nodes.path().join(format!("node=n{at}"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::copy(nodes.path().join("zone=0/node=n2/perf.data"), folder.join("perf.data")).expect("a copy");
    }
    fs::write(nodes.path().join("node=n5/perf.data"), "PERFILE2 and no more").expect("a file");
    for format in ["text", "json"] {
        let one = nodes.run(&["--threads", "1", "--format", format]);
        let four = nodes.run(&["--threads", "4", "--format", format]);
        assert_eq!(one.stdout, four.stdout);
        assert_eq!(one.code, Some(1));
    }
    let files = ["zone=1/node=n3", "zone=0/node=n0/perf.data", "./zone=0/node=n2/perf.data"];
    let run = |files: &[&str]| {
        let mut command = stallgraph();
        command.arg("fleet").args(files).args(["--symfs", ".none", "--drain-list"]);
        run(command.current_dir(nodes.path())).stdout
    };
    assert_eq!(run(&files), "n2\nn0\n");
    assert_eq!(run(&[files[2], files[0], files[1]]), "n2\nn0\n");
}

#[test]
fn what_cannot_be_read_is_listed_and_left_out() {
    let nodes = Nodes::new();
    let add = |name: &str, bytes: &[u8]| {
        let path = nodes.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    };
    let post = fs::read(nodes.path().join("zone=0/node=n2/perf.data")).expect("the recording");
    add("node=n7/cut.data", &post[..post.len() / 2]);
    add("node=n8/none.data", b"PERFILE2 and no more");
    add("node=n8/readme.txt", b"no recording");
    add("node=n9/.hidden.data", &post);
    add("node=n9/.stallgraph-1.data", &post);
    add(".cache/node=n9/perf.data", &post);
    add("zone=0/node=n2/copy.data", &post);
    symlink(nodes.path(), nodes.path().join("zone=0/circle")).expect("a link");
    symlink("perf.data", nodes.path().join("zone=0/node=n2/link.data")).expect("a link");
    symlink("gone", nodes.path().join("zone=0/gone.data")).expect("a link");
    let document = nodes.json(&[]);
    assert_eq!(texts(&document["nodes"], "node").len(), 5);
    assert_eq!(texts(&document["skipped"], "file"), ["./node=n8/none.data"]);
    let twins = ["./zone=0/node=n2/link.data", "./zone=0/node=n2/perf.data"];
    assert_eq!(texts(&document["twins"], "file"), twins);
    assert_eq!(texts(&document["twins"], "of"), ["./zone=0/node=n2/copy.data"; 2]);
    let damaged =
        document["groups"].as_array().expect("a list").iter().find(|one| one["reason"] == "damaged");
    assert_eq!(damaged.expect("a group")["nodes"], serde_json::json!(["n7"]));
    let text = nodes.run(&[]).stdout;
    assert!(text.contains("\nskipped   ./node=n8/none.data: "), "{text}");
    assert!(text.contains("\ntwin      ./zone=0/node=n2/link.data: the same recording as"), "{text}");
}

#[test]
fn where_nothing_can_be_judged_the_exit_code_is_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |file: &str| run(stallgraph().arg("fleet").arg(folder.path().join(file)));
    let empty = of(".");
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(2), ""));
    assert!(empty.stderr.contains("no recording"), "{}", empty.stderr);
    let absent = of("absent.data");
    assert_eq!(absent.code, Some(2));
    assert!(absent.stdout.contains("\nskipped   "), "{}", absent.stdout);
    assert!(absent.stdout.contains("\nverdict   unclear: "), "{}", absent.stdout);
}

#[test]
fn names_that_no_shell_takes_are_told_apart() {
    let nodes = Nodes::new();
    for name in ["node=;rm -rf $HOME", "node=--all", "node=a\nnode=n9"] {
        nodes.add(name, "post");
    }
    let list = nodes.run(&["--drain-list"]);
    assert_eq!(list.stdout, "n2\nn1\nn0\n");
    assert_eq!(list.stderr.lines().count(), 3, "{}", list.stderr);
    assert!(list.stderr.contains("\";rm -rf $HOME\": to be drained"), "{}", list.stderr);
    let text = nodes.run(&[]).stdout;
    assert!(!text.contains("\nnode=n9"), "{text}");
}
