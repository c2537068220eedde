//! Folders of nodes, with recordings of testdata in them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Recording, Run, run, stallgraph};

/// A folder of nodes with the recordings of testdata.
pub struct Nodes {
    folder: TempDir,
}

impl Nodes {
    pub fn new() -> Nodes {
        let nodes = Nodes { folder: tempfile::tempdir().expect("a folder") };
        for (at, name) in ["evidence", "system", "post", "worker"].into_iter().enumerate() {
            nodes.add(&format!("zone={}/node=n{at}", at % 2), name);
        }
        nodes
    }

    /// Adds the recording of testdata with this name, and its kernel's names.
    pub fn add(&self, below: &str, name: &str) -> PathBuf {
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

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the command on the whole folder. No file of this machine gives names.
    pub fn run(&self, options: &[&str]) -> Run {
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

    pub fn json(&self, options: &[&str]) -> Value {
        let run = self.run(&[&["--format", "json"][..], options].concat());
        assert_eq!(run.stderr, "");
        serde_json::from_str(&run.stdout).expect("JSON")
    }
}

/// The texts that the objects of a list have under this name.
pub fn texts<'v>(values: &'v Value, of: &str) -> Vec<&'v str> {
    values.as_array().expect("a list").iter().map(|value| value[of].as_str().expect("a text")).collect()
}
