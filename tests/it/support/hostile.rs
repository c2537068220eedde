//! Hostile names: what could act on a terminal, a page or a script.

use super::MadeUp;
use super::builder::{Builder, Kernel, Mmap, Sample};

/// A perf.data with hostile names: comms, kernel symbols, paths of modules.
pub fn recording() -> MadeUp {
    let mut kernel = Kernel::new();
    let long = "x".repeat(65_000);
    let names = [
        "<script>alert(1)</script>",
        "</script><!--",
        "quote\"back\\slash",
        "esc\u{1b}[2Jbell\u{7}",
        "bidi\u{202e}\u{2066}\u{200f}",
        "sep\u{2028}\u{2029}\u{feff}",
        "c1\u{9b}31m",
        "{{{}}}[[,:",
        &long,
    ];
    let mut file = Builder::new();
    file.kernel_map(&kernel);
    for (name, pid) in names.iter().zip(100u32..) {
        // A COMM record has room for 64 KB, and so has one of a map.
        let short: String = name.chars().take(60_000).collect();
        file.comm((pid, pid), &short);
        file.mmap2(Mmap::new(pid, &format!("/opt/{short}"), 0x40_0000, 0x1000));
    }
    file.comm((200, 200), "nul\0hidden");
    for round in 0..3 {
        for (name, pid) in names.iter().zip(100u32..) {
            let at = 1_000_000 * (u64::from(pid) - 99 + round * 20);
            let sample = Sample::new((pid, pid)).kernel(&kernel.stack(name)).user(&[0x40_0100]);
            file.at(0, at).sample(sample);
        }
        file.at(0, 1_000_000 * (15 + round * 20)).sample(Sample::new((200, 200)).user(&[0x1000]));
    }
    MadeUp::write(&file.build(), &kernel.kallsyms())
}
