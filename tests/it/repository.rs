//! What stands beside the source is true: paths in the documents exist, workflows parse, no
//! dependency needs a newer Rust.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use regex::Regex;
use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::sources::{files, read, root};

/// The Markdown files, with what they hold.
fn documents() -> Vec<(PathBuf, String)> {
    let mut files = files(&root());
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    assert!(files.len() > 15, "{} documents", files.len());
    files.into_iter().map(|file| (file.clone(), read(&file))).collect()
}

/// Whether what a document calls `path` exists: from the root, or from `src` as ARCHITECTURE.md
/// writes them.
fn exists(path: &str) -> bool {
    // A published package has no fuzz folder: cargo leaves out packages below another.
    let is_left_out = path.starts_with("fuzz/") && !root().join("fuzz").exists();
    is_left_out || root().join(path).exists() || root().join("src").join(path).exists()
}

#[test]
fn paths_in_the_documents_exist() {
    let of_the_tree = Regex::new(
        r"(?:^|[\s`(])((?:\.ci|benches|docs|examples|fuzz|scripts|src|testdata|tests)/[\w./-]*[\w/])",
    );
    let of_src = Regex::new(r"`([a-z_]+(?:/[a-z_]+)*\.rs)`");
    let link = Regex::new(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)").expect("a pattern");
    let mut count = 0;
    let mut missing = BTreeSet::new();
    for (document, text) in documents() {
        for pattern in [of_the_tree.as_ref().expect("a pattern"), of_src.as_ref().expect("a pattern")] {
            for path in pattern.captures_iter(&text).map(|captures| captures[1].to_owned()) {
                count += 1;
                if !exists(&path) {
                    missing.insert(format!("{}: {path}", document.display()));
                }
            }
        }
        let folder = document.parent().expect("a folder");
        for target in link.captures_iter(&text).map(|captures| captures[1].to_owned()) {
            count += 1;
            if !folder.join(&target).exists() {
                missing.insert(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count > 150, "{count} paths");
}

/// The anchors that forges make of a page's headings: small letters, digits, `_` and `-`, with `-`
/// for a space.
fn anchors(text: &str) -> BTreeSet<String> {
    let link = Regex::new(r"\[([^\]]*)\]\([^)]*\)").expect("a pattern");
    let mut is_code = false;
    let headings = text.lines().filter(|line| {
        is_code ^= line.trim_start().starts_with("```");
        !is_code && line.starts_with('#')
    });
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    let anchor = |heading: &str| -> String {
        let words = link.replace_all(heading.trim_start_matches('#').trim(), "$1").to_lowercase();
        words.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_into_pages_lead_to_headings() {
    let link = Regex::new(r"\]\(([^)#:\s]*)#([^)\s]+)\)").expect("a pattern");
    let mut count = 0;
    for (document, text) in documents() {
        for found in link.captures_iter(&text) {
            let page = match &found[1] {
                "" => document.clone(),
                path => document.parent().expect("a folder").join(path),
            };
            assert!(anchors(&read(&page)).contains(&found[2]), "{}: {}", document.display(), &found[0]);
            count += 1;
        }
    }
    assert!(count > 40, "{count} links");
}

#[test]
fn each_attack_has_its_test() {
    let page = read(&root().join("docs/robustness.md"));
    let attacks = read(&root().join("scripts/robustness.d/attacks.txt"));
    assert!(page.ends_with(&attacks), "scripts/robustness appends the attacks as they are");
    let tests = files(&root().join("tests/it"));
    let tests = tests.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let code: String = tests.map(|file| read(file)).collect();
    let mut count = 0;
    for row in attacks.lines().filter(|line| line.starts_with("| ")).skip(2) {
        let named = row.trim_end_matches([' ', '|']).rsplit(" | ").next().expect("a cell");
        for test in named.split(", ").map(|test| test.trim_matches('`')) {
            let last = test.rsplit("::").next().expect("a name");
            let is_there = ["fn", "mod"]
                .iter()
                .any(|kind| [" ", "(", ";"].iter().any(|end| code.contains(&format!("{kind} {last}{end}"))));
            assert!(is_there, "no test {test}: {row}");
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn prose_wraps_at_100_columns() {
    for (document, text) in documents() {
        let mut is_code = false;
        for line in text.lines() {
            // In a list, text and code are indented.
            let content = line.trim_start();
            is_code ^= content.starts_with("```");
            let cannot_wrap = content.starts_with(['|', '!']);
            let is_short = line.chars().count() <= 100;
            assert!(is_code || cannot_wrap || is_short, "{}: {line}", document.display());
        }
    }
}

fn workflows() -> Vec<(PathBuf, Yaml)> {
    let parse = |path: PathBuf| {
        let mut pages = YamlLoader::load_from_str(&read(&path)).expect("YAML");
        assert_eq!(pages.len(), 1, "{}", path.display());
        (path, pages.remove(0))
    };
    files(&root().join(".github/workflows")).into_iter().map(parse).collect()
}

/// Each workflow has jobs with steps, and the scripts and files that they name are there.
#[test]
fn workflows_run_what_is_there() {
    let ours = Regex::new(r"(?:^|\s)((?:\.ci|scripts)/[\w.-]+)").expect("a pattern");
    let mut called = BTreeSet::new();
    for (path, workflow) in workflows() {
        let jobs = workflow["jobs"].as_hash().expect("jobs");
        for job in jobs.values() {
            assert!(job["runs-on"].as_str().is_some(), "{}", path.display());
            assert!(job["timeout-minutes"].as_i64().is_some(), "{}", path.display());
            for step in job["steps"].as_vec().expect("steps") {
                assert!(step["uses"].as_str().is_some() != step["run"].as_str().is_some(), "{step:?}");
                let command = step["run"].as_str().unwrap_or_default();
                called.extend(ours.captures_iter(command).map(|captures| captures[1].to_owned()));
            }
        }
    }
    for file in &called {
        assert!(root().join(file).is_file(), "{file}");
    }
    let expected = [".ci/cargo-deny.txt", ".ci/run", "scripts/release"];
    assert_eq!(called, expected.map(str::to_owned).into());
}

/// `1.88` or `1.88.0` as numbers.
fn version(text: &str) -> (u64, u64) {
    let mut numbers = text.split('.').map(|number| number.parse().expect("a number"));
    (numbers.next().expect("a major version"), numbers.next().unwrap_or(0))
}

/// The compiler is newer than the oldest that Cargo.toml allows, so what dependencies say of
/// themselves is compared.
#[test]
fn no_dependency_needs_a_newer_rust() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let oldest = version(env!("CARGO_PKG_RUST_VERSION"));
    assert!(packages.len() > 50);
    for package in packages {
        let Some(needed) = package["rust_version"].as_str() else { continue };
        assert!(version(needed) <= oldest, "{} needs Rust {needed}", package["name"]);
    }
    let page = read(&root().join("README.md"));
    assert!(page.contains(&format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"))));
    let workflow = read(&root().join(".github/workflows/ci.yml"));
    assert!(workflow.contains(&format!("container: rust:{}-", env!("CARGO_PKG_RUST_VERSION"))));
}
