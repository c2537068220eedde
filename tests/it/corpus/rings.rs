//! What is read of rings: any bytes. Records lie one after the other, and what they change is
//! bounded.

use stallgraph::internals::{RingTasks, ring_alarms, ring_records};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let mut tasks = RingTasks::default();
    let mut length = 0;
    for record in ring_records(bytes) {
        assert!(record.bytes.len() >= 8 && bytes[length..].starts_with(record.bytes));
        length += record.bytes.len();
        if let (Some(place), Some(payload)) = (record.place(), record.payload()) {
            assert!(payload.len() < record.bytes.len(), "{place:?}");
        }
        let _ = record.lost();
        tasks.apply(&record);
    }
    let (side_band, others) = bytes.split_at(bytes.len() / 2);
    let alarms = ring_alarms(side_band, others).into_iter().chain(ring_alarms(bytes, bytes));
    alarms.for_each(|alarm| assert!(alarm.from_ns < alarm.to_ns, "{alarm:?}"));
    // What tells the tasks again are whole records.
    let bytes = tasks.records();
    assert_eq!(ring_records(&bytes).map(|record| record.bytes.len()).sum::<usize>(), bytes.len());
}
