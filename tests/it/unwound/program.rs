//! Programs with tables for unwinding, made for a test.

/// Where the program is mapped.
pub const START: u64 = 0x10_0000;
/// The address of the first function.
pub const FIRST: u64 = 0x8000;
/// Bytes of a function.
pub const FUNCTION: u64 = 0x100;

/// Entries of `.eh_frame`: what all functions have in common, and a table for each function.
pub struct Tables {
    pub bytes: Vec<u8>,
    /// The first address of each function, and the position of its table.
    pub functions: Vec<(u64, u64)>,
}

impl Tables {
    /// Without functions: the frame is 8 bytes long, and has the return address.
    pub fn new() -> Tables {
        // Version 1, "zR", alignments of 1 and -8, return address in 16, absolute pointers.
        let common = [0, 0, 0, 0, 1, b'z', b'R', 0, 1, 0x78, 16, 1, 0, 0x0c, 7, 8, 0x90, 1, 0, 0];
        let mut tables = Tables { bytes: Vec::new(), functions: Vec::new() };
        tables.add(&common);
        tables
    }

    /// Adds an entry, with instructions that do nothing up to a multiple of 4 bytes.
    fn add(&mut self, entry: &[u8]) {
        let length = entry.len().next_multiple_of(4);
        self.bytes.extend((length as u32).to_le_bytes());
        self.bytes.extend(entry);
        self.bytes.resize(self.bytes.len() + length - entry.len(), 0);
    }

    /// Adds a function's table with these instructions.
    pub fn function(&mut self, instructions: &[u8]) {
        let start = FIRST + FUNCTION * self.functions.len() as u64;
        let position = self.bytes.len() as u64;
        self.functions.push((start, position));
        let mut entry = (position as u32 + 4).to_le_bytes().to_vec();
        entry.extend([start, FUNCTION].iter().flat_map(|word| word.to_le_bytes()));
        entry.push(0);
        entry.extend(instructions);
        self.add(&entry);
    }

    /// A program with these tables, with `.eh_frame_hdr` if `has_header`.
    pub fn program(&self, has_header: bool) -> Vec<u8> {
        let header_at = CONTENT_AT + self.bytes.len().next_multiple_of(ALIGNMENT) as u64;
        let mut header = vec![1, 0x1b, 3, 0x3b, 0, 0, 0, 0];
        header.extend((self.functions.len() as u32).to_le_bytes());
        for (start, position) in &self.functions {
            for address in [*start, CONTENT_AT + position] {
                header.extend((address as i32).wrapping_sub(header_at as i32).to_le_bytes());
            }
        }
        let sections: [(&str, &[u8]); 2] = [(".eh_frame", &self.bytes), (".eh_frame_hdr", &header)];
        shared_object(if has_header { &sections } else { &sections[..1] })
    }
}

/// Where the content of the first section is, in the file and in memory.
const CONTENT_AT: u64 = 0x200;
/// Of the content of a section.
const ALIGNMENT: usize = 8;

/// A shared object of x86-64 with these sections by name and content, all in one segment. `.symtab`
/// has its names in `.strtab`, which follows it.
pub fn shared_object(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = vec![0];
    let mut numbered = Vec::new();
    for name in sections.iter().map(|(name, _)| *name).chain([".shstrtab"]) {
        numbered.push(names.len() as u64);
        names.extend([name.as_bytes(), b"\0"].concat());
    }
    let mut content = Vec::new();
    // Null section, then those with content: name and type, flags, address, position, size, link,
    // alignment, size of an entry.
    let mut headers = vec![[0; 8]];
    for (number, (name, bytes)) in sections.iter().copied().chain([(".shstrtab", &*names)]).enumerate() {
        const LOADED: u64 = 2;
        let (kind, link, entry) = match name {
            ".symtab" => (2, number as u64 + 2, SYMBOL),
            ".strtab" | ".shstrtab" => (3, 0, 0),
            _ => (1, 0, 0),
        };
        let at = CONTENT_AT + content.len() as u64;
        headers.push([numbered[number] | kind << 32, LOADED, at, at, bytes.len() as u64, link, 1, entry]);
        content.extend(bytes);
        content.resize(content.len().next_multiple_of(ALIGNMENT), 0);
    }
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let count = headers.len() as u16;
    let halves = |file: &mut Vec<u8>, list: &[u16]| {
        file.extend(list.iter().flat_map(|half| half.to_le_bytes()));
    };
    let words = |file: &mut Vec<u8>, list: &[u64]| {
        file.extend(list.iter().flat_map(|word| word.to_le_bytes()));
    };
    // A shared object of x86-64; its segments at 64, its sections at the end.
    halves(&mut file, &[3, 62, 1, 0]);
    words(&mut file, &[0, 64, CONTENT_AT + content.len() as u64]);
    halves(&mut file, &[0, 0, 64, 56, 1, 64, count, count - 1]);
    // One segment that is loaded and holds all code.
    words(&mut file, &[1 | 5 << 32, 0, 0, 0, 0x10_0000, 0x10_0000, 0x1000]);
    file.resize(CONTENT_AT as usize, 0);
    file.extend(content);
    headers.iter().for_each(|header| words(&mut file, header));
    file
}

/// Bytes of a symbol (`Elf64_Sym` in elf.h).
const SYMBOL: u64 = 24;

/// The content of `.symtab` and `.strtab` with these functions, one after the other from 0x8000 on.
pub fn symbols(functions: &[&str]) -> (Vec<u8>, Vec<u8>) {
    const GLOBAL_FUNCTION: u64 = 0x12;
    let (mut symbols, mut names) = (vec![0; SYMBOL as usize], vec![0]);
    for (number, name) in (0..).zip(functions) {
        let head = names.len() as u64 | GLOBAL_FUNCTION << 32 | 1 << 48;
        symbols
            .extend([head, FIRST + FUNCTION * number, FUNCTION].iter().flat_map(|word| word.to_le_bytes()));
        names.extend([name.as_bytes(), b"\0"].concat());
    }
    (symbols, names)
}
