//! The output shown in the README is what the program prints.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The blocks of text in the README.
fn shown() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let blocks = readme.split("```text\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.map(str::to_owned).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn printed(arguments: &[&str], folder: &Path) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_stallgraph")).args(arguments).current_dir(folder).output();
    String::from_utf8_lossy(&run.expect("the program starts").stdout).trim_end().to_owned()
}

#[test]
fn the_readme_shows_what_is_printed() {
    let shown = shown();
    assert_eq!(shown.len(), 2);
    assert_eq!(printed(&["window", "testdata/post/perf.data"], root()), shown[0]);
    let pair = ["testdata/diff/before.data.zst", "testdata/diff/after.data.zst"];
    assert_eq!(printed(&["diff", pair[0], pair[1]], root()), shown[1]);
}
