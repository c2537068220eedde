//! Recordings that commands are run on: those in testdata, and those that a test makes up.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::perf_events::{self, Line};
use super::perf_script::{self, Row};
use super::program::{stallgraph, stdout_of};

/// One of the recordings in testdata.
pub struct Recording {
    /// Its perf.data.
    pub file: PathBuf,
    /// Its folder in testdata.
    pub folder: PathBuf,
    /// The name of its sampling event.
    pub event: &'static str,
    /// The folder of the unpacked perf.data, if it was packed.
    unpacked: Option<TempDir>,
}

impl Recording {
    /// All of them.
    pub const ALL: [&str; 3] = ["post", "system", "evidence"];

    /// The recording in the folder of this name.
    pub fn open(name: &str) -> Recording {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
        let packed = folder.join("perf.data.zst");
        if !packed.exists() {
            return Recording { file: folder.join("perf.data"), folder, event: "cpu-clock", unpacked: None };
        }
        let unpacked = tempfile::tempdir().expect("a temporary folder");
        let file = unpacked.path().join("perf.data");
        let (from, to) = (File::open(packed).expect("the recording"), File::create(&file).expect("a file"));
        zstd::stream::copy_decode(from, to).expect("it unpacks");
        Recording { file, folder, event: "cpu-clock/freq=999/", unpacked: Some(unpacked) }
    }

    /// A subcommand on this recording, with names from its folder.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = stallgraph();
        let symfs = self.folder.join("symfs");
        // If there are no programs, a folder without any: no file of this machine may give names.
        let none = self.unpacked.as_ref().filter(|_| !symfs.exists()).map(|folder| folder.path().to_owned());
        command.arg(subcommand).arg(&self.file).arg("--symfs").arg(none.unwrap_or(symfs));
        if self.unpacked.is_some() {
            command.arg("--kallsyms").arg(self.folder.join("kallsyms"));
        }
        command
    }

    /// The standard output of a subcommand with these options, which must succeed.
    #[track_caller]
    pub fn stdout(&self, subcommand: &str, options: &[&str]) -> String {
        stdout_of(self.command(subcommand).args(options))
    }

    /// What perf script printed for the sampling event, as rows.
    pub fn golden(&self) -> Vec<Row> {
        perf_script::read(&String::from_utf8_lossy(&self.text("perf-script.txt.zst")), self.event)
    }

    /// The records of system calls, switches, wake-ups and packets that perf script printed.
    pub fn golden_events(&self) -> Vec<Line> {
        perf_events::read(&String::from_utf8_lossy(&self.text("perf-script-events.txt.zst")))
    }

    /// A text of perf script in its folder.
    pub fn text(&self, name: &str) -> Vec<u8> {
        let packed = fs::read(self.folder.join(name)).expect("the golden");
        zstd::decode_all(packed.as_slice()).expect("it unpacks")
    }
}

/// A perf.data that a test made up, with the kallsyms of its kernel beside it, in a folder that is
/// removed with the value.
pub struct MadeUp {
    folder: TempDir,
}

impl MadeUp {
    /// Writes both files.
    pub fn write(perf_data: &[u8], kallsyms: &str) -> MadeUp {
        let made_up = MadeUp { folder: tempfile::tempdir().expect("a temporary folder") };
        made_up.add("perf.data", perf_data);
        made_up.add("kallsyms", kallsyms.as_bytes());
        made_up
    }

    /// The path of the perf.data, and its bytes.
    pub fn recording(&self) -> (PathBuf, Vec<u8>) {
        let path = self.folder.path().join("perf.data");
        let bytes = fs::read(&path).expect("it was written");
        (path, bytes)
    }

    /// Adds a file, and returns its path.
    pub fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be written to");
        fs::write(&path, bytes).expect("the folder can be written to");
        path
    }

    /// A subcommand on it, with names of the kernel only, and other files only from the folder
    /// `no-files`.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = stallgraph();
        command.arg(subcommand).arg(self.folder.path().join("perf.data"));
        let no_files = self.folder.path().join("no-files");
        std::fs::create_dir_all(&no_files).expect("a folder");
        command.arg("--symfs").arg(no_files);
        command
    }
}
