//! The structure of the source: which module may import which, that no folder has a circle of
//! files, and the limits of every file.

mod circles;
mod style;
mod tokens;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::sources::{self, read, root, rust_files};

/// Each module and those it may import, as ARCHITECTURE.md has it.
const MAY_IMPORT: [(&str, &[&str]); 17] = [
    ("error", &["model"]),
    ("capture", &["error"]),
    ("mapped", &[]),
    ("model", &[]),
    ("redaction", &["model"]),
    ("pack", &["error", "model", "redaction"]),
    ("ingest", &["error", "mapped", "model", "pack", "redaction"]),
    ("state", &["ingest", "model"]),
    ("symbols", &["error", "model", "pack"]),
    ("kernel", &["model"]),
    ("load", &["error", "ingest", "kernel", "model", "pack", "state", "symbols"]),
    ("causes", &["error", "model"]),
    ("analyses", &["causes", "error", "model"]),
    ("render", &["analyses", "causes", "error", "model"]),
    ("tables", &["analyses", "error", "model", "redaction"]),
    ("internals", &["analyses", "capture", "ingest", "kernel", "load", "model", "symbols"]),
    ("lib", &["error"]),
];

/// The top-level module that a file under `src` belongs to: `model` for `model/names.rs`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).expect("a file under src");
    let first = below.components().next().expect("a component").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The text without its comments.
fn code_of(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect()
}

/// The modules named after `crate::` in code, not in comments.
fn imports(text: &str) -> BTreeSet<String> {
    let code = code_of(text);
    let names = code.split("crate::").skip(1);
    names.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let files = rust_files(&root().join("src"));
    let mut seen = BTreeSet::new();
    for file in files {
        let module = module_of(&file);
        let text = read(&file);
        if module == "main" || module == "cli" {
            assert!(
                !text.replace("crate::cli::", "").contains("crate::"),
                "{}: the binary uses the public library",
                file.display()
            );
            continue;
        }
        let (_, allowed) =
            MAY_IMPORT.iter().find(|(name, _)| *name == module).expect("a module of the table");
        for import in imports(&text) {
            let is_allowed = import == module || allowed.contains(&import.as_str());
            assert!(is_allowed, "{}: {module} may not import {import}", file.display());
        }
        seen.insert(module);
    }
    let all: BTreeSet<String> = MAY_IMPORT.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(seen, all, "the table and the tree name the same modules");
}

#[test]
fn examples_and_the_program_use_what_is_public() {
    let mut files = vec![root().join("README.md")];
    for folder in ["docs", "examples", "src"] {
        files.extend(sources::files(&root().join(folder)));
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md" || extension == "rs"));
    assert!(files.len() > 200);
    for file in files {
        let text = read(&file);
        assert!(!text.contains("stallgraph::internals"), "{}", file.display());
        // A `use stallgraph::{internals, …}` would hide from the line above.
        let is_outside =
            !file.starts_with(root().join("src")) || ["cli", "main"].contains(&&*module_of(&file));
        assert!(!(is_outside && text.contains("internals")), "{}", file.display());
    }
}

#[test]
fn only_the_binary_knows_the_command_line() {
    let files = rust_files(&root().join("src"));
    for file in files.iter().filter(|file| !["main", "cli"].contains(&module_of(file).as_str())) {
        let text = code_of(&read(file));
        for library in ["clap", "anyhow", "indicatif", "println!", "eprintln!", "process::exit"] {
            assert!(!text.contains(library), "{}: {library}", file.display());
        }
    }
}

#[test]
fn every_file_says_what_it_holds() {
    let mut files = Vec::new();
    for directory in ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"] {
        files.extend(rust_files(&root().join(directory)));
    }
    assert!(files.len() > 40);
    for file in files {
        let text = read(&file);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 20, "{}: {first}", file.display());
    }
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page = read(&root().join("ARCHITECTURE.md"));
    for (module, allowed) in MAY_IMPORT.iter().filter(|(module, _)| *module != "lib") {
        let imports = if allowed.is_empty() { "–".to_owned() } else { allowed.join(", ") };
        let row = page.lines().find(|line| line.starts_with(&format!("| `{module}` ")));
        let row = row.unwrap_or_else(|| panic!("no row of {module}"));
        assert!(row.ends_with(&format!("| {imports} |")), "{row} should end with {imports}");
    }
}

#[test]
fn analyses_compare_no_strings() {
    // After `load` kinds and ids decide, not names. What a user typed is compared all the same.
    let comparisons = ["== \"", "!= \"", "starts_with(\"", "ends_with(\"", "contains(\"", "strip_prefix(\""];
    for file in rust_files(&root().join("src/analyses")) {
        let text = read(&file);
        let code = code_of(text.split("#[cfg(test)]").next().unwrap_or_default());
        for comparison in comparisons {
            assert!(!code.contains(comparison), "{}: {comparison}", file.display());
        }
    }
}

/// Another process may write a file that is mapped, so a text is made of a copy, by one function.
/// Logs are read, and not mapped.
#[test]
fn texts_are_made_of_copies() {
    const ALLOWED: [&str; 4] =
        ["ingest/cursor.rs", "ingest/log_times/", "ingest/magic.rs", "ingest/tracing_data.rs"];
    for folder in ["ingest", "load", "state"] {
        for file in rust_files(&root().join("src").join(folder)) {
            let path = file.display().to_string();
            let text = read(&file);
            let code = code_of(text.split("#[cfg(test)]").next().unwrap_or_default());
            let is_allowed = ALLOWED.iter().any(|allowed| path.contains(allowed));
            // Paths that the user typed are no bytes of a file.
            let makes_text = code.contains("from_utf8");
            assert!(is_allowed || !makes_text, "{path}: use whole_text");
        }
    }
    for file in rust_files(&root().join("src")) {
        let is_mapper = file.ends_with("mapped.rs") || file.ends_with("ingest/input.rs");
        assert!(is_mapper || !read(&file).contains("mapped::map"), "{}: read it", file.display());
    }
}
