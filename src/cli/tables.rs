//! Tables as Parquet files: the options of the commands that write them, and the folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use stallgraph::analyses::check::Check;
use stallgraph::analyses::rows::{Found, Origin, Rows};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::Stalls;
use stallgraph::analyses::windows;
use stallgraph::causes::Causes;
use stallgraph::model::{Recording, clean};
use stallgraph::tables::{self, Samples};

use super::inputs::Inputs;
use super::output;
use super::target::{self, Readers};

/// How the node is named in tables.
#[derive(Args, Clone)]
#[command(next_help_heading = "Tables")]
pub struct TableOptions {
    /// Name of the node in tables [default: the host name in the recording]
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// What else is known of the node: cluster=eu1; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_label)]
    labels: Vec<(String, String)>,
    /// Replace comms, paths and host names in tables by hashes
    ///
    /// They are those of pack --redact. Labels stay, and so does the name that --node gives.
    #[arg(long)]
    redact: bool,
}

/// Tables beside what a command prints.
#[derive(Args)]
pub struct ParquetOptions {
    /// Also write tables as Parquet files into DIR
    ///
    /// stallgraph fleet, DuckDB, Spark, ClickHouse and pandas read them.
    #[arg(long, value_name = "DIR", help_heading = "Tables")]
    pub parquet: Option<PathBuf>,
    #[command(flatten)]
    pub tables: TableOptions,
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    let is_key = |key: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        !key.is_empty() && key.chars().all(is_plain)
    };
    match text.split_once('=') {
        Some((key, value)) if is_key(key) => Ok((key.to_owned(), clean(value).into_owned())),
        _ => Err("a label is KEY=VALUE; KEY is made of letters, digits and ._-/".to_owned()),
    }
}

impl ParquetOptions {
    /// Refuses options that say how to write tables where none are written.
    pub fn check(&self) -> Result<()> {
        match self.tables.given().filter(|_| self.parquet.is_none()) {
            Some(option) => bail!("{option} is for tables: give --parquet DIR too"),
            None => self.tables.check(),
        }
    }
}

impl TableOptions {
    /// The first of these options that is given.
    pub fn given(&self) -> Option<&'static str> {
        let options = [
            ("--node", self.node.is_some()),
            ("--label", !self.labels.is_empty()),
            ("--redact", self.redact),
        ];
        options.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
    }

    /// Refuses what cannot be meant.
    pub fn check(&self) -> Result<()> {
        if self.node.as_deref() == Some("") {
            bail!("--node: give a name");
        }
        let mut keys = BTreeSet::new();
        match self.labels.iter().find(|(key, _)| !keys.insert(key)) {
            Some((key, _)) => bail!("--label {key}=…: the label is given twice"),
            None => Ok(()),
        }
    }

    /// Whose rows these are.
    pub fn origin(&self) -> Origin {
        let mut labels = self.labels.clone();
        labels.sort();
        Origin { node: self.node.as_deref().map(|node| clean(node).into_owned()), labels }
    }

    /// The rows of a recording, redacted if the user asked for it.
    pub fn rows(&self, recording: &Recording, stalls: &Stalls, check: &Check, selection: &Selection) -> Rows {
        let options = windows::Options {
            selection: selection.clone(),
            causes: Causes::none(),
            ..windows::Options::default()
        };
        let windows = recording.tells_cpus().then(|| windows::find(recording, &options));
        let found = Found { stalls, check, windows: windows.as_ref(), selection };
        let rows = Rows::new(recording, &found, &self.origin());
        if rows.recording.time.is_none() {
            output::warn(
                "the recording has no time of day, so its rows have none (perf record -k CLOCK_MONOTONIC records it)",
            );
        }
        self.redacted(rows)
    }

    /// The rows as they may be written.
    pub fn redacted(&self, mut rows: Rows) -> Rows {
        if self.redact {
            tables::redact(&mut rows);
            if let Some(node) = self.origin().node {
                rows.recording.host = Some(node);
            }
        }
        rows
    }

    /// The samples of the rows' recording.
    pub fn samples<'r>(
        &self,
        recording: &'r Recording,
        rows: &'r Rows,
        selection: &'r Selection,
    ) -> Samples<'r> {
        Samples::new(recording, &rows.recording.recording, selection, self.redact)
    }
}

/// Writes tables into `folder`.
pub fn write(folder: &Path, rows: &Rows, samples: Option<&Samples>, inputs: &Inputs) -> Result<()> {
    for file in tables::files(rows, samples) {
        let path = folder.join(file.path());
        if let Some(parent) = path.parent() {
            target::make_folder(parent)?;
        }
        target::write(Some(&path), Readers::Usual, inputs, |out| file.write(out))?;
    }
    remove_others(folder, rows, samples.is_some())
}

/// Removes the files of the same recording that have no rows any more, since they were written with
/// other options.
fn remove_others(folder: &Path, rows: &Rows, has_samples: bool) -> Result<()> {
    for path in tables::others(rows, has_samples) {
        let path = folder.join(path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| clean(&path.to_string_lossy()).into_owned());
            }
            _ => {}
        }
    }
    Ok(())
}
