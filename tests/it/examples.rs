//! The programs in `examples/`: what they print of a recording, and of files that are none.

use std::fs;
use std::path::Path;

use crate::support::{Recording, stallgraph, stdout_of};

#[path = "../../examples/culprits.rs"]
#[expect(dead_code, reason = "main parses arguments; the tests call what it calls")]
mod culprits;
#[path = "../../examples/window_stacks.rs"]
#[expect(dead_code, reason = "main parses arguments; the tests call what it calls")]
mod window_stacks;

#[test]
fn culprits_are_lines_of_csv() {
    let recording = Recording::open("post");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    fs::copy(&recording.file, at("a \"post\", copied.data")).expect("a copy");
    fs::copy(recording.folder.join("kallsyms"), at("kallsyms")).expect("a copy");
    fs::write(at("broken.data"), "no recording").expect("a file");
    std::os::unix::fs::symlink("a \"post\", copied.data", at("last.data")).expect("a link");
    let mut csv = Vec::new();
    let errors = culprits::list(folder.path(), &mut csv).expect("a folder");
    let csv = String::from_utf8(csv).expect("text");
    let (header, rows) = csv.split_once('\n').expect("a header");
    assert_eq!(header, "file,cpu,start_ns,duration_ns,confidence,holder,name,system_call,function");
    assert_eq!(rows.lines().count(), 8, "{rows}");
    for row in rows.lines() {
        assert!(row.starts_with("\"a \"\"post\"\", copied.data\",1,40"), "{row}");
        assert!(row.ends_with(",medium,task,node_exporter,lseek,traverse.part.0.constprop.0"), "{row}");
    }
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(error.to_string().starts_with(&at("broken.data").display().to_string()), "{error}");
    let none = culprits::list(&at("none"), &mut Vec::new());
    assert!(none.is_err());
}

#[test]
fn the_stacks_of_a_window_are_those_that_window_prints() {
    let recording = Recording::open("post");
    let fold = |file: &Path, number| {
        let mut folded = Vec::new();
        window_stacks::fold(file, number, &mut folded).map_err(|error| error.to_string())?;
        Ok::<_, String>(String::from_utf8(folded).expect("text"))
    };
    let first = fold(&recording.file, 1).expect("an episode");
    let mut command = stallgraph();
    let all = stdout_of(command.args(["window", "--format", "stacks"]).arg(&recording.file));
    // The program prints the samples of the trigger too.
    assert!(first.lines().count() > 50 && all.starts_with(&first), "{first}");
    assert!(first.lines().any(|line| line.starts_with("node_exporter;")), "{first}");
    let beyond = fold(&recording.file, 1000).expect_err("no episode");
    assert_eq!(beyond, format!("{}: no episode 1000; there are 7", recording.file.display()));
    let none = fold("none.data".as_ref(), 1).expect_err("no file");
    assert!(none.starts_with("none.data: "), "{none}");
}
