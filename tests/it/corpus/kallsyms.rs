//! kallsyms text: any bytes, parsed and looked up.

use stallgraph::internals::Kallsyms;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let kallsyms = Kallsyms::parse(bytes);
    let addresses = [0, 1, 0xffff_ffff_8100_0000, u64::MAX];
    let all = kallsyms.table(None, &addresses);
    for address in addresses {
        let symbol = all.find(address);
        if let Some((_, symbol)) = symbol {
            assert!(symbol.start <= address && address < symbol.end);
        }
        let alone = kallsyms.table(None, &[address]);
        assert_eq!(alone.find(address).map(|(_, symbol)| symbol), symbol.map(|(_, symbol)| symbol));
    }
}
