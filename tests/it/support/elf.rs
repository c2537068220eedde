//! ELF files: where a function is in one, and files made for a test, with symbols at addresses and
//! a build id.

use object::write::{Object, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope};
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};

/// The build id of a program.
pub fn build_id(program: &[u8]) -> Vec<u8> {
    let elf = object::File::parse(program).expect("an ELF file");
    elf.build_id().expect("notes").expect("a build id").to_vec()
}

/// Where in its file a function of a program begins.
pub fn position_of(program: &[u8], function: &str) -> u64 {
    let elf = object::File::parse(program).expect("an ELF file");
    let symbol = elf.symbols().find(|symbol| symbol.name() == Ok(function)).expect("a symbol");
    let holds = |segment: &object::Segment| {
        (segment.address()..segment.address() + segment.size()).contains(&symbol.address())
    };
    let segment = elf.segments().find(holds).expect("a segment");
    symbol.address() - segment.address() + segment.file_range().0
}

/// A vmlinux with a build id and symbols: the name and address of each.
pub fn vmlinux(build_id: Option<&[u8]>, symbols: &[(String, u64)]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let text = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    object.append_section_data(text, &[0xcc; 16], 16);
    if let Some(build_id) = build_id {
        add_build_id(&mut object, build_id);
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

/// A section of a kernel module: its name, size, alignment, and its functions by name, start and
/// size.
pub struct Section<'s> {
    pub name: &'s str,
    pub size: usize,
    pub alignment: u64,
    pub functions: &'s [(&'s str, u64, u64)],
}

/// A kernel module's file (`.ko`): relocatable, with these sections of code in this order, made for
/// a kernel of this `vermagic`.
pub fn kernel_module(build_id: &[u8], vermagic: &str, sections: &[Section]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    add_build_id(&mut object, build_id);
    for Section { name, size, alignment, functions } in sections {
        let section = object.add_section(Vec::new(), name.as_bytes().to_vec(), SectionKind::Text);
        object.append_section_data(section, &vec![0xcc; *size], *alignment);
        for (name, start, size) in *functions {
            object.add_symbol(Symbol {
                name: name.as_bytes().to_vec(),
                value: *start,
                size: *size,
                kind: SymbolKind::Text,
                scope: SymbolScope::Dynamic,
                weak: false,
                section: SymbolSection::Section(section),
                flags: SymbolFlags::None,
            });
        }
    }
    let facts = object.add_section(Vec::new(), b".modinfo".to_vec(), SectionKind::ReadOnlyData);
    object.append_section_data(facts, format!("license=GPL\0vermagic={vermagic}\0").as_bytes(), 1);
    object.write().expect("an ELF file")
}

/// A program without symbols: it has this build id, and these sections by name.
pub fn stripped(build_id: &[u8], sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    add_build_id(&mut object, build_id);
    for (name, content) in sections {
        let section = object.add_section(Vec::new(), name.as_bytes().to_vec(), SectionKind::Debug);
        object.append_section_data(section, content, 1);
    }
    object.write().expect("an ELF file")
}

fn add_build_id(object: &mut Object, build_id: &[u8]) {
    let notes = object.add_section(Vec::new(), b".note.gnu.build-id".to_vec(), SectionKind::Note);
    let mut note = Vec::new();
    for word in [4, build_id.len() as u32, 3] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"GNU\0");
    note.extend(build_id);
    object.append_section_data(notes, &note, 4);
}
