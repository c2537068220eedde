//! Files that commands write: what other users put in the way is never followed, no input is
//! written over, and nothing is left of a result that is not whole.

mod in_the_way;
mod inputs;
mod interrupted;
mod permissions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Run, run, stallgraph};
use tempfile::TempDir;

/// A user who is neither the one who runs the tests nor root.
const STRANGER: u32 = 12345;

/// A recording with a kallsyms beside it, and a folder `out` for results.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post");
        for name in ["perf.data", "kallsyms"] {
            fs::copy(testdata.join(name), scene.at(name)).expect("a copy");
        }
        fs::create_dir(scene.at("out")).expect("a folder");
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command on the recording, whose words are separated by spaces.
    fn command(&self, words: &str) -> Command {
        let mut command = stallgraph();
        command.args(words.split(' ')).current_dir(self.folder.path());
        command
    }

    /// Runs a command that must succeed.
    #[track_caller]
    fn succeed(&self, words: &str) -> Run {
        let run = run(&mut self.command(words));
        assert_eq!(run.code, Some(0), "{words}: {run:?}");
        run
    }

    /// Runs a command that must refuse to write its result, and say why.
    #[track_caller]
    fn refuse(&self, words: &str, why: &str) {
        let run = run(&mut self.command(words));
        assert_eq!(run.code, Some(2), "{words}: {run:?}");
        let said = [run.stdout.as_str(), &run.stderr].concat();
        assert!(said.contains(why), "{words}: {run:?}");
    }

    /// The names in a folder.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).expect("the folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

/// Commands that write one file, which is called `OUT` here.
const WRITERS: [&str; 4] = [
    "collapse perf.data -o OUT",
    "chart perf.data -C 1 -o OUT",
    "export perf.data --format chrome -o OUT",
    "pack perf.data -o OUT",
];

/// Commands that write files of fixed names into a folder, which is called `DIR` here, and one of
/// the names.
const FILLERS: [(&str, &str); 3] = [
    ("collapse perf.data --split DIR", "cpu-1.folded"),
    ("check perf.data --textfile DIR", "stallgraph.prom"),
    ("generate man DIR", "stallgraph.1"),
];

/// All of them, with what they write to `folder/NAME`, and its NAME.
fn all_into(folder: &str) -> Vec<(String, String)> {
    let writers = WRITERS.map(|words| (words.replace("OUT", &format!("{folder}/file")), "file".to_owned()));
    let fillers = FILLERS.map(|(words, name)| (words.replace("DIR", folder), name.to_owned()));
    writers.into_iter().chain(fillers).collect()
}

/// Gives a file, or a link itself, to [`STRANGER`]; `false`, with a note, if this user may not.
fn give_away(path: &Path) -> bool {
    match std::os::unix::fs::lchown(path, Some(STRANGER), Some(STRANGER)) {
        Ok(()) => true,
        Err(why) => {
            eprintln!("SKIPPED a file of another user: {why}");
            false
        }
    }
}
