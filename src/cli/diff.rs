//! `stallgraph diff`: whether the stalls of one recording are gone in another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::diff::{self, Diff, Options, Outcome, Side, Skipped, Summary};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls;
use stallgraph::causes::Causes;
use stallgraph::load;
use stallgraph::model::{Recording, Severity, clean};
use stallgraph::render::{json, report};

use super::output;
use super::reading::{Needs, ReadingOptions};
use super::selection::SelectionOptions;
use super::terminal::Report;
use super::values::{parse_duration, to_ns};

/// Says whether the stalls of one recording are gone in another
///
/// BEFORE was recorded before a change, AFTER after it, in the same way and at
/// the same load. Of each culprit it compares how many stalls there were in
/// each minute in which the CPUs were busy:
///
///   gone         stalls before and none after, by more than chance
///   fewer, more  by more than chance
///   same         the rates differ by less than a factor of two
///   new          none before and stalls after, by more than chance
///   cannot tell  the report says how much longer to record
///   refused      something else may be the reason: the report says what
///
/// It also tells which paths dominate more or fewer of the windows of window,
/// and which system calls take longer or shorter.
///
/// Each of the two is a recording, a pack, output of perf script, or a folder:
/// all recordings and packs in a folder are one. Those that cannot be read, and
/// second files with the same recording, are listed and left out. What watch
/// keeps was recorded because of a stall, so it tells no rate, and is refused.
///
/// Exit codes:
///
///   0 better or equal
///   1 worse
///   2 cannot tell, not comparable, or failed
///
/// Examples:
///
///   stallgraph record -o before.data -- sleep 600
///   stallgraph record -o after.data -- sleep 600      # after the change
///   stallgraph diff before.data after.data
///   stallgraph diff -C 11 --min 50ms before/ after/
///   stallgraph diff --format json before/ after/ | jq -r .outcome
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Recording, or folder of recordings, from before the change
    #[arg(value_name = "BEFORE", help_heading = None::<&str>)]
    before: PathBuf,
    /// Recording, or folder of recordings, from after it
    #[arg(value_name = "AFTER", help_heading = None::<&str>)]
    after: PathBuf,
    /// Least length of a stall
    #[arg(long, help_heading = "Stalls", value_name = "TIME", default_value = "20ms", value_parser = parse_duration)]
    min: Duration,
    /// Give verdicts even where the two are not comparable
    ///
    /// The report still lists the reasons against it.
    #[arg(long, help_heading = "Stalls")]
    force: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    reading: ReadingOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report of 80 columns
    Text,
    /// Everything, for programs
    Json,
}

/// Runs the command. Its exit code is the answer, and 2 for any failure.
pub fn run(arguments: &Arguments) -> ExitCode {
    output::answer(arguments.diff().map(|diff| {
        let printed = output::print(|out| match arguments.format {
            Format::Text => report::diff::write(&diff, &mut Report::new(out)),
            Format::Json => json::diff::write(&diff, out),
        });
        (code(diff.outcome), printed)
    }))
}

fn code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Better => 0,
        Outcome::Worse => 1,
        Outcome::Unclear => 2,
    }
}

impl Arguments {
    fn diff(&self) -> Result<Diff> {
        if self.min.is_zero() {
            bail!("--min 0: every moment is a stall then; give --min 20ms");
        }
        if [&self.before, &self.after].iter().all(|path| path.as_path() == Path::new("-")) {
            bail!("BEFORE and AFTER are both standard input: name a file for one of them");
        }
        let options = stalls::Options {
            min_ns: to_ns(self.min)?,
            selection: self.selection.selection(),
            causes: Causes::none(),
        };
        self.reading.start_threads()?;
        let before = self.side(&self.before, &options)?;
        let after = self.side(&self.after, &options)?;
        let options = Options { min_ns: options.min_ns, is_forced: self.force };
        Ok(diff::compare(before, after, options))
    }

    /// Sums up a recording, or those in a folder. Only one of them is in memory at a time.
    fn side(&self, path: &Path, options: &stalls::Options) -> Result<Side> {
        let name = clean(&path.to_string_lossy()).into_owned();
        if !path.is_dir() || load::looks_like_recording(path) {
            let recording = self.load(path, &options.selection)?;
            for sentence in options.selection.unmatched(&recording) {
                output::warn(&sentence);
            }
            return Ok(Side { name, recordings: vec![sum_up(recording, options)], skipped: Vec::new() });
        }
        let mut side = Side { name, ..Side::default() };
        for file in recordings_in(path)? {
            match self.load(&file, &options.selection) {
                Ok(recording) if recording.is_damaged() => side.skipped.push(damage(&recording)),
                Ok(recording) => side.add(sum_up(recording, options)),
                Err(error) => side.skipped.push(unusable(clean(&format!("{error:#}")).into_owned())),
            }
        }
        if side.recordings.is_empty() {
            let name = side.name;
            let why: Vec<&str> = side.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
            match why.is_empty() {
                true => bail!("{name}: holds no recording and no pack; name the folder that they are in"),
                false => bail!("{name}: none of its recordings can be used: {}", why.join("; ")),
            }
        }
        Ok(side)
    }

    fn load(&self, path: &Path, selection: &Selection) -> Result<Recording> {
        let recording = self.reading.load(path, Needs::Kernel)?;
        load::require_witnesses(&recording)?;
        selection.check(&recording)?;
        Ok(recording)
    }
}

fn sum_up(recording: Recording, options: &stalls::Options) -> Summary {
    let stalls = stalls::find(&recording, options);
    Summary::new(&recording, &stalls, &options.selection)
}

/// Why a damaged recording of a folder is left out.
fn damage(recording: &Recording) -> Skipped {
    let errors = recording.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let error = errors.map(|error| error.sentence()).next().unwrap_or_default();
    unusable(format!("{}: {error}", recording.about.file))
}

fn unusable(why: String) -> Skipped {
    Skipped { why, is_twin: false }
}

/// The recordings and packs in a folder, sorted by their names. A file that is named as one of them
/// is, too, so that it is told if it is none.
fn recordings_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_named_so = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_file() && (name.ends_with(".data") || name.ends_with(".tar.zst"))
    };
    let entries = fs::read_dir(folder).with_context(|| clean(&folder.to_string_lossy()).into_owned())?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| load::looks_like_recording(path) || is_named_so(path)).collect();
    paths.sort();
    Ok(paths)
}
