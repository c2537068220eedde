//! The examples in docs are run: where a block of `text` stands right below a block of `sh` with
//! this program and recordings of testdata, it is what these commands print, byte for byte.
//!
//! `RENEW_PAGES=1 cargo test --locked --test it -- recipes` writes what is printed into the pages.
//! Read the difference before you keep it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::sources::{files, read, root};
use crate::support::{run, shell};

fn pages() -> Vec<PathBuf> {
    let mut pages = files(&root().join("docs"));
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let recipes = pages.iter().filter(|page| is_recipe(page)).count();
    assert!(recipes >= 8, "{recipes} recipes");
    pages
}

fn is_recipe(page: &Path) -> bool {
    page.parent().is_some_and(|folder| folder.ends_with("docs/recipes"))
}

/// Whether these commands print the same everywhere: the program with recordings of testdata.
fn are_run(commands: &str) -> bool {
    let of_a_machine = ["perf record", "scripts/", "cargo "];
    commands.contains("stallgraph ") && !of_a_machine.iter().any(|part| commands.contains(part))
}

/// What a terminal shows of these lines.
fn printed(lines: &str, folder: &Path) -> String {
    run(&mut shell(&format!("exec 2>&1\n{lines}"), folder)).stdout
}

/// The page with each block of text as it is printed now, and how many it has.
fn renewed(text: &str) -> (String, usize) {
    let scratch = tempfile::tempdir().expect("a folder");
    symlink(root().join("testdata"), scratch.path().join("testdata")).expect("a link");
    let (mut out, mut count) = (String::new(), 0);
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("```sh\n") {
        let (commands, after) = block.split_once("```\n").expect("the block ends");
        out += &format!("{before}```sh\n{commands}```\n");
        rest = after;
        let Some(shown) = after.strip_prefix("\n```text\n").filter(|_| are_run(commands)) else {
            continue;
        };
        let (_, after) = shown.split_once("```\n").expect("the block ends");
        out += &format!("\n```text\n{}```\n", printed(commands, scratch.path()));
        rest = after;
        count += 1;
    }
    (out + rest, count)
}

#[test]
fn pages_show_what_is_printed() {
    let renew = std::env::var_os("RENEW_PAGES").is_some();
    let (mut differ, mut total) = (Vec::new(), 0);
    for page in pages() {
        let text = read(&page);
        let (now, count) = renewed(&text);
        let all = text.matches("```text\n").count();
        let is_whole = !is_recipe(&page) || count == all && count > 0;
        assert!(is_whole, "{}: {count} of {all} outputs stand below commands", page.display());
        total += count;
        if now == text {
            continue;
        }
        if renew {
            fs::write(&page, now).expect("the page is written");
            continue;
        }
        let lines = text.lines().zip(now.lines()).find(|(shown, printed)| shown != printed);
        let (shown, printed) = lines.unwrap_or(("the end", "more"));
        differ.push(format!("{}:\n  shown   {shown}\n  printed {printed}", page.display()));
    }
    assert!(total > 25, "{total} outputs");
    assert!(
        differ.is_empty(),
        "RENEW_PAGES=1 cargo test --locked --test it -- recipes renews:\n{}",
        differ.join("\n")
    );
}

/// Each page of docs is linked once in docs/README.md: a reader finds it, and in one place.
#[test]
fn the_list_of_pages_is_whole() {
    let docs = root().join("docs");
    let list = docs.join("README.md");
    let text = read(&list);
    for page in files(&docs) {
        if page == list || page.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let path = page.strip_prefix(&docs).expect("it is below docs").display().to_string();
        let count = text.matches(&format!("]({path})")).count();
        assert_eq!(count, 1, "docs/README.md links {path} {count} times");
    }
}
