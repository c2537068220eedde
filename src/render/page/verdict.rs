//! The verdict as HTML. It stands in the page before any script, so that it is seen at once, and
//! where no script may run.

use std::io::{self, Write};

use crate::analyses::check::{Doubt, Status};
use crate::analyses::panorama::Thinned;
use crate::analyses::stalls::{Confidence, Stall, Verdict};
use crate::model::{Severity, utc};
use crate::render::doubt;
use crate::render::markup::escape;
use crate::render::report::{self, about};
use crate::render::text::{counted, percent, seconds, short};

use super::cause;
use super::document::MOST_ROWS;
use super::next;
use super::parts::Page;

/// The most reasons for doubt that are listed.
const MOST_DOUBTS: usize = 8;

/// Writes the verdict of `page`: what happened, how sure it is, what to do next, and how far the
/// recording can be trusted.
pub(super) fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let (word, sentence) = headline(page);
    writeln!(out, "<header class=\"verdict\" data-verdict=\"{word}\">")?;
    writeln!(out, "<h1><span class=\"word\">{word}</span> {}</h1>", escape(&sentence))?;
    for sentence in [sure(page), since(page)].into_iter().flatten() {
        writeln!(out, "<p class=\"sure\">{}</p>", escape(&sentence))?;
    }
    cause::write(page, out)?;
    for step in next::steps(page) {
        let command = step.command.map(|command| format!(" <code>{}</code>", escape(&command)));
        writeln!(
            out,
            "<p class=\"next\"><b>Next:</b> {}{}</p>",
            escape(&step.sentence),
            command.unwrap_or_default()
        )?;
    }
    let doubts = doubts(page);
    if !doubts.is_empty() {
        writeln!(out, "<ul class=\"trust\" aria-label=\"How far this can be trusted\">")?;
        for doubt in &doubts[..doubts.len().min(MOST_DOUBTS)] {
            writeln!(out, "<li>{}</li>", escape(doubt))?;
        }
        if doubts.len() > MOST_DOUBTS {
            writeln!(out, "<li>{} more: stallgraph info</li>", doubts.len() - MOST_DOUBTS)?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(
        out,
        "<p class=\"source\">{}. This page holds names of the machine's programs, functions and control groups. \
         Made by {}.</p>\n</header>",
        escape(&about::recorded(page.recording)),
        escape(page.program)
    )
}

/// The verdict in one word and one sentence.
fn headline(page: &Page) -> (&'static str, String) {
    let summary = || report::stalls::summary(page.recording, page.stalls, page.doubt);
    let overload = || {
        let first = page.check.overloads.first()?;
        Some(report::overloads::sentence(page.recording, first))
    };
    match (&page.check.status, report::stalls::verdict(page.recording, page.stalls)) {
        (Status::Stalling, Some((Verdict::Culprit, sentence))) => ("stalling", sentence),
        (Status::Stalling, _) => ("stalling", summary()),
        (Status::Overloaded, _) => ("overloaded", overload().unwrap_or_else(summary)),
        (Status::Unknown(_), Some((_, sentence))) => ("suspicious", sentence),
        (Status::Unknown(_), None) => {
            let found = summary();
            let sentence = found.strip_prefix("unknown: ").map(str::to_owned);
            ("unknown", sentence.unwrap_or(found))
        }
        (Status::Healthy, _) => ("healthy", summary()),
    }
}

/// How sure the stalls are.
fn sure(page: &Page) -> Option<String> {
    let stalls = &page.stalls.stalls;
    let longest = stalls.iter().max_by_key(|stall| (stall.confidence, stall.duration_ns()))?;
    let levels = [Confidence::High, Confidence::Medium, Confidence::Low];
    let counts = levels.map(|level| (level, page.stalls.count(level)));
    let counts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(level, count)| format!("{count} of {} confidence", level.name()))
        .collect();
    let packets = longest.victims.packets.filter(|packets| *packets > 0);
    let packets = packets.map(|packets| format!("; {} waited in the longest", counted(packets, "packet")));
    Some(format!(
        "How sure: {}, {}{}",
        counted(stalls.len() as u64, "stall"),
        counts.join(", "),
        packets.unwrap_or_default()
    ))
}

/// When the first and the last stall were.
fn since(page: &Page) -> Option<String> {
    let stalls = &page.stalls.stalls;
    let time = |stall: &Stall| {
        let clock = seconds(stall.start_ns);
        match page.recording.about.clock.since_1970_ns(stall.start_ns) {
            Some(ns) => format!("{} UTC ({clock} s)", utc(ns)),
            None => format!("{clock} s"),
        }
    };
    match (stalls.first()?, stalls.last()?) {
        (only, _) if stalls.len() == 1 => Some(format!("At {}", time(only))),
        (first, last) => Some(format!("The first at {}, the last at {}", time(first), time(last))),
    }
}

/// Why the verdict may be wrong or incomplete, the most important reason first.
fn doubts(page: &Page) -> Vec<String> {
    let mut doubts = Vec::new();
    let tally = &page.recording.tally;
    if tally.lost > 0 {
        doubts.push(format!("{} records were lost ({} of all)", tally.lost, percent(tally.lost_share())));
    }
    // Damage is among the diagnostics.
    doubts.extend(page.doubt.filter(|doubt| !matches!(doubt, Doubt::Damaged(_))).map(doubt::sentence));
    let matters = page.recording.diagnostics.iter().filter(|diagnostic| diagnostic.severity > Severity::Info);
    doubts.extend(matters.filter(|diagnostic| !diagnostic.is_loss()).map(|diagnostic| diagnostic.sentence()));
    if page.contents.unnamed_frames > 0 {
        let share = percent(page.contents.share(page.contents.unnamed_frames));
        doubts.push(format!("{share} of the frames have no name"));
    }
    let missing: Vec<&str> = page.stalls.sight.lacking().map(|(witness, _)| witness.tells).collect();
    if !missing.is_empty() {
        doubts.push(format!("not recorded: {}", missing.join("; ")));
    }
    doubts.extend(page.panorama.thinned.as_ref().map(|thinned| thin(page, thinned)));
    let stalls = page.stalls.stalls.len();
    if stalls > MOST_ROWS {
        doubts.push(format!("this page marks and lists the first {MOST_ROWS} of {stalls} stalls"));
    }
    doubts.dedup();
    doubts
}

/// How samples were thinned.
fn thin(page: &Page, thinned: &Thinned) -> String {
    format!(
        "this page has {} of {} samples one by one, around stalls and windows; elsewhere the samples of one task \
         within {} are one entry. To see each sample, select less with --time or -C",
        thinned.whole_samples,
        page.panorama.samples,
        short(thinned.cell_ns)
    )
}
