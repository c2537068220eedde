//! Samples of times off the CPU as perf writes them since 6.15.

use super::cursor::{ByteOrder, Cursor};
use super::sample::{RawSample, SampleLayout};

/// Decodes the body of such a sample. Its thread, period and call chain are in the payload of RAW
/// (`__set_offcpu_sample` in tools/perf/util/evsel.c); before 6.15 there is no payload, and they
/// stand where those of any sample do.
///
/// # Errors
///
/// Why it cannot be decoded.
pub(super) fn decode<'a>(
    layout: &SampleLayout,
    body: &'a [u8],
    order: ByteOrder,
) -> Result<RawSample<'a>, &'static str> {
    let (sample, payload) = layout.decode_event(body, order)?;
    if payload.is_empty() {
        return layout.decode(body, order);
    }
    embedded(sample, payload).ok_or("time off the CPU shorter than its fields")
}

/// The sample with what its payload says.
fn embedded<'a>(sample: RawSample<'a>, payload: &'a [u8]) -> Option<RawSample<'a>> {
    let mut rest = Cursor::new(payload, sample.order);
    let (pid, tid) = (rest.i32()?, rest.i32()?);
    let period = Some(rest.u64()?);
    let entries = rest.u64()?;
    let chain = rest.take(entries.checked_mul(8)?)?;
    Some(RawSample { pid, tid, period, chain, is_kernel_left_out: false, cgroup: rest.u64(), ..sample })
}
