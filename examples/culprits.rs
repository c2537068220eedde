//! Lists who stalled CPUs in all recordings of a folder, as CSV for a spreadsheet or a database.
//!
//! usage: culprits FOLDER > culprits.csv
//!
//! It reads each file whose name ends in `.data`, and prints one line per stall. A file that cannot
//! be read is reported on standard error; the others are listed nevertheless, and the exit code is
//! 1.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use stallgraph::analyses::stalls::{self, Culprit, Holder, Stall};
use stallgraph::load;
use stallgraph::model::Recording;

const HEADER: [&str; 9] =
    ["file", "cpu", "start_ns", "duration_ns", "confidence", "holder", "name", "system_call", "function"];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: culprits FOLDER > culprits.csv");
        return ExitCode::from(2);
    };
    match list(folder.as_ref(), &mut io::stdout().lock()) {
        Ok(errors) if errors.is_empty() => ExitCode::SUCCESS,
        Ok(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

/// Writes the stalls of all recordings in a folder, and returns why some could not be read.
///
/// # Errors
///
/// If the folder cannot be read, or `out` does not take the bytes.
pub fn list(folder: &Path, out: &mut dyn Write) -> io::Result<Vec<stallgraph::Error>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A link such as `last.data` leads to a recording that is listed under its own name.
        let is_link = entry.file_type()?.is_symlink();
        if !is_link && entry.path().extension().is_some_and(|extension| extension == "data") {
            files.push(entry.path());
        }
    }
    files.sort();
    writeln!(out, "{}", HEADER.join(","))?;
    let mut errors = Vec::new();
    for file in files {
        match load_with_events(&file) {
            Ok(recording) => write_stalls(&file, &recording, out)?,
            Err(error) => errors.push(error),
        }
    }
    out.flush()?;
    Ok(errors)
}

/// Loads a recording that can tell of stalls.
fn load_with_events(file: &Path) -> stallgraph::Result<Recording> {
    let options = load::Options { events: true, ..load::Options::default() };
    let recording = load::load(file, &options, &|_, _, _| {})?;
    load::require_witnesses(&recording)?;
    Ok(recording)
}

fn write_stalls(file: &Path, recording: &Recording, out: &mut dyn Write) -> io::Result<()> {
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    for stall in stalls::find(recording, &stalls::Options::default()).stalls {
        let numbers = [stall.cpu.to_string(), stall.start_ns.to_string(), stall.duration_ns().to_string()];
        let [cpu, start, duration] = &numbers;
        let [holder, name, system_call, function] = held_by(recording, &stall);
        let confidence = stall.confidence.name();
        let fields = [&*file, cpu, start, duration, confidence, holder, name, system_call, function];
        writeln!(out, "{}", fields.map(quoted).join(","))?;
    }
    Ok(())
}

/// What held the CPU, its name, the system call and the function; empty where the recording does
/// not tell.
fn held_by<'r>(recording: &'r Recording, stall: &Stall) -> [&'r str; 4] {
    let Some(culprit) = &stall.culprit else { return [""; 4] };
    let (holder, name) = match culprit.holder {
        Holder::Task(task) => ("task", recording.comm(task)),
        Holder::Softirq(softirq) => ("softirq", softirq.name()),
        Holder::Interrupt(interrupt) => {
            ("interrupt", interrupt.map_or("", |interrupt| recording.name(interrupt.name)))
        }
        _ => ("other", ""),
    };
    let function = culprit.path.as_ref().and_then(|path| path.function);
    let [system_call, function] =
        [system_call(culprit), function].map(|name| name.map_or("", |name| recording.name(name)));
    [holder, name, system_call, function]
}

/// The system call of a task, as its stack or a tracepoint names it.
fn system_call(culprit: &Culprit) -> Option<stallgraph::model::NameId> {
    culprit.holder.task()?;
    let of_path = culprit.path.as_ref().and_then(|path| path.system_call);
    of_path.or(culprit.call.map(|call| call.name))
}

/// A field of CSV (RFC 4180): in quotes if it has a character that means something there.
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
