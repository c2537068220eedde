//! kallsyms text: any bytes, parsed and looked up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stallgraph::symbols::Kallsyms;

fuzz_target!(|bytes: &[u8]| {
    let kallsyms = Kallsyms::parse(bytes);
    let table = kallsyms.table(None);
    for address in [0, 1, 0xffff_ffff_8100_0000, u64::MAX] {
        if let Some((_, symbol)) = table.find(address) {
            assert!(symbol.start <= address && address < symbol.end);
        }
    }
});
