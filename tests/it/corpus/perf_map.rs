//! perf map text: any bytes, looked up.

use stallgraph::internals::PerfMap;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let addresses = [0, 1, 0x1000, 0x1010, 0x7f00_0000_0000, u64::MAX];
    let map = PerfMap::new(bytes);
    let all = map.table(&addresses);
    for address in addresses {
        let symbol = all.find(address);
        if let Some((_, symbol)) = symbol {
            assert!(symbol.start == address && !symbol.name.is_empty());
        }
        let alone = map.table(&[address]);
        assert_eq!(alone.find(address).map(|(_, symbol)| symbol), symbol.map(|(_, symbol)| symbol));
    }
}
