//! The whole profile.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use crate::analyses::profile::Profile;
use crate::analyses::stalls::Stalls;
use crate::model::Recording;
use crate::render::text::seconds;

use super::labels::Labels;
use super::messages::{self, Sample, ValueType};
use super::strings::Strings;
use super::tables::Tables;

/// What a reader of any profile should know. pprof prints it above each report.
pub const ORDER_IS_LOST: &str =
    "a profile has no order: export --format firefox, chrome or speedscope shows what ran before what";
/// How large a piece is that is encoded at a time, in locations, those of samples and new ones.
const PIECE: usize = 1 << 14;
/// A sample without locations is as large as with so many.
const SAMPLE: usize = 32;

/// Writes `profile`, whose entries have the numbers of `stalls`; `exporter` is the name of this
/// program.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(
    recording: &Recording,
    profile: &Profile,
    stalls: Option<&Stalls>,
    exporter: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut tables = Tables::new(recording, profile);
    let piece = about(recording, profile, exporter, &mut tables.strings);
    let mut labels = Labels::new(recording, stalls, &mut tables.strings);
    // No name and no time go into the header, so that the same profile is the same bytes.
    let out = GzEncoder::new(out, Compression::default());
    let mut pieces = Pieces { tables, piece, size: 0, bytes: Vec::new(), out };
    for entry in &profile.entries {
        let mut location_id = Vec::new();
        for function in recording.functions_leaf_first(entry.stack) {
            location_id.push(pieces.tables.location(function));
            pieces.write_if_large()?;
        }
        pieces.size += SAMPLE + location_id.len();
        let value = vec![signed(entry.samples), signed(entry.time_ns)];
        let label = labels.of(entry, &mut pieces.tables.strings);
        pieces.piece.sample.push(Sample { location_id, value, label });
        pieces.write_if_large()?;
    }
    pieces.write()?;
    pieces.out.finish()?;
    Ok(())
}

/// Writes a profile piece by piece, so that it is never in memory as a whole.
struct Pieces<'r, 'o> {
    tables: Tables<'r>,
    /// The next piece, without what is new in the tables.
    piece: messages::Profile,
    /// The size of its samples.
    size: usize,
    bytes: Vec<u8>,
    out: GzEncoder<&'o mut dyn Write>,
}

impl Pieces<'_, '_> {
    fn write_if_large(&mut self) -> io::Result<()> {
        if self.size + self.tables.pending() < PIECE { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> io::Result<()> {
        let mut piece = std::mem::take(&mut self.piece);
        self.tables.take_new(&mut piece);
        self.bytes.clear();
        piece.encode(&mut self.bytes).expect("memory takes all");
        self.size = 0;
        self.out.write_all(&self.bytes)
    }
}

/// What the profile says about itself.
fn about(
    recording: &Recording,
    profile: &Profile,
    exporter: &str,
    strings: &mut Strings,
) -> messages::Profile {
    let about = &recording.about;
    let start_ns = about.clock.since_1970_ns(profile.time.start);
    let origin = format!("{exporter}: {} from {} s", about.file, seconds(profile.time.start));
    let (period_type, period) = period(recording, strings);
    messages::Profile {
        sample_type: vec![
            ValueType { r#type: strings.text("samples"), unit: strings.text("count") },
            ValueType { r#type: strings.text("time"), unit: strings.text("nanoseconds") },
        ],
        time_nanos: start_ns.and_then(|ns| i64::try_from(ns).ok()).unwrap_or(0),
        duration_nanos: signed(profile.duration_ns()),
        period_type: Some(period_type),
        period: signed(period),
        comment: vec![strings.text(&origin), strings.text(ORDER_IS_LOST)],
        default_sample_type: strings.text("time"),
        ..messages::Profile::default()
    }
}

/// What is counted from one sample to the next, and how much of it: nanoseconds, unless the event
/// counts something else and had a fixed period.
fn period(recording: &Recording, strings: &mut Strings) -> (ValueType, u64) {
    let event = recording.sampling_event();
    let fixed = event.filter(|event| event.frequency_hz.is_none() && !event.counts_ns);
    let (unit, period) = match fixed.and_then(|event| Some((event, event.period?))) {
        Some((event, period)) => {
            // The `u` of `cycles:u` is no part of the unit, and readers separate types by colons.
            (event.name.split(':').next().unwrap_or_default(), period)
        }
        None => ("nanoseconds", recording.sampling_interval_ns()),
    };
    (ValueType { r#type: strings.text("cpu"), unit: strings.text(unit) }, period)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
