//! Slow system calls, by where their time went, and a summary of all calls by comm and name. Both
//! are exact where system calls were traced, else estimated from samples.

mod collector;
mod notes;
mod options;
mod result;
mod sampled;
mod traced;

use crate::error::{Error, Result};
use crate::model::Recording;

use super::calls;
use super::contexts::Contexts;

use collector::Collector;

pub use super::calls::{Call, Doubt, Spent};
pub use notes::RECORD;
pub use options::Options;
pub use result::{Class, SlowCall, Source, Summary, SystemCalls};

/// Finds the slow system calls of `recording`, which must have been loaded with its events.
///
/// # Errors
///
/// If an undamaged recording has neither traced calls nor samples with call chains.
pub fn find(recording: &Recording, options: &Options) -> Result<SystemCalls> {
    let calls = calls::find(recording);
    let mut collector = Collector::new(recording, options);
    let source = match calls.is_traced {
        true => {
            traced::add(&calls, &mut collector);
            Source::Traced
        }
        false if !can_estimate(recording) => {
            return Err(Error::input(
                &recording.about.file,
                "holds neither system calls, enters and exits of each, nor samples with call chains to estimate them from",
                format!("record with: {RECORD}"),
            ));
        }
        false => {
            sampled::add(&Contexts::of(recording), &mut collector);
            Source::Sampled { interval_ns: recording.sampling_interval_ns() }
        }
    };
    Ok(collector.finish(source, notes::notes(recording, &calls)))
}

/// Whether samples may show system calls.
fn can_estimate(recording: &Recording) -> bool {
    recording.is_damaged() || recording.tally.samples > 0 && recording.shows_kernel_callers()
}
