//! What is read of rings: any bytes. Records lie one after the other, and what they change is bounded.

use stallgraph::internals::{RingTasks, ring_records};

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
    // What is told of the tasks are whole records.
    let told = tasks.told();
    assert_eq!(ring_records(&told).map(|record| record.bytes.len()).sum::<usize>(), told.len());
}
