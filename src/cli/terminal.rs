//! The width of the terminal, and lines that are folded there.

use std::io::{self, IsTerminal, Write};

use super::messages;

/// The width of a terminal that does not tell its own, where COLUMNS does not either.
const WIDTH: usize = 80;
/// A terminal that says it is narrower is not believed: nobody could read the result.
const LEAST_WIDTH: usize = 40;
/// What the rest of a folded line begins with.
const INDENT: &str = "      ";
// Of ECMA-48, "select graphic rendition".
const BOLD: &str = "\x1b[1m";
const BOLD_RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

/// The width of standard output in columns; `None` if it is no terminal.
fn width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let own = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    let set = || std::env::var("COLUMNS").ok()?.parse().ok();
    let width = own.filter(|width| *width > 0).or_else(set).unwrap_or(WIDTH);
    Some(width.max(LEAST_WIDTH))
}

/// Standard output for a report. Into a pipe and a file, lines go as they are, so that a row of a
/// table is one line with all its names. On a terminal, those that are wider go on in the next one.
pub struct Report<'o> {
    out: &'o mut dyn Write,
    width: Option<usize>,
    has_colour: bool,
    /// A line whose end has not been written yet.
    line: Vec<u8>,
}

impl<'o> Report<'o> {
    /// A report that is written to `out`, which leads to standard output.
    pub fn new(out: &'o mut dyn Write) -> Self {
        Report { out, width: width(), has_colour: messages::has_colour(), line: Vec::new() }
    }
}

impl Write for Report<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.width.is_none() && !self.has_colour {
            return self.out.write(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(piece);
            if let Some(line) = self.line.strip_suffix(b"\n") {
                let line = String::from_utf8_lossy(line);
                let parts = match self.width {
                    Some(width) => folded(&line, width),
                    None => vec![line.into_owned()],
                };
                for part in parts {
                    match key(&part).filter(|_| self.has_colour) {
                        Some((key, colour)) => {
                            writeln!(self.out, "{colour}{key}{PLAIN}{}", &part[key.len()..])?
                        }
                        None => writeln!(self.out, "{part}")?,
                    }
                }
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The word that a line of a report begins with, if it says what the line is, and its colour.
fn key(line: &str) -> Option<(&str, &'static str)> {
    let key = line.split(' ').next().filter(|key| !key.is_empty())?;
    let colour = match key {
        "culprit" => BOLD_RED,
        "lead" | "suspect" | "unknown" | "warning" | "error" => YELLOW,
        "helps" | "cure" => GREEN,
        "recording" | "found" | "none" | "known" | "lacks" | "loss" => BOLD,
        _ => return None,
    };
    Some((key, colour))
}

/// The line in parts that are not wider than `width`, which end with a word or a `;` where there is
/// one in the second half.
fn folded(line: &str, width: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    while rest.len() > width {
        let is_end = |at: &usize| rest[*at] == ' ' || rest[*at - 1] == ';';
        let end = (width / 2..=width).rev().find(is_end).unwrap_or(width);
        let next: Vec<char> = rest[end..].iter().copied().skip_while(|c| *c == ' ').collect();
        let part: String = rest[..end].iter().collect();
        parts.push(part.trim_end().to_owned());
        if next.is_empty() {
            return parts;
        }
        rest = INDENT.chars().chain(next).collect();
    }
    parts.push(rest.into_iter().collect());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_goes_on_below_itself() {
        let row =
            "stall 1   1 4069.084486 19:04:48.226  134ms medium      -       - node_exporter/20993 lseek";
        let expected = [
            "stall 1   1 4069.084486 19:04:48.226  134ms medium      -       -",
            "      node_exporter/20993 lseek",
        ];
        assert_eq!(folded(row, 80), expected);
        assert_eq!(folded(row, 120), [row]);
        assert_eq!(folded("", 40), [""]);
        let path = "a_function;".repeat(10);
        assert!(folded(&path, 40).iter().all(|part| part.len() <= 40 && part.ends_with(';')));
        assert!(folded(&"x".repeat(100), 40).iter().all(|part| part.len() <= 40));
    }

    #[test]
    fn the_word_that_says_what_a_line_is_has_a_colour() {
        let mut out = Vec::new();
        let mut report = Report { out: &mut out, width: None, has_colour: true, line: Vec::new() };
        report.write_all(b"culprit   node_exporter\n          culprit\npath 1 culprit\n").expect("memory");
        let expected = "\x1b[1;31mculprit\x1b[0m   node_exporter\n          culprit\npath 1 culprit\n";
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn a_pipe_gets_whole_lines() {
        let (row, mut out) = ("x ".repeat(100) + "\n", Vec::new());
        let mut report = Report { out: &mut out, width: None, has_colour: false, line: Vec::new() };
        report.write_all(row.as_bytes()).expect("memory");
        assert_eq!(String::from_utf8_lossy(&out), row);
        let mut out = Vec::new();
        let mut report = Report { out: &mut out, width: Some(80), has_colour: false, line: Vec::new() };
        row.as_bytes().chunks(7).for_each(|bytes| report.write_all(bytes).expect("memory"));
        assert!(String::from_utf8_lossy(&out).lines().all(|line| line.len() <= 80));
    }
}
