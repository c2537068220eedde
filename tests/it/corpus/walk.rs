//! The walk over records: any bytes. The records lie one after the other within the bytes, and are
//! the same in any range that is walked.

use stallgraph::internals::{ByteOrder, Walk};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut walk = Walk::new(bytes, order);
        let records: Vec<_> = walk.by_ref().collect();
        assert!(walk.position() <= bytes.len());
        assert_eq!(walk.stop().is_none(), walk.position() == bytes.len());
        let mut end = 0;
        for record in &records {
            assert!(record.position >= end);
            end = record.position + 8 + record.body.len() as u64;
        }
        assert!(end <= walk.position() as u64);
        let Some(middle) = records.get(records.len() / 2) else { continue };
        let after = Walk::over(bytes, middle.position..u64::MAX, order).map(|record| record.position);
        let before = Walk::over(bytes, 0..middle.position, order).map(|record| record.position);
        assert!(before.chain(after).eq(records.iter().map(|record| record.position)));
    }
}
