//! The program, run as a user runs it.

use std::path::Path;
use std::process::{Command, Stdio};

/// The program, in an environment that does not change its behaviour.
pub fn stallgraph() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stallgraph"));
    command.stdin(Stdio::null()).env_remove("CLICOLOR_FORCE").env_remove("NO_COLOR");
    command
}

/// A shell that runs these lines in a folder, as a reader of the docs does: the program is in its
/// path, and nothing of this environment changes what it prints.
pub fn shell(lines: &str, folder: &Path) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_stallgraph")).parent().expect("a folder");
    let mut command = Command::new("sh");
    command
        .args(["-c", lines])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", program.display()))
        .envs([("LC_ALL", "C.UTF-8"), ("TZ", "UTC"), ("HOME", "/nonexistent")])
        .stdin(Stdio::null());
    command
}

/// Copies the program to `path`, to be run there.
///
/// Another process copies it: a file that is open for writing cannot be run, and a process that
/// another test starts meanwhile would inherit what this one has open.
pub fn copy_program(path: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_stallgraph")).arg(path).status();
    assert!(copied.expect("cp starts").success(), "{}", path.display());
}

/// The result of a run of the program.
#[derive(Debug)]
pub struct Run {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `command` until it ends.
pub fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The standard output of a run that must end in exit code 0 without complaints.
#[track_caller]
pub fn stdout_of(command: &mut Command) -> String {
    let run = run(command);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{command:?}");
    run.stdout
}

/// The standard output of a run that must end in exit code 0, as bytes, and its standard error.
#[track_caller]
pub fn bytes_of(command: &mut Command) -> (Vec<u8>, String) {
    let output = command.output().expect("the program starts");
    let complaints = String::from_utf8(output.stderr).expect("the program prints UTF-8");
    assert_eq!(output.status.code(), Some(0), "{command:?}: {complaints}");
    (output.stdout, complaints)
}
