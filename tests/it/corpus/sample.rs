//! The decoder of samples: an attribute of any bytes, and any bytes as a sample of it.

use stallgraph::internals::{Attribute, ByteOrder, EventFinder, RecentIds, SampleLayout};

const ATTRIBUTE: usize = 136;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let Some((attribute, body)) = bytes.split_at_checked(ATTRIBUTE) else { return };
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut attribute = Attribute::parse(attribute, order);
        attribute.ids = order.u64s(&body[..body.len() / 16 * 8]).take(4).collect();
        if let Ok(sample) = SampleLayout::new(&attribute).decode(body, order) {
            assert!(sample.chain.len() <= body.len() && sample.chain.len() % 8 == 0);
        }
        let attributes = [attribute.clone(), attribute];
        if let Ok(finder) = EventFinder::new(&attributes) {
            let mut recent = RecentIds::default();
            let first = finder.find(body, order, &mut recent);
            assert_eq!(finder.find(body, order, &mut recent), first);
            assert_eq!(finder.find_once(body, order), first);
        }
    }
}
