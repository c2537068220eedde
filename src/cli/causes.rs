//! `stallgraph causes`: the known causes of stalls, one explained, a stack tried.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::causes::Causes;
use stallgraph::model::clean;
use stallgraph::render::{json, report};

use super::causes_options::CausesOptions;
use super::outcome::Outcome;
use super::output;
use super::stack::Stack;
use super::terminal::Report;

/// Lists the known causes of stalls, explains one, or tries a stack
///
/// window, stalls, check --format json, report and watch look for the known
/// causes in the path of each culprit. This command shows what they know:
/// what happens, on which kernels, what helps at once and with which risk,
/// what cures it, how to make sure, and the sources.
///
/// A cause is not looked for on a kernel whose version has the fix upstream.
/// Distributions backport fixes to older versions: on those, make sure with
/// the command that `verify` shows.
///
/// Examples:
///
///   stallgraph causes
///   stallgraph causes dead-memory-cgroups
///   stallgraph causes --match 'read;seq_read;memcg_stat_show' --kernel 4.9
///   stallgraph stalls --causes ours.toml
///
/// Exit codes:
///
///   0 found
///   1 no such cause
///   2 could not do it
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Explain this cause
    #[arg(value_name = "NAME", help_heading = None::<&str>)]
    name: Option<String>,
    /// Try a stack: its functions from the root to the leaf, joined by ;
    ///
    /// A collapsed stack can be given as it is, with its comm, its count and functions of programs;
    /// so can a block that perf script prints, /proc/PID/stack, and a call trace in dmesg.
    #[arg(long = "match", value_name = "STACK", help_heading = "Stack", conflicts_with = "name")]
    stack: Option<String>,
    /// The kernel of the stack: 4.9, or what uname -r prints
    #[arg(long, value_name = "VERSION", help_heading = "Stack", requires = "stack")]
    kernel: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    causes: CausesOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A report of 80 columns
    Text,
    /// Everything, for programs
    Json,
    /// The page of documentation
    Markdown,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let causes = arguments.causes.causes()?;
    if arguments.format == Format::Markdown {
        if arguments.stack.is_some() || arguments.name.is_some() {
            bail!("--format markdown prints all causes: give no NAME and no --match");
        }
        output::print(|out| report::causes::write_markdown(&causes, out))?;
        return Ok(Outcome::Found);
    }
    let is_json = arguments.format == Format::Json;
    if let Some(stack) = &arguments.stack {
        let found = Stack::read(stack)?.causes(arguments.kernel.as_deref(), &causes)?;
        output::print(|out| match is_json {
            true => json::causes::write_found(&found, out),
            false => report::causes::write_found(&found, &mut Report::new(out)),
        })?;
        return Ok(if found.is_empty() { Outcome::Nothing } else { Outcome::Found });
    }
    let Some(name) = &arguments.name else {
        output::print(|out| match is_json {
            true => json::causes::write_causes(causes.iter().map(AsRef::as_ref), out),
            false => report::causes::write_list(&causes, &mut Report::new(out)),
        })?;
        return Ok(Outcome::Found);
    };
    let Some(cause) = causes.get(name) else {
        let similar = match similar(name, &causes) {
            names if names.is_empty() => ";".to_owned(),
            names => format!(": do you mean {}?", names.join(", ")),
        };
        output::complain(&format!("{}: no such cause{similar} stallgraph causes lists all", clean(name)));
        return Ok(Outcome::Nothing);
    };
    output::print(|out| match is_json {
        true => json::causes::write_causes(std::iter::once(cause.as_ref()), out),
        false => report::causes::write_cause(cause, &mut Report::new(out)),
    })?;
    Ok(Outcome::Found)
}

/// The names of causes that have most words in common with what was asked for; none if many have.
fn similar<'c>(asked: &str, causes: &'c Causes) -> Vec<&'c str> {
    const MOST: usize = 4;
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| word.len() > 2).map(str::to_ascii_lowercase).collect()
    };
    let asked = words(asked);
    let common = |name: &str| words(name).iter().filter(|word| asked.contains(word)).count();
    let most = causes.iter().map(|cause| common(&cause.name)).max().unwrap_or(0);
    let names = causes.iter().map(|cause| cause.name.as_str());
    let names: Vec<&str> = names.filter(|name| most > 0 && common(name) == most).collect();
    if names.len() > MOST { Vec::new() } else { names }
}
