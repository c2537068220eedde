//! Reading a data file of causes.

use std::path::Path;

use regex_lite::RegexBuilder;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::{Softirq, clean};

use super::cause::{Cause, Condition, Remedy, Verify};
use super::kernels::{Kernels, Version};
use super::pattern::Pattern;

/// What the causes of a user's file are about, as far as is known.
pub(super) const OWN: &str = "own";
/// A file's longest name and title of a cause.
const LONGEST_NAME: usize = 32;
const LONGEST_TITLE: usize = 58;
/// The most memory that a regular expression may take, in bytes.
const LARGEST_REGEX: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    cause: Vec<toml::Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    title: String,
    #[serde(default)]
    paths: Vec<String>,
    softirq: Option<String>,
    #[serde(default)]
    machine: bool,
    #[serde(default)]
    user_space: bool,
    comm: Option<String>,
    #[serde(default)]
    interrupts_off: bool,
    since: Option<String>,
    fixed: Option<String>,
    means: String,
    #[serde(default)]
    now: Vec<Remedy>,
    cure: String,
    verify: Verify,
    sources: Vec<String>,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    mistaken: bool,
}

/// The causes of a file with this text.
///
/// # Errors
///
/// If it has not the form of such a file. The error names the line.
pub(super) fn parse(text: &str, file: &Path, topic: &str) -> Result<Vec<Cause>> {
    let fail = |at: usize, problem: &str| {
        let line = text.as_bytes()[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let problem = format!("line {line}: {}", clean(problem));
        Error::input(file, problem, "docs/causes.md says how a cause is written")
    };
    let document: Document = toml::from_str(text)
        .map_err(|error| fail(error.span().map_or(0, |span| span.start), error.message()))?;
    let mut causes: Vec<Cause> = Vec::new();
    for entry in document.cause {
        let at = entry.span().start;
        let entry = entry.into_inner();
        let name = entry.name.clone();
        let mut cause =
            cause(entry, topic).map_err(|problem| fail(at, &format!("cause {name}: {problem}")))?;
        cause.file = (topic == OWN).then(|| clean(&file.to_string_lossy()).into_owned());
        if causes.iter().any(|other| other.name == cause.name) {
            return Err(fail(at, &format!("cause {name}: another has this name")));
        }
        causes.push(cause);
    }
    Ok(causes)
}

/// The cause of an entry; else what is wrong with it.
fn cause(entry: Entry, topic: &str) -> std::result::Result<Cause, String> {
    let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if entry.name.is_empty() || entry.name.len() > LONGEST_NAME || !entry.name.chars().all(is_of_name) {
        return Err(format!("a name has a to z, 0 to 9 and -, and at most {LONGEST_NAME} of them"));
    }
    let length = entry.title.chars().count();
    if length > LONGEST_TITLE {
        return Err(format!(
            "the title has {length} characters, and at most {LONGEST_TITLE} fit into a line"
        ));
    }
    let pattern = |text: &String| Pattern::parse(text).map_err(|why| format!("paths: {why}"));
    let paths: Vec<Pattern> = entry.paths.iter().map(pattern).collect::<std::result::Result<_, _>>()?;
    if paths.is_empty() && !entry.machine && !entry.user_space && !entry.mistaken {
        return Err("without paths it would be found in any stall".to_owned());
    }
    if entry.sources.is_empty() {
        return Err("it has no source".to_owned());
    }
    let condition = Condition {
        softirq: entry.softirq.as_deref().map(softirq).transpose()?,
        is_machine: entry.machine,
        is_user_space: entry.user_space,
        comm: entry.comm.as_deref().map(comm).transpose()?,
        interrupts_off: entry.interrupts_off,
    };
    let kernels = Kernels {
        since: version("since", entry.since.as_deref())?,
        fixed: version("fixed", entry.fixed.as_deref())?,
    };
    let safe = |text: &str| clean(text.trim()).into_owned();
    Ok(Cause {
        name: entry.name,
        title: safe(&entry.title),
        topic: topic.to_owned(),
        file: None,
        paths,
        condition,
        kernels,
        means: safe(&entry.means),
        now: entry.now.iter().map(|now| Remedy { run: safe(&now.run), risk: safe(&now.risk) }).collect(),
        cure: safe(&entry.cure),
        verify: Verify { run: safe(&entry.verify.run), shows: safe(&entry.verify.shows) },
        sources: entry.sources.iter().map(|source| safe(source)).collect(),
        also: entry.also.iter().map(|name| safe(name)).collect(),
        is_mistaken: entry.mistaken,
    })
}

fn softirq(name: &str) -> std::result::Result<Softirq, String> {
    let found = Softirq::ALL.into_iter().find(|softirq| softirq.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let names = Softirq::ALL.map(Softirq::name);
        format!("softirq {name}: it is one of {}", names.join(", "))
    })
}

fn comm(pattern: &str) -> std::result::Result<regex_lite::Regex, String> {
    let regex = RegexBuilder::new(pattern).size_limit(LARGEST_REGEX).build();
    regex.map_err(|error| format!("comm: {}", error.to_string().replace('\n', " ")))
}

fn version(key: &str, text: Option<&str>) -> std::result::Result<Option<Version>, String> {
    let parse = |text| Version::parse(text).ok_or_else(|| format!("{key} {text}: write a version, as 4.19"));
    text.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[cause]]
name = "own"
title = "our agent"
paths = ["our_read"]
means = "It reads."
cure = "Read less."
verify = { run = "true", shows = "nothing" }
sources = ["our wiki"]
"#;

    fn error(text: &str) -> String {
        parse(text, "own.toml".as_ref(), "own").unwrap_err().to_string()
    }

    #[test]
    fn an_entry_becomes_a_cause() {
        let causes = parse(GOOD, "own.toml".as_ref(), "own").unwrap();
        assert_eq!(causes.len(), 1);
        assert_eq!(causes[0].paths[0].text(), "our_read");
        assert!(parse("", "own.toml".as_ref(), "own").unwrap().is_empty());
    }

    #[test]
    fn an_error_names_file_line_and_what_is_wrong() {
        let twice = format!("{GOOD}{GOOD}");
        assert!(error(&twice).starts_with("own.toml: line 11: cause own: another"), "{}", error(&twice));
        for (from, to, expected) in [
            ("name = \"own\"", "name = \"Own\"", "a name has"),
            ("[\"our_read\"]", "[]", "any stall"),
            ("[\"our_read\"]", "[\"a\"]", "three letters"),
            ("[\"our wiki\"]", "[]", "no source"),
            ("means", "meant", "line 6: unknown field"),
            ("means", "softirq = \"net\"\nmeans", "one of hi, timer"),
            ("means", "comm = \"(\"\nmeans", "comm: found open group without closing"),
            ("means", "fixed = \"soon\"\nmeans", "fixed soon: write a version"),
            ("[[cause]]", "[[cause]", "line 2"),
        ] {
            let message = error(&GOOD.replace(from, to));
            assert!(message.starts_with("own.toml: line "), "{message}");
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn control_characters_are_replaced() {
        let causes = parse(&GOOD.replace("our agent", r"our \u001b[31magent"), "own.toml".as_ref(), "own");
        assert!(!causes.unwrap()[0].title.contains('\u{1b}'));
    }
}
