//! The output shown in the README is what the program prints.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_readme_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("README.md");
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let run = Command::new(env!("CARGO_BIN_EXE_stallgraph"))
        .args(["window", "testdata/post/perf.data"])
        .current_dir(root)
        .output()
        .expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&run.stdout).trim_end(), shown.expect("a block of text"));
}
