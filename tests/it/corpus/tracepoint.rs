//! Formats of tracepoints, and a record in one of them: any bytes as both.

use stallgraph::internals::{Attribute, ByteOrder, TraceReader, formats};

/// Panics if something does not hold for these bytes. The first two are the tracepoint's id, the
/// next two the length of the formats. The formats and the record follow.
pub fn check(bytes: &[u8]) {
    let Some(([id_low, id_high, length_low, length_high], rest)) = bytes.split_first_chunk() else { return };
    let length = usize::from(u16::from_le_bytes([*length_low, *length_high])).min(rest.len());
    let (data, payload) = rest.split_at(length);
    let mut attribute = Attribute::from_name("sched:sched_switch");
    attribute.config = u16::from_le_bytes([*id_low, *id_high]).into();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let reader = TraceReader::new(std::slice::from_ref(&attribute), &formats(data, order), order);
        reader.read(0, payload);
        assert!(reader.read(1, payload).is_some(), "an unknown event is known by its name alone");
    }
}
