//! A kernel's symbol table: the addresses of functions, and the kallsyms that names them.

/// A kernel's symbol table that grows with the names asked for: a function gets its address when it
/// is first named.
///
/// The text has room for 4,095 functions and a fixed length, so that the kernel's map can be
/// written before the names are known.
#[derive(Clone, Debug)]
pub struct Kernel {
    text: u64,
    names: Vec<String>,
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}

impl Kernel {
    /// The kernel's name in its map: its own symbols, relocated by `_text` (synthetic-events.c).
    pub const MAP_NAME: &str = "[kernel.kallsyms]_text";
    /// Where x86-64 puts `_text` without KASLR.
    pub const DEFAULT_TEXT: u64 = 0xffff_ffff_8100_0000;
    /// Bytes from one function to the next.
    pub const SPACING: u64 = 0x100;

    /// A kernel without KASLR.
    pub fn new() -> Self {
        Self::at(Self::DEFAULT_TEXT)
    }

    /// A kernel whose `_text` is here, as KASLR may have it.
    pub fn at(text: u64) -> Self {
        Kernel { text, names: Vec::new() }
    }

    /// The address of `_text`: start and page offset of the kernel's map.
    pub fn text(&self) -> u64 {
        self.text
    }

    /// `_etext − _text`, bytes: the length of the kernel's map.
    pub fn text_len(&self) -> u64 {
        Self::SPACING * 4096
    }

    /// The first address of this function.
    pub fn start(&mut self, name: &str) -> u64 {
        let position = self.names.iter().position(|other| other == name);
        let index = position.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        assert!(index < 4095, "the kernel's text is full");
        self.text + Self::SPACING * (index as u64 + 1)
    }

    /// An address inside this function.
    pub fn ip(&mut self, name: &str) -> u64 {
        self.ip_at(name, 0x10)
    }

    /// The address `offset` bytes inside this function.
    pub fn ip_at(&mut self, name: &str, offset: u64) -> u64 {
        assert!(offset < Self::SPACING, "outside the function");
        self.start(name) + offset
    }

    /// An address for each of the names, root first and separated by `;`, as in collapsed stacks.
    pub fn stack(&mut self, collapsed: &str) -> Vec<u64> {
        collapsed.split(';').map(|name| self.ip(name)).collect()
    }

    /// `/proc/kallsyms` of this boot, sorted by address.
    pub fn kallsyms(&self) -> String {
        self.kallsyms_at(self.text)
    }

    /// `/proc/kallsyms` of another boot of this kernel, with `_text` here.
    pub fn kallsyms_at(&self, text: u64) -> String {
        // Every x86-64 kernel has per-CPU symbols at 0: these are no sign that addresses are
        // hidden.
        let mut out = "0000000000000000 A irq_stack_union\n".to_owned();
        let mut line =
            |address: u64, kind: char, name: &str| out.push_str(&format!("{address:016x} {kind} {name}\n"));
        line(text, 'T', "_text");
        line(text, 'T', "_stext");
        for (name, index) in self.names.iter().zip(1..) {
            line(text + Self::SPACING * index, 'T', name);
        }
        line(text + self.text_len(), 'T', "_etext");
        line(text + 2 * self.text_len(), 'D', "_sdata");
        out
    }
}
