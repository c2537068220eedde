//! `stallgraph causes`: the known causes of stalls, one explained, a stack tried.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use stallgraph::analyses::causes::{self, KnownCause};
use stallgraph::causes::{Causes, Version};
use stallgraph::load;
use stallgraph::model::clean;
use stallgraph::render::{json, report};

use super::causes_options::CausesOptions;
use super::outcome::Outcome;
use super::output;

/// Lists the known causes of stalls, explains one, or tries a stack
///
/// window, stalls, check --format json, report and watch look for the known
/// causes in the path of each culprit. This command shows what they know:
/// what happens, on which kernels, what helps at once and with which risk,
/// what cures it, how to make sure, and the sources.
///
/// Distribution kernels backport changes: a cause that is fixed upstream in a
/// later version may be fixed in yours, and one that is fixed there is not
/// looked for.
///
/// Examples:
///
///   stallgraph causes
///   stallgraph causes dead-memory-cgroups
///   stallgraph causes --match 'read;seq_read;memcg_stat_show' --kernel 4.9
///   stallgraph stalls --causes ours.toml
///
/// Exit codes: 0 found, 1 no such cause, 2 could not do it.
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// Explain this cause
    #[arg(value_name = "NAME", help_heading = None::<&str>)]
    name: Option<String>,
    /// Try a stack: its functions from the root to the leaf, joined by ;
    ///
    /// A collapsed stack can be given as it is: names that the kernel does not have do no harm.
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
        let found = try_stack(stack, arguments.kernel.as_deref(), &causes)?;
        output::print(|out| match is_json {
            true => json::causes::write_found(&found, out),
            false => report::causes::write_found(&found, out),
        })?;
        return Ok(if found.is_empty() { Outcome::Nothing } else { Outcome::Found });
    }
    let Some(name) = &arguments.name else {
        output::print(|out| match is_json {
            true => json::causes::write_causes(causes.iter().map(AsRef::as_ref), out),
            false => report::causes::write_list(&causes, out),
        })?;
        return Ok(Outcome::Found);
    };
    let Some(cause) = causes.get(name) else {
        output::complain(&format!("{}: no such cause; stallgraph causes lists all", clean(name)));
        return Ok(Outcome::Nothing);
    };
    output::print(|out| match is_json {
        true => json::causes::write_causes(std::iter::once(cause.as_ref()), out),
        false => report::causes::write_cause(cause, out),
    })?;
    Ok(Outcome::Found)
}

/// The causes that a stack shows. It is read as a recording of one sample, so that it means here
/// what it means there: what an interrupt does is not the work of the system call below it.
fn try_stack(stack: &str, kernel: Option<&str>, causes: &Causes) -> Result<Vec<KnownCause>> {
    let mut text = String::new();
    if let Some(kernel) = kernel {
        if Version::of_release(kernel).is_none() {
            bail!("--kernel {}: no version of a kernel; give 4.9, or what uname -r prints", clean(kernel));
        }
        let _ = writeln!(text, "# ========\n# os release : {}\n# ========\n#", clean(kernel));
    }
    let is_of_symbol = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    let mut functions: Vec<&str> = stack
        .split(';')
        .map(|name| name.trim().trim_end_matches("_[k]"))
        .filter(|name| !name.is_empty() && name.chars().all(is_of_symbol))
        .collect();
    if functions.is_empty() {
        bail!("--match: no function of the kernel in it; give functions joined by ;");
    }
    let comm = functions[0].to_owned();
    // What is before the entry into the kernel is no work of its own.
    functions.insert(0, "do_syscall_64");
    let _ = writeln!(text, "{comm} 1/1 [000] 1.000000000: 1 cpu-clock:");
    for (at, function) in functions.iter().enumerate().rev() {
        let _ = writeln!(
            text,
            "\t{:x} {function}+0x1 ([kernel.kallsyms])",
            0xffff_ffff_8100_0000_u64 + at as u64 * 16
        );
    }
    text.push('\n');
    let path = Path::new("--match");
    let recording = load::load_bytes(text.as_bytes(), path, &load::Options::default(), &|_, _, _| {})?;
    Ok(causes::of_first_sample(&recording, causes))
}
