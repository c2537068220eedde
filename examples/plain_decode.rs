//! The least that any reader of a recording does, as a program: the anchor of
//! `scripts/compare-with-perf`.
//!
//! usage: `plain_decode FILE`. It maps the file, reads each entry of each call chain once, sorts
//! the samples by time, and prints the sum of the entries and the number of samples. It has one
//! thread, and trusts the file.

#![expect(unsafe_code, reason = "maps the file as any reader does")]

#[path = "../benches/plain/mod.rs"]
mod plain;

use std::error::Error;
use std::fs::File;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: plain_decode FILE")?;
    let file = File::open(path)?;
    // SAFETY: this program is for measuring, and nobody writes to the file meanwhile.
    let bytes = unsafe { memmap2::Mmap::map(&file) }?;
    let places = plain::Places::of(&bytes).ok_or("the places of fields differ between its samples")?;
    let (sum, samples) = plain::decode(&bytes, &places);
    println!("{sum:016x} {}", samples.len());
    Ok(())
}
