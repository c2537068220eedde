//! JSON documents with long lists. Each entry of a list is one line, and is made only when it is
//! written.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

/// A list whose entries are written as `view` shows them.
pub struct Rows<'a, T, F> {
    /// The entries.
    pub entries: &'a [T],
    /// Makes the JSON of an entry.
    pub view: F,
}

impl<T, V: Serialize, F: Fn(&T) -> V> Serialize for Rows<'_, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries.iter().map(&self.view))
    }
}

/// The first entries of a list, at most `most`.
pub fn first<T>(entries: &[T], most: usize) -> &[T] {
    &entries[..entries.len().min(most)]
}

/// Writes a document with one line per field and one line per entry of its lists.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Lines::default());
    document.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Breaks lines between the fields of the document, and between the entries of lists that are
/// fields.
#[derive(Default)]
struct Lines {
    depth: usize,
    /// Whether a list is open at depth 2.
    is_list: bool,
    has_entries: bool,
}

impl Lines {
    fn breaks(&self) -> bool {
        self.depth == 1 || self.depth == 2 && self.is_list
    }

    fn open(&mut self, is_list: bool) {
        self.depth += 1;
        if self.depth <= 2 {
            (self.is_list, self.has_entries) = (is_list, false);
        }
    }

    fn entry<W: ?Sized + Write>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.has_entries |= self.depth <= 2;
        match (self.breaks(), is_first) {
            (true, _) => {
                writer.write_all(if is_first { b"\n" } else { b",\n" })?;
                writer.write_all(if self.depth == 1 { b"  " } else { b"    " })
            }
            (false, true) => Ok(()),
            (false, false) => writer.write_all(b", "),
        }
    }

    fn close<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.breaks() && self.has_entries {
            writer.write_all(if self.depth == 1 { b"\n" } else { b"\n  " })?;
        }
        self.depth -= 1;
        if self.depth == 1 {
            self.has_entries = true;
        }
        Ok(())
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(true);
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer)?;
        writer.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.entry(writer, is_first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(false);
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer)?;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, is_first: bool) -> io::Result<()> {
        self.entry(writer, is_first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_of_a_list_is_a_line() {
        #[derive(Serialize)]
        struct Document<'a, T: Serialize> {
            schema: u32,
            recording: [(&'a str, u32); 1],
            none: [u32; 0],
            calls: T,
        }
        let view = |number: &u32| std::collections::BTreeMap::from([("a", vec![*number]), ("b", vec![])]);
        let calls = Rows { entries: &[1, 2], view };
        let mut text = Vec::new();
        write(&Document { schema: 2, recording: [("x", 2)], none: [], calls }, &mut text).unwrap();
        let expected = "{\n  \"schema\": 2,\n  \"recording\": [\n    [\"x\", 2]\n  ],\n  \"none\": [],\n  \"calls\": [\n    \
                        {\"a\": [1], \"b\": []},\n    {\"a\": [2], \"b\": []}\n  ]\n}\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
