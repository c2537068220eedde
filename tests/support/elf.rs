//! ELF files made for a test: symbols at addresses, and a build id.

use object::write::{Object, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope};

/// A vmlinux, as far as it has symbols: of each the name and its address.
pub fn vmlinux(build_id: Option<&[u8]>, symbols: &[(String, u64)]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let text = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    object.append_section_data(text, &[0xcc; 16], 16);
    if let Some(build_id) = build_id {
        let notes = object.add_section(Vec::new(), b".note.gnu.build-id".to_vec(), SectionKind::Note);
        let mut note = Vec::new();
        for word in [4, build_id.len() as u32, 3] {
            note.extend(word.to_le_bytes());
        }
        note.extend(b"GNU\0");
        note.extend(build_id);
        object.append_section_data(notes, &note, 4);
    }
    for (name, address) in symbols {
        object.add_symbol(Symbol {
            name: name.clone().into_bytes(),
            value: *address,
            size: 0,
            kind: SymbolKind::Text,
            scope: SymbolScope::Dynamic,
            weak: false,
            section: SymbolSection::Section(text),
            flags: SymbolFlags::None,
        });
    }
    object.write().expect("an ELF file")
}
