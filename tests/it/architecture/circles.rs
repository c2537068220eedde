//! No circle of files in any folder of `src` and of these tests, where `mod.rs` counts as a file.
//!
//! A folder's members are its files and its folders. A member uses another if a file of it names a
//! path that leads there; a path to what is no module leads to `mod.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::tokens::{paths, tokens};
use crate::support::sources::{read, root, rust_files};

/// A source file: the path of its module from the crate's root, and the paths that it names.
struct Source {
    module: Vec<String>,
    /// The modules and items that it names, each from the crate's root.
    uses: BTreeSet<Vec<String>>,
    is_of_binary: bool,
}

/// The path of the module that a file holds: `model::names` for `model/names.rs` and for
/// `model/names/mod.rs`, nothing for `lib.rs`.
fn module_of(file: &Path) -> Vec<String> {
    let without_extension = file.with_extension("");
    let mut parts: Vec<String> =
        without_extension.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    parts.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    parts
}

/// The files of a folder of sources, by their paths below it.
fn sources(root: &Path) -> Vec<Source> {
    let files: Vec<PathBuf> = rust_files(root);
    let below = |file: &Path| file.strip_prefix(root).expect("a file below").to_owned();
    let texts = files.iter().map(|file| (below(file), read(file)));
    from_texts(&texts.collect::<Vec<_>>())
}

fn from_texts(texts: &[(PathBuf, String)]) -> Vec<Source> {
    let modules: BTreeSet<Vec<String>> = texts.iter().map(|(file, _)| module_of(file)).collect();
    let sources = texts.iter().map(|(file, text)| {
        let module = module_of(file);
        let tokens = tokens(text);
        let named = paths(&tokens);
        let uses = named.iter().filter_map(|named| {
            let here = module.iter().map(String::as_str).chain(named.inside.iter().copied());
            resolve(here.collect(), &named.path, &modules)
        });
        let is_of_binary = file.starts_with("cli") || file == Path::new("main.rs");
        Source { uses: uses.collect(), module, is_of_binary }
    });
    sources.collect()
}

/// Where a path leads that is named in the module `here`; `None` for other crates, and for names
/// that are in scope by a `use`.
fn resolve(here: Vec<&str>, path: &[&str], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let owned = |parts: &[&str]| parts.iter().map(|part| part.to_string()).collect::<Vec<String>>();
    let mut from = here;
    let mut rest = path;
    match path[0] {
        "crate" => from.clear(),
        "self" | "super" => {}
        child => {
            from.push(child);
            let is_child = modules.contains(&owned(&from));
            from.pop();
            return is_child.then(|| owned(&[&from, path].concat()));
        }
    }
    while let [first @ ("crate" | "self" | "super"), others @ ..] = rest {
        if *first == "super" {
            from.pop();
        }
        rest = others;
    }
    Some(owned(&[&from, rest].concat()))
}

/// Which members of the folder of the module `folder` use which others.
fn uses_in<'a>(folder: &[String], sources: &'a [Source]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let below = |path: &'a [String]| path.strip_prefix(folder);
    let is_child = |name: &str| {
        sources
            .iter()
            .any(|source| below(&source.module).is_some_and(|rest| rest.first().is_some_and(|f| f == name)))
    };
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        let Some(place) = below(&source.module) else { continue };
        let root = match (folder.is_empty(), source.is_of_binary) {
            (true, true) => "main.rs",
            (true, false) => "lib.rs",
            (false, _) => "mod.rs",
        };
        let member = place.first().map_or(root, String::as_str);
        for target in source.uses.iter().filter_map(|path| below(path)) {
            let target = target.first().filter(|name| is_child(name)).map_or(root, String::as_str);
            if target != member {
                uses.entry(member).or_default().insert(target);
            }
        }
    }
    uses
}

/// A shortest circle: its members in order, each of which uses the next, the last the first.
fn circle<'a>(uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    let circles = uses.keys().filter_map(|start| {
        let mut trails = vec![vec![*start]];
        let mut reached = BTreeSet::new();
        while !trails.is_empty() {
            let mut longer = Vec::new();
            for trail in trails {
                for next in uses.get(trail[trail.len() - 1]).into_iter().flatten() {
                    if next == start {
                        return Some(trail);
                    }
                    if reached.insert(*next) {
                        longer.push([trail.as_slice(), &[*next]].concat());
                    }
                }
            }
            trails = longer;
        }
        None
    });
    circles.min_by_key(Vec::len)
}

/// The module paths of all folders.
fn folders(sources: &[Source]) -> BTreeSet<Vec<String>> {
    let modules = sources.iter().map(|source| &source.module);
    modules.filter(|module| !module.is_empty()).map(|module| module[..module.len() - 1].to_vec()).collect()
}

#[test]
fn no_folder_has_a_circle_of_files() {
    let mut with_circles = Vec::new();
    for top in ["src", "tests/it"] {
        let sources = sources(&root().join(top));
        let folders = folders(&sources);
        assert!(folders.len() > 5, "{top}");
        for folder in folders {
            if let Some(circle) = circle(&uses_in(&folder, &sources)) {
                let members = circle.join(" uses ");
                with_circles.push(format!("{top}/{}: {members}, which uses the first", folder.join("/")));
            }
        }
    }
    assert!(with_circles.is_empty(), "{}", with_circles.join("\n"));
}

#[test]
fn a_circle_is_seen_in_each_form() {
    let circle_of = |texts: &[(&str, &str)]| {
        let texts: Vec<_> =
            texts.iter().map(|(file, text)| (PathBuf::from(file), text.to_string())).collect();
        let sources = from_texts(&texts);
        let uses = uses_in(&["a".to_owned()], &sources);
        circle(&uses).map(|members| members.join(" "))
    };
    let between = |module: &str, b: &str, c: &str| {
        circle_of(&[("a/mod.rs", module), ("a/b.rs", b), ("a/c/mod.rs", ""), ("a/c/d.rs", c)])
    };
    assert_eq!(between("mod b; mod c; pub use b::B;", "use super::c;", ""), None);
    assert_eq!(between("mod b; fn f() { b::g() }", "use super::F;", ""), Some("b mod.rs".to_owned()));
    assert_eq!(between("mod b; pub use b::B;", "", "use crate::a::{B, x};"), None, "nothing uses c");
    assert_eq!(between("", "use super::c;", "fn f() -> crate::a::b::B;"), Some("b c".to_owned()));
    assert_eq!(between("", "use super::c;", "fn f() -> crate::b::B;"), None, "another folder");
    assert_eq!(between("use b::B;", "mod tests { use super::*; }", ""), None, "its own tests");
}
