//! Known causes as text: under a culprit, as a list, and one of them explained.

use std::io::{self, Write};

use crate::analyses::causes::KnownCause;
use crate::causes::{Cause, Causes};
use crate::render::cause;

use super::layout::{Align, columns, wrap, wrap_at, write_lines};

/// The width of the page of documentation, in columns.
const PAGE_WIDTH: usize = 100;

/// Writes the list of `causes`, a line each.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_list(causes: &Causes, out: &mut dyn Write) -> io::Result<()> {
    let row = |cause: &Cause| ["cause".to_owned(), cause.name.clone(), cause.title.clone()];
    let (stalls, mistaken): (Vec<&Cause>, Vec<&Cause>) =
        causes.iter().map(AsRef::as_ref).partition(|cause| !cause.is_mistaken);
    let mut rows = vec![["#".to_owned(), "name".to_owned(), "what happens".to_owned()]];
    rows.extend(stalls.iter().chain(&mistaken).map(|cause| row(cause)));
    let mut lines = columns([Align::Left; 3], &rows);
    if !mistaken.is_empty() {
        lines.insert(1 + stalls.len(), "# These are no stalls of softirqs, but look like them:".to_owned());
    }
    write_lines(&lines, out)
}

/// Writes all that is known of a cause.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_cause(cause: &Cause, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = wrap("cause     ", &format!("{}: {}", cause.name, cause.title));
    lines.extend(wrap("means     ", &cause.means));
    lines.extend(wrap("kernels   ", &cause.kernels.to_string()));
    lines.extend(cause.paths.iter().flat_map(|pattern| wrap("path      ", &pattern.text())));
    let condition = &cause.condition;
    lines.extend(condition.softirq.map(|softirq| format!("softirq   {}", softirq.name())));
    lines.extend(condition.comm.iter().flat_map(|comm| wrap("comm      ", comm.as_str())));
    if condition.is_machine {
        lines.extend(wrap("holder    ", "the machine itself, on all CPUs at once"));
    }
    if condition.is_user_space {
        lines.extend(wrap("holder    ", "nobody in the kernel: programs ran while ksoftirqd waited"));
    }
    if condition.interrupts_off {
        lines.extend(wrap("samples   ", "are missing: interrupts were off"));
    }
    lines.extend(help(cause));
    lines.push(format!("verify    {}", cause.verify.run));
    lines.extend(wrap("shows     ", &cause.verify.shows));
    lines.extend(sources(cause));
    write_lines(&lines, out)
}

/// Writes the causes that a stack shows.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_found(found: &[KnownCause], out: &mut dyn Write) -> io::Result<()> {
    if found.is_empty() {
        return write_lines(
            &wrap(
                "none      ",
                "this path shows no known cause. The path in a report ends where the work forks: give a whole stack, as collapse prints it",
            ),
            out,
        );
    }
    write_lines(&block(found), out)
}

/// The known causes of a culprit: the first with what helps and its first source, a line each of
/// the others.
pub(super) fn block(found: &[KnownCause]) -> Vec<String> {
    let Some((first, others)) = found.split_first() else { return Vec::new() };
    let mut lines = wrap("known     ", &cause::sentence(first));
    lines.extend(help(&first.cause));
    lines.extend(first.cause.sources.first().iter().flat_map(|source| wrap("source    ", source)));
    lines.push(format!("explain   {}", cause::explain(&first.cause)));
    for other in others {
        lines.extend(wrap("known     ", &cause::sentence(other)));
        lines.push(format!("explain   {}", cause::explain(&other.cause)));
    }
    lines
}

/// A line each for the known causes below a row of a table.
pub(super) fn below_row(found: &[KnownCause]) -> Vec<String> {
    let line = |one: &KnownCause| wrap("  known ", &format!("{}, {}", one.cause.name, cause::certainty(one)));
    found.iter().flat_map(line).collect()
}

/// What helps at once, and what cures. A command is one line, so that it can be pasted.
fn help(cause: &Cause) -> Vec<String> {
    let mut lines = Vec::new();
    for now in &cause.now {
        lines.push(format!("helps     {}", now.run));
        lines.extend(wrap("risk      ", &now.risk));
    }
    lines.extend(wrap("cure      ", &cause.cure));
    lines
}

fn sources(cause: &Cause) -> Vec<String> {
    cause.sources.iter().flat_map(|source| wrap("source    ", source)).collect()
}

/// Writes `causes` as the page of documentation has them.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_markdown(causes: &Causes, out: &mut dyn Write) -> io::Result<()> {
    let (stalls, mistaken): (Vec<&Cause>, Vec<&Cause>) =
        causes.iter().map(AsRef::as_ref).partition(|cause| !cause.is_mistaken);
    let mut lines = vec!["## The causes".to_owned()];
    lines.extend(stalls.into_iter().flat_map(markdown));
    if !mistaken.is_empty() {
        lines.extend([String::new(), "## What is taken for a stall of softirqs".to_owned()]);
        lines.extend(mistaken.into_iter().flat_map(markdown));
    }
    write_lines(&lines, out)
}

/// A cause as a section of a page.
fn markdown(cause: &Cause) -> Vec<String> {
    let paths = cause.paths.iter().map(|pattern| format!("Path: `{}`", pattern.text()));
    let now = cause.now.iter().map(|now| format!("Helps now: `{}`. {}", now.run, now.risk));
    let sources = cause.sources.iter().map(|source| format!("Source: {source}"));
    let items = std::iter::once(format!("Kernels: {}", cause.kernels))
        .chain(paths)
        .chain(cause.condition.softirq.map(|softirq| format!("Softirq: {}", softirq.name())))
        .chain(cause.condition.comm.iter().map(|comm| format!("Comm: `{}`", comm.as_str())))
        .chain(now)
        .chain([format!("Cure: {}", cause.cure)])
        .chain([format!("Make sure: `{}`. {}", cause.verify.run, cause.verify.shows)])
        .chain(sources);
    let mut lines = vec![String::new(), format!("### {}", cause.name), String::new()];
    lines.extend(wrap_at(PAGE_WIDTH, "", &format!("{}. {}", sentence_case(&cause.title), cause.means)));
    lines.push(String::new());
    lines.extend(items.flat_map(|item| wrap_at(PAGE_WIDTH, "- ", &item)));
    lines
}

/// The text as the beginning of a sentence, unless it begins with the name of a file.
fn sentence_case(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(letter) if first.chars().all(char::is_alphabetic) => {
            letter.to_uppercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}
