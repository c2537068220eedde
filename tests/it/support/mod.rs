//! What the integration tests share: the program run as a user runs it, the recordings in testdata, recordings made up.

pub mod archive;
#[allow(dead_code, reason = "examples/write_odd_recordings.rs uses the rest")]
pub mod builder;
pub mod elf;
pub mod fixture;
mod fixture_events;
#[allow(dead_code, reason = "examples/write_odd_recordings.rs uses the rest")]
pub mod forms;
pub mod hand_made;
pub mod jitdump;
pub mod pack_scene;
pub mod perf_events;
pub mod perf_script;
pub mod scenes;
pub mod svg;
pub mod viewers;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use linux_perf_data::linux_perf_event_reader::EventRecord;
use linux_perf_data::{PerfFileReader, PerfFileRecord};
use tempfile::TempDir;

use perf_script::Row;

/// The program, with nothing of this environment in its behaviour.
pub fn stallgraph() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stallgraph"));
    command.stdin(Stdio::null()).env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    command
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Data.
    pub stdout: String,
    /// Complaints.
    pub stderr: String,
}

/// Runs `command` to its end.
pub fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The standard output of a run that must end in exit code 0 and have nothing to complain about.
#[track_caller]
pub fn stdout_of(command: &mut Command) -> String {
    let run = run(command);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{command:?}");
    run.stdout
}

/// One of the recordings in testdata.
pub struct Recording {
    /// Its perf.data.
    pub file: PathBuf,
    /// Its folder in testdata.
    pub folder: PathBuf,
    /// The name of its sampling event.
    pub event: &'static str,
    /// Where the perf.data was unpacked, if it was.
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
        // A folder without programs, where there are none: nothing of this machine may give names.
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

    /// What perf script printed for its sampling event, as rows.
    pub fn golden(&self) -> Vec<Row> {
        let packed = fs::read(self.folder.join("perf-script.txt.zst")).expect("the golden");
        let text = zstd::decode_all(packed.as_slice()).expect("it unpacks");
        perf_script::read(&String::from_utf8_lossy(&text), self.event)
    }
}

/// A perf.data that a test made up, with the kallsyms of its kernel beside it, in a folder that goes with the value.
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

    /// Adds a file, and returns its path.
    pub fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be written to");
        fs::write(&path, bytes).expect("the folder can be written to");
        path
    }

    /// A subcommand on it, with names of the kernel only, and other files from the folder `no-files` only.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = stallgraph();
        command.arg(subcommand).arg(self.folder.path().join("perf.data"));
        let no_files = self.folder.path().join("no-files");
        std::fs::create_dir_all(&no_files).expect("a folder");
        command.arg("--symfs").arg(no_files);
        command
    }
}

/// A sample as the crate `linux_perf_data` decodes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecondOpinion {
    /// The CPU.
    pub cpu: u32,
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// The count that it stands for.
    pub period: u64,
}

/// The samples of one event, by CPU and time, as the crate `linux_perf_data` reads them.
pub fn second_opinion(file: &Path, event: &str) -> Vec<SecondOpinion> {
    let file = std::io::BufReader::new(File::open(file).expect("the recording"));
    let PerfFileReader { mut perf_file, mut record_iter } =
        PerfFileReader::parse_file(file).expect("a recording");
    let names: Vec<_> =
        perf_file.event_attributes().iter().map(|event| event.name().map(str::to_owned)).collect();
    let mut samples = Vec::new();
    while let Some(record) = record_iter.next_record(&mut perf_file).expect("a whole record") {
        let PerfFileRecord::EventRecord { attr_index, record } = record else { continue };
        if names[attr_index].as_deref() != Some(event) {
            continue;
        }
        if let EventRecord::Sample(sample) = record.parse().expect("a record that can be decoded") {
            samples.push(SecondOpinion {
                cpu: sample.cpu.expect("a CPU"),
                time_ns: sample.timestamp.expect("a time"),
                pid: sample.pid.expect("a pid"),
                tid: sample.tid.expect("a tid"),
                period: sample.period.expect("a period"),
            });
        }
    }
    samples.sort_by_key(|sample| (sample.cpu, sample.time_ns));
    samples
}

/// Compares texts line by line, and shows where they first differ.
#[track_caller]
pub fn assert_same_lines(what: &str, got: &str, expected: &[String]) {
    let got: Vec<&str> = got.lines().collect();
    let is_different = |at: &usize| got.get(*at).copied() != expected.get(*at).map(String::as_str);
    let length = got.len().max(expected.len());
    let different: Vec<usize> = (0..length).filter(is_different).collect();
    if different.is_empty() {
        return;
    }
    let line = |text: Option<&str>| text.unwrap_or("(no line)").to_owned();
    let shown = different.iter().take(3).map(|&at| {
        let (got, expected) = (line(got.get(at).copied()), line(expected.get(at).map(String::as_str)));
        format!("line {}\n  got      {got}\n  expected {expected}\n", at + 1)
    });
    let shown: String = shown.collect();
    panic!(
        "{what}: {} of {length} lines differ ({} got, {} expected)\n{shown}",
        different.len(),
        got.len(),
        expected.len()
    );
}
