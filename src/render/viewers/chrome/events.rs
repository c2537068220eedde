//! Trace events as JSON, one per line.

use std::io::{self, Write};

use super::tracks::Track;
use crate::render::digits::push_number;
use crate::render::viewers::page_json::quoted;

/// Writes trace events.
pub struct Events<'o> {
    out: &'o mut dyn Write,
    /// Whether there is no event yet. The first event of a lane is metadata, its name.
    is_first: bool,
}

/// A slice whose end is known.
pub struct Slice<'t> {
    /// The thread that it is on.
    pub track: Track,
    /// Start, in ns since the trace starts.
    pub start_ns: u64,
    /// End, in ns since the trace starts.
    pub end_ns: u64,
    /// Its name.
    pub name: &'t str,
    /// Its category, which needs no escape in JSON.
    pub category: &'t str,
}

impl<'o> Events<'o> {
    /// Writes to `out`.
    pub fn new(out: &'o mut dyn Write) -> Self {
        Events { out, is_first: true }
    }

    /// Names a track's process (`process_name`) or thread (`thread_name`).
    ///
    /// # Errors
    ///
    /// If `out` does not take the bytes.
    pub fn name(&mut self, event: &str, track: Track, name: &str) -> io::Result<()> {
        self.metadata(event, track, &format!(r#""name":{}"#, quoted(name)))
    }

    /// Says where a track stands among the others.
    ///
    /// # Errors
    ///
    /// If `out` does not take the bytes.
    pub fn sort_index(&mut self, track: Track, index: usize) -> io::Result<()> {
        self.metadata("thread_sort_index", track, &format!(r#""sort_index":{index}"#))
    }

    /// Writes a slice whose end is known.
    ///
    /// # Errors
    ///
    /// If `out` does not take the bytes.
    pub fn complete(&mut self, slice: &Slice) -> io::Result<()> {
        write!(self.out, ",\n{{\"ph\":\"X\",{},\"ts\":", slice.track.text())?;
        self.out.write_all(&micros(slice.start_ns))?;
        self.out.write_all(b",\"dur\":")?;
        self.out.write_all(&micros(slice.end_ns - slice.start_ns))?;
        write!(self.out, ",\"cat\":\"{}\",\"name\":{}}}", slice.category, quoted(slice.name))
    }

    /// Writes events that are text already, each with the comma and the line break before it.
    ///
    /// # Errors
    ///
    /// If `out` does not take the bytes.
    pub fn text(&mut self, text: &[u8]) -> io::Result<()> {
        self.out.write_all(text)
    }

    fn metadata(&mut self, event: &str, track: Track, arguments: &str) -> io::Result<()> {
        let separator = if std::mem::take(&mut self.is_first) { "\n" } else { ",\n" };
        let track = track.text();
        write!(self.out, r#"{separator}{{"ph":"M",{track},"name":"{event}","args":{{{arguments}}}}}"#)
    }
}

/// Microseconds, with three decimals.
pub fn micros(ns: u64) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    push_number(ns / 1000, 1, &mut text);
    text.push(b'.');
    push_number(ns % 1000, 3, &mut text);
    text
}
