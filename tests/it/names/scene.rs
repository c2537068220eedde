//! A recording, and files that may name its code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::builder::{Builder, Kernel, Mmap, Sample};
use crate::support::{Run, hostname, run, stallgraph};
use tempfile::TempDir;

/// A recording in a folder of its own, and a folder for `--symfs` beside it.
pub struct Scene {
    pub folder: TempDir,
}

impl Scene {
    pub fn write(file: &mut Builder) -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        fs::write(scene.at("perf.data"), file.build()).expect("the folder can be written to");
        scene.add("symfs/empty", b"");
        scene
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be written to");
        fs::write(&path, bytes).expect("the folder can be written to");
        path
    }

    pub fn command(&self, subcommand: &str, options: &[&str]) -> Command {
        let mut command = stallgraph();
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.args([subcommand, "perf.data"]).args(options);
        command
    }

    #[track_caller]
    pub fn run(&self, subcommand: &str, options: &[&str]) -> Run {
        let run = run(&mut self.command(subcommand, options));
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }

    /// The frames of the only stack, root first.
    #[track_caller]
    pub fn stack(&self, options: &[&str]) -> String {
        let run = self.run("collapse", options);
        let stack =
            run.stdout.trim_end().strip_suffix(" 1").map(|line| line.split_once(';').expect("a comm").1);
        stack.unwrap_or_else(|| panic!("{run:?}")).to_owned()
    }

    /// What `info` says of frames without a name, as one line.
    #[track_caller]
    pub fn unnamed(&self, options: &[&str]) -> String {
        let run = self.run("info", options);
        let lines = run.stdout.lines().skip_while(|line| !line.starts_with("names "));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        words.join(" ")
    }

    /// The number of samples of `comm` that end in this function.
    #[track_caller]
    pub fn ending_in(&self, comm: &str, leaf: &str, options: &[&str]) -> usize {
        let stacks = self.run("collapse", &[&["--symfs", "symfs"], options].concat()).stdout;
        let is_one = |line: &&str| {
            line.starts_with(&format!("{comm};")) && line.ends_with(&format!(";exported_work;{leaf} 1"))
        };
        stacks.lines().filter(is_one).count()
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.at("symfs").join(path)
    }
}

/// A recording of this host in which process `pid` ran code at `addresses`, in memory that no file
/// backs.
pub fn generated_code(pid: u32, addresses: &[u64]) -> Builder {
    let task = (pid, pid);
    let mut file = Builder::new();
    file.hostname(&hostname()).arch("x86_64").kernel_map(&Kernel::new()).comm(task, "node");
    file.mmap2(Mmap::new(pid, "//anon", 0x7000_0000, 0x10_0000).pgoff(0x7000_0000).inode(0, 0, 0, 0));
    file.at(0, 1_000_000).sample(Sample::new(task).user(addresses));
    file
}

/// A recording of `testdata/names`, which `scripts/record-names` made, in a folder of its own, and
/// its `symfs` copied beside it.
pub fn forms(name: &str) -> Scene {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/names");
    let packed = fs::read(from.join(format!("{name}.data.zst"))).expect("the recording");
    let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
    scene.add("perf.data", &zstd::decode_all(packed.as_slice()).expect("it unpacks"));
    let copied = Command::new("cp").arg("-a").args([from.join("symfs"), scene.at("symfs")]).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp");
    scene
}
