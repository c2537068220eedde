//! One HTML page that shows a whole recording: the verdict, who ran when, flame charts, a heat map
//! and tables. It needs no network and no other file.
//!
//! The page holds its program (`assets/`: HTML, CSS and JavaScript), the results of the analyses as
//! the JSON of the commands, and the panorama as columns of numbers. The program only shows these:
//! it computes no verdict.

mod against;
mod assets;
mod cause;
mod columns;
mod document;
mod next;
mod parts;
mod verdict;

use std::io::{self, BufWriter, Write};

use base64::prelude::BASE64_STANDARD;
use base64::write::EncoderWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

use crate::render::markup::escape;

pub use parts::{Against, Page};

/// Columns are packed in pieces of so many bytes, on all threads.
const PIECE: usize = 1 << 21;

/// Writes a page.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let mut strings = document::Strings::default();
    let columns = columns::encode(page, &mut strings);
    let tasks = document::tasks(page, &mut strings);
    let (documents, columns) = rayon::join(
        || packed(|out| document::write(page, &strings, &tasks, out)),
        || columns.par_chunks(PIECE).map(|piece| packed(|out| out.write_all(piece))).collect::<Vec<_>>(),
    );
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
        assets::policy(),
        escape(&format!("{} - stallgraph", page.recording.about.file)),
        assets::STYLE,
    )?;
    verdict::write(page, out)?;
    against::write(page, out)?;
    assets::BODY.lines().try_for_each(|line| writeln!(out, "{}", line.trim_start()))?;
    write_data("documents", documents?, out)?;
    for (number, piece) in (1..).zip(columns) {
        write_data(&format!("columns-{number}"), piece?, out)?;
    }
    write!(
        out,
        "<script>{}</script>\n<script type=\"module\">{}</script>\n</body>\n</html>\n",
        assets::PLOTS,
        assets::PROGRAM,
    )
}

/// Writes an element that holds packed data.
fn write_data(id: &str, data: String, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<script type=\"application/json\" id=\"{id}\">{data}</script>")
}

/// What `write` writes, packed with gzip, as base64.
fn packed(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<String> {
    let base64 = EncoderWriter::new(Vec::new(), &BASE64_STANDARD);
    // The encoder clears its buffer in each write, however short that is.
    let mut gzip = BufWriter::new(GzEncoder::new(base64, Compression::default()));
    write(&mut gzip)?;
    let text = gzip.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.finish()?;
    Ok(String::from_utf8(text).expect("base64 is ASCII"))
}
