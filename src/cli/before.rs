//! What was recorded before a change, for a page of what was recorded after it.

use std::path::Path;

use anyhow::{Context, Result};
use stallgraph::analyses::diff::{self, Diff, Side, Summary};
use stallgraph::analyses::overview::{self, Overview};
use stallgraph::analyses::selection::Selection;
use stallgraph::analyses::stalls::{self, Stalls};
use stallgraph::causes::Causes;
use stallgraph::load;
use stallgraph::model::{Recording, clean};

use super::input::InputOptions;
use super::output;
use super::reading::Needs;

/// What a page needs of the recording from before a change. The recording itself is dropped before
/// the one from after it is loaded.
pub struct Before {
    summary: Summary,
    overview: Overview,
}

impl Before {
    /// Sums up the recording at `path`, which is read as `input` says.
    pub fn read(path: &Path, input: &InputOptions, selection: &Selection, min_ns: u64) -> Result<Before> {
        let recording = input.load_another(path, Needs::SamplesAndEvents)?;
        output::report_diagnostics(&recording);
        load::require_witnesses(&recording)?;
        output::check_selection(selection, &recording)
            .with_context(|| clean(&path.to_string_lossy()).into_owned())?;
        let options = stalls::Options { min_ns, selection: selection.clone(), causes: Causes::none() };
        let stalls = stalls::find(&recording, &options);
        Ok(Before {
            summary: Summary::new(&recording, &stalls, selection),
            overview: overview::find(&recording, &stalls, selection),
        })
    }

    /// Whether part of it could not be read.
    pub fn is_damaged(&self) -> bool {
        self.summary.is_damaged
    }

    /// Who had its CPUs when.
    pub fn overview(&self) -> &Overview {
        &self.overview
    }

    /// What changed since, and the overview of what was recorded after.
    pub fn compare(&self, recording: &Recording, stalls: &Stalls, selection: &Selection) -> (Diff, Overview) {
        let side = |summary: Summary| Side {
            name: summary.file.clone(),
            recordings: vec![summary],
            skipped: Vec::new(),
        };
        let after = Summary::new(recording, stalls, selection);
        let options = diff::Options { min_ns: stalls.sight.min_ns, is_forced: false };
        let diff = diff::compare(side(self.summary.clone()), side(after), options);
        (diff, overview::find(recording, stalls, selection))
    }
}
