//! jitdump files: any bytes, looked up with and without times.

use stallgraph::internals::{Jitdump, WantedAddress};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let Some(dump) = Jitdump::parse(bytes) else { return };
    let addresses = [0, 1, 0x1000, 0x1010, 0x1028, 0x7f00_0000_0000, u64::MAX];
    for seen_ns in [None, Some((0, 0)), Some((150, 250)), Some((u64::MAX, u64::MAX)), Some((9, 1))] {
        let wanted = addresses.map(|address| WantedAddress { address, seen_ns });
        let all = dump.table(&wanted);
        for one in wanted {
            let symbol = all.find(one.address);
            if let Some((_, symbol)) = symbol {
                assert!(symbol.start == one.address && !symbol.name.is_empty());
            }
            let alone = dump.table(&[one]);
            assert_eq!(alone.find(one.address).map(|(_, symbol)| symbol), symbol.map(|(_, symbol)| symbol));
        }
    }
}
