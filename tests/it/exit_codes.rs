//! docs/exit-codes.md: each example ends with the code in its row, and each command has rows.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use regex::Regex;

use crate::support::sources::{read, root};
use crate::support::{run, shell, stallgraph};

#[test]
fn each_example_ends_with_its_code() {
    let folder = tempfile::tempdir().expect("a folder");
    symlink(root().join("testdata"), folder.path().join("testdata")).expect("a link");
    let page = read(&root().join("docs/exit-codes.md"));
    let row = Regex::new(r"(?m)^\| `(\w+)` \| (\d) \| .* \| (?:`([^`]*)` )?\|$").expect("a pattern");
    let cut = page.lines().find(|line| line.starts_with("head -c")).expect("how to cut a recording");
    assert_eq!(run(&mut shell(cut, folder.path())).code, Some(0), "{cut}");
    let mut commands = BTreeSet::new();
    let mut count = 0;
    for found in row.captures_iter(&page) {
        let (name, code) = (&found[1], found[2].parse().expect("a code"));
        commands.insert(name.to_owned());
        let Some(line) = found.get(3).map(|line| line.as_str()) else { continue };
        assert!(line.starts_with(&format!("stallgraph {name}")), "{line}");
        let ended = run(&mut shell(line, folder.path()));
        assert_eq!(ended.code, Some(code), "{line}\n{}", ended.stderr);
        count += 1;
    }
    assert!(count > 50, "{count} examples");
    let help = run(stallgraph().arg("--help")).stdout;
    let listed = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    // A line that goes on is indented further.
    let lines = listed.expect("commands").lines().filter(|line| !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let expected: BTreeSet<String> = names.map(str::to_owned).collect();
    assert_eq!(commands, expected);
}
