//! Layout of reports: aligned columns, and prose wrapped at 80 columns.

use std::io::{self, Write};

/// The width of prose in columns. It fits every terminal and ticket.
pub const WIDTH: usize = 80;

/// Writes lines, each with a line break.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write_lines(lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// How a column is aligned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At the left, for text.
    Left,
    /// At the right, for numbers.
    Right,
}

/// Lines of aligned columns, one space apart. A row is one line and whole, however long, so that
/// grep finds each name; who prints on a terminal folds it there.
pub fn columns<const N: usize>(align: [Align; N], rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                if column > 0 {
                    line.push(' ');
                }
                let padding = " ".repeat(widths[column] - cell.chars().count());
                match align[column] {
                    Align::Right => line.extend([padding.as_str(), cell]),
                    Align::Left if column + 1 < N => line.extend([cell, padding.as_str()]),
                    Align::Left => line.push_str(cell),
                }
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// Wraps `text` at [`WIDTH`]. The first line begins with `first`, and the others are indented to
/// its width. Lines break at spaces and after `;`, and at the width where there is neither.
pub fn wrap(first: &str, text: &str) -> Vec<String> {
    wrap_at(WIDTH, first, text)
}

/// The same at another width.
pub fn wrap_at(width: usize, first: &str, text: &str) -> Vec<String> {
    let indent = first.chars().count();
    let mut lines = vec![first.to_owned()];
    let mut is_empty = true;
    for piece in pieces(text) {
        let piece: Vec<char> = piece.chars().collect();
        let mut piece = piece.as_slice();
        loop {
            let line = lines.last_mut().expect("there is a first line");
            let room = width.saturating_sub(line.chars().count());
            let needed = piece.iter().rev().skip_while(|c| **c == ' ').count();
            if needed <= room {
                line.extend(piece);
                is_empty = false;
                break;
            }
            if is_empty {
                let (fitting, rest) = piece.split_at(room.clamp(1, piece.len()));
                line.extend(fitting);
                piece = rest;
            }
            lines.push(" ".repeat(indent));
            is_empty = true;
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The text in pieces that end in a space or `;`, between which a line may break.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_prose_is_longer_than_80() {
        let path = "a_function_of_some_length;".repeat(20) + &"x".repeat(300);
        let lines = wrap("  via ", &path);
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:#?}");
        let joined: String = lines.iter().map(|line| line.trim_start()).collect();
        assert_eq!(joined, "via ".to_owned() + &path);
        assert_eq!(wrap("a ", "b c"), ["a b c"]);
    }

    #[test]
    fn columns_line_up() {
        let rows = [["a".into(), "1".into()], ["bcd".into(), "100".into()]];
        assert_eq!(columns([Align::Left, Align::Right], &rows), ["a     1", "bcd 100"]);
    }
}
