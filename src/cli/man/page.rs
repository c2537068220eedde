//! One man page. clap_mangen writes the options; the other sections are written here, so that what
//! stands in an example can be copied out of the page.

use std::io::{Result, Write};

use clap::Command;
use clap_mangen::Man;

use super::exit_codes;
use super::prose::{Block, Prose};

/// What the page of a command is called: `stallgraph-stalls`.
pub fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

/// Writes the page of `command`, which is `program` or one of its commands.
pub fn write(command: &Command, program: &Command, out: &mut dyn Write) -> Result<()> {
    let version = program.get_version().unwrap_or_default();
    let help = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let prose = Prose::of(&help);

    let title = name(command).to_uppercase();
    writeln!(out, ".TH {} 1 \"\" \"stallgraph {version}\" \"User Commands\"", escaped(&title))?;
    // Words are not divided, so that a search finds them.
    writeln!(out, ".nh\n.ad l")?;
    writeln!(out, ".SH NAME\n{} \\- {}", escaped(name(command)), escaped(&about))?;
    write_synopsis(command, out)?;
    writeln!(out, ".SH DESCRIPTION")?;
    match prose.description.is_empty() {
        true => writeln!(out, "{}.", escaped(&about))?,
        false => write_blocks(&prose.description, out)?,
    }
    if command.has_subcommands() {
        writeln!(out, ".SH COMMANDS\nEach has a page of its own.")?;
        for below in shown(command) {
            let about = below.get_about().map(ToString::to_string).unwrap_or_default();
            writeln!(out, ".TP\n.BR {} (1)\n{}.", escaped(name(below)), escaped(&about))?;
        }
    }
    write_options(command, out)?;
    writeln!(out, ".SH EXIT STATUS")?;
    match prose.exit_codes.is_empty() {
        false => write_codes(&prose.exit_codes, out)?,
        true => {
            for (code, meaning) in exit_codes::of(command.get_name()) {
                writeln!(out, ".TP\n.B {code}\n{}", escaped(meaning))?;
            }
        }
    }
    writeln!(out, ".SH EXAMPLES")?;
    write_blocks(&prose.examples, out)?;
    write_see_also(command, program, out)
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| !below.is_hide_set())
}

fn write_synopsis(command: &Command, out: &mut dyn Write) -> Result<()> {
    let usage = command.clone().render_usage().to_string();
    let bin_name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    writeln!(out, ".SH SYNOPSIS")?;
    for (number, line) in usage.trim_start_matches("Usage:").trim().lines().enumerate() {
        if number > 0 {
            writeln!(out, ".br")?;
        }
        let operands = line.trim().strip_prefix(bin_name).unwrap_or(line);
        writeln!(out, ".B {}\n{}", escaped(bin_name), escaped(operands.trim()))?;
    }
    Ok(())
}

/// Writes the options below their headings.
///
/// Of what clap_mangen writes, each heading is made a part of one section, empty lines are those of
/// the language, and characters that it does not escape are.
fn write_options(command: &Command, out: &mut dyn Write) -> Result<()> {
    let mut page = Vec::new();
    Man::new(command.clone()).render_options_section(&mut page)?;
    let page = String::from_utf8_lossy(&page).replace("\n.br\n\n.br\n", "\n.sp\n");
    writeln!(out, ".SH OPTIONS")?;
    for line in page.lines() {
        match line.strip_prefix(".SH ") {
            Some("OPTIONS") => {}
            Some(heading) => {
                let heading = heading.trim_matches('"');
                let (first, rest) = heading.split_at_checked(1).unwrap_or((heading, ""));
                writeln!(out, ".SS {first}{}", rest.to_lowercase())?;
            }
            None if line.is_empty() => writeln!(out, ".sp")?,
            // It defines a string for the apostrophe, which stands here as it is.
            None if line.starts_with(".ie ") || line.starts_with(".el ") => {}
            None => writeln!(out, "{}", with_ascii(&line.replace("\\*(Aq", "\\(aq")))?,
        }
    }
    Ok(())
}

fn write_see_also(command: &Command, program: &Command, out: &mut dyn Write) -> Result<()> {
    let is_program = name(command) == name(program);
    let mut pages: Vec<&str> = match is_program {
        true => shown(program).map(name).collect(),
        false => vec![name(program)],
    };
    pages.extend(["perf-record", "perf-script"]);
    writeln!(out, ".SH SEE ALSO")?;
    for (number, page) in pages.iter().enumerate() {
        let end = if number + 1 < pages.len() { "," } else { "" };
        writeln!(out, ".BR {} (1){end}", escaped(page))?;
    }
    Ok(())
}

fn write_blocks(blocks: &[Block], out: &mut dyn Write) -> Result<()> {
    for (number, block) in blocks.iter().enumerate() {
        if number > 0 {
            writeln!(out, ".PP")?;
        }
        match block {
            Block::Paragraph(text) => writeln!(out, "{}", escaped(text))?,
            Block::Lines(lines) => {
                writeln!(out, ".RS 4\n.nf")?;
                for line in lines {
                    writeln!(out, "{}", escaped(line))?;
                }
                writeln!(out, ".fi\n.RE")?;
            }
        }
    }
    Ok(())
}

/// Writes the exit codes of a help: each begins with its digit, and the lines below go on.
fn write_codes(blocks: &[Block], out: &mut dyn Write) -> Result<()> {
    for block in blocks {
        match block {
            Block::Paragraph(text) if text == "Exit codes:" => {}
            Block::Paragraph(text) => writeln!(out, "{}", escaped(text))?,
            Block::Lines(lines) => {
                for line in lines {
                    match line.split_once(' ').filter(|(code, _)| code.parse::<u8>().is_ok()) {
                        Some((code, meaning)) => writeln!(out, ".TP\n.B {code}\n{}", escaped(meaning))?,
                        None => writeln!(out, "{}", escaped(line.trim()))?,
                    }
                }
            }
        }
    }
    Ok(())
}

/// A line of text: no character of it is an instruction, and each is shown as itself, not as the
/// typographic one that stands for it in prose.
fn escaped(line: &str) -> String {
    let text = with_ascii(&line.replace('\\', "\\(rs").replace('-', "\\-").replace('\'', "\\(aq"));
    match text.starts_with('.') {
        true => format!("\\&{text}"),
        false => text,
    }
}

/// Characters that groff shows as accents.
fn with_ascii(text: &str) -> String {
    text.replace('^', "\\(ha").replace('~', "\\(ti").replace('`', "\\(ga")
}
