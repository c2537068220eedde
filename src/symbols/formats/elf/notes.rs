//! The notes of an ELF file, among which the build id is.

use object::Endianness;
use object::elf::{PT_NOTE, SHT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

use super::headers::Headers;

/// Bytes of notes that are read in one file.
pub const MAX_NOTES: u64 = 1 << 20;

/// The type of the note that holds the build id; its name is `GNU`.
const NT_GNU_BUILD_ID: u32 = 3;

impl<'a, H: FileHeader<Endian = Endianness>> Headers<'a, H> {
    /// The build id: in a note in a segment, or in a section where there are no segments.
    pub fn build_id(&self) -> Option<&'a [u8]> {
        let endian = self.endian;
        let segments = self.programs.iter().filter(|header| header.p_type(endian) == PT_NOTE);
        let segments = segments.map(|header| header.file_range(endian));
        let sections = self.sections.iter().filter(|section| section.sh_type(endian) == SHT_NOTE);
        let sections = sections.filter_map(|section| section.file_range(endian));
        let mut left = MAX_NOTES;
        for (offset, size) in segments.chain(sections).filter(|(offset, size)| self.bytes.has(*offset, *size))
        {
            let notes = self.bytes.part(offset, size.min(left))?;
            if let Some(build_id) = build_id_in(notes, self.header.is_big_endian()) {
                return Some(build_id);
            }
            left -= notes.len() as u64;
        }
        None
    }
}

/// The build id among `notes`, whose numbers are big-endian if `is_big`.
///
/// Each note has the size of its name, the size of its description, its type, its name and its
/// description; the last two are padded to four bytes.
pub fn build_id_in(mut notes: &[u8], is_big: bool) -> Option<&[u8]> {
    let number = |bytes: [u8; 4]| if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    loop {
        let (head, rest) = notes.split_at_checked(12)?;
        let field = |at: usize| Some(number(head.get(at..at + 4)?.try_into().ok()?));
        let (name_size, size, kind) = (field(0)? as usize, field(4)? as usize, field(8)?);
        let name = rest.get(..name_size)?;
        let rest = rest.get(name_size.next_multiple_of(4)..)?;
        let description = rest.get(..size)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" && !description.is_empty() {
            return Some(description);
        }
        notes = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
}
