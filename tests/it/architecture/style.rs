//! Limits of every file: its length, the width of its comments, and names that say nothing.

use std::path::{Path, PathBuf};

use super::tokens::tokens;
use crate::support::sources::{files, read, root, rust_files};

const MAX_LINES: usize = 500;
/// Columns of a comment.
const MAX_COLUMNS: usize = 100;
/// Variables and fields that are pronouns where a noun belongs.
const VAGUE_VARIABLES: [&str; 4] = ["its", "told", "known", "saw"];
/// Types whose name says nothing.
const VAGUE_TYPES: [&str; 5] = ["Place", "What", "Of", "Whose", "Part"];

/// All sources, scripts and settings of this project, by their paths in it.
fn all() -> Vec<PathBuf> {
    // In a package, Cargo.toml is what cargo made of it.
    let is_package = root().join("Cargo.toml.orig").exists();
    let manifest = if is_package { "Cargo.toml.orig" } else { "Cargo.toml" };
    let mut all = [manifest, "clippy.toml", "deny.toml"].map(|name| root().join(name)).to_vec();
    for folder in [".ci", ".github", "docs/kubernetes", "scripts"] {
        all.extend(files(&root().join(folder)));
    }
    for folder in ["src", "tests", "benches", "examples", "fuzz"] {
        all.extend(rust_files(&root().join(folder)));
    }
    assert!(all.len() > 100);
    all.iter().map(|file| file.strip_prefix(root()).expect("a file of this project").to_owned()).collect()
}

/// Checks that no file has a fault, which `fault` describes.
fn check(fault: impl Fn(&Path, &str) -> Option<String>) {
    let faults = all().into_iter().filter_map(|file| {
        let fault = fault(&file, &read(&root().join(&file)))?;
        Some(format!("{}: {fault}", file.display()))
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_is_long() {
    check(|_, text| {
        let lines = text.lines().count();
        (lines > MAX_LINES).then(|| format!("{lines} lines, {MAX_LINES} at most"))
    });
}

#[test]
fn comments_are_narrow() {
    check(|file, text| {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let marks: &[&str] = if is_rust { &["//"] } else { &["//", "#"] };
        // The rows of a table cannot be wrapped.
        let is_comment = |line: &str| marks.iter().any(|mark| line.starts_with(mark)) && !line.ends_with('|');
        let mut comments = text.lines().zip(1..).filter(|(line, _)| is_comment(line.trim_start()));
        let (_, number) = comments.find(|(line, _)| line.chars().count() > MAX_COLUMNS)?;
        Some(format!("the comment in line {number} has more than {MAX_COLUMNS} columns"))
    });
}

#[test]
fn nobody_goes_up_two_modules() {
    check(|file, text| {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let is_up_two = |tokens: &[&str]| tokens == ["super", "::", "super"];
        (is_rust && tokens(text).windows(3).any(is_up_two)).then(|| "name modules from `crate`".to_owned())
    });
}

#[test]
fn names_are_nouns() {
    check(|file, text| {
        if file.extension().is_none_or(|extension| extension != "rs") {
            return None;
        }
        let tokens = tokens(text);
        if let Some(name) = tokens.iter().find(|token| VAGUE_VARIABLES.contains(token)) {
            return Some(format!("`{name}`"));
        }
        let types = tokens.windows(2).filter(|pair| ["struct", "enum", "trait", "type"].contains(&pair[0]));
        types
            .map(|pair| pair[1])
            .find(|name| VAGUE_TYPES.contains(name))
            .map(|name| format!("the type `{name}`"))
    });
}
