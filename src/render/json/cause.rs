//! Known causes of a culprit, as JSON.

use serde::Serialize;

use crate::analyses::causes::KnownCause;
use crate::causes::{Cause, Remedy, Verify};
use crate::render::cause;

/// What is known of a cause, for someone who has it.
#[derive(Serialize)]
pub(super) struct HelpView<'c> {
    name: &'c str,
    means: &'c str,
    fixed: Option<String>,
    now: Vec<RemedyView<'c>>,
    cure: &'c str,
    verify: VerifyView<'c>,
    sources: &'c [String],
}

#[derive(Serialize)]
struct RemedyView<'c> {
    run: &'c str,
    risk: &'c str,
}

#[derive(Serialize)]
struct VerifyView<'c> {
    run: &'c str,
    shows: &'c str,
}

/// A known cause of a culprit.
#[derive(Serialize)]
pub(super) struct KnownView<'c> {
    title: &'c str,
    mistaken: bool,
    certainty: &'static str,
    why: String,
    share: f64,
    #[serde(flatten)]
    help: HelpView<'c>,
}

/// The same in short, where there are many stalls of one cause.
#[derive(Serialize)]
pub(super) struct BriefView<'c> {
    name: &'c str,
    title: &'c str,
    certainty: &'static str,
    share: f64,
}

pub(super) fn briefs(found: &[KnownCause]) -> Vec<BriefView<'_>> {
    found.iter().map(brief).collect()
}

fn brief(found: &KnownCause) -> BriefView<'_> {
    BriefView {
        name: &found.cause.name,
        title: &found.cause.title,
        certainty: found.certainty.name(),
        share: found.share,
    }
}

pub(super) fn views(found: &[KnownCause]) -> Vec<KnownView<'_>> {
    found.iter().map(view).collect()
}

fn view(found: &KnownCause) -> KnownView<'_> {
    KnownView {
        title: &found.cause.title,
        mistaken: found.cause.is_mistaken,
        certainty: found.certainty.name(),
        why: cause::certainty(found),
        share: found.share,
        help: help(&found.cause),
    }
}

/// What is known of a cause.
pub(super) fn help(cause: &Cause) -> HelpView<'_> {
    let Verify { run, shows, .. } = &cause.verify;
    HelpView {
        name: &cause.name,
        means: &cause.means,
        fixed: cause.kernels.fixed.map(|version| version.to_string()),
        now: cause.now.iter().map(|Remedy { run, risk, .. }| RemedyView { run, risk }).collect(),
        cure: &cause.cure,
        verify: VerifyView { run, shows },
        sources: &cause.sources,
    }
}
