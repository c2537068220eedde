//! The headers of an ELF file: its sections and segments.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use flate2::read::ZlibDecoder;
use object::Endianness;
use object::elf::{ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, PF_X, PT_LOAD};
use object::read::ReadRef as _;
use object::read::elf::{CompressionHeader as _, FileHeader, ProgramHeader as _, SectionHeader as _};
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::pack::Budget;
use crate::symbols::formats::stored::FileBytes;

/// Sections, and segments, that are read. A file with more needs an escape in its header that no
/// linker of programs uses; of such a file nothing is read.
const MAX_SECTIONS: u32 = 1 << 16;
/// Loaded segments that are read; programs have about four.
const MAX_SEGMENTS: usize = 64;
/// Bytes of a section's name.
const MAX_SECTION_NAME: usize = 64;
/// Bytes of the names of all sections.
const MAX_NAMES: u64 = MAX_SECTIONS as u64 * MAX_SECTION_NAME as u64;
/// Bytes of a section that is read whole. Those of tables and of debug information have their own
/// bounds.
const MAX_SECTION: u64 = 64 << 20;
/// Bytes that a compressed section may decompress to; those of a browser reach 1.5 GB.
const MAX_UNPACKED: u64 = 4 << 30;
/// Bytes that one compressed byte may decompress to. deflate cannot exceed 1032, and no debug
/// information comes near it.
const MAX_RATIO: u64 = 1032;

/// The headers of an ELF file.
pub struct Headers<'a, H: FileHeader> {
    pub header: &'a H,
    pub endian: Endianness,
    /// The whole file.
    pub bytes: FileBytes<'a>,
    pub programs: &'a [H::ProgramHeader],
    pub sections: &'a [H::SectionHeader],
    /// The names of the sections.
    names: &'a [u8],
}

/// A segment that is loaded into memory.
#[derive(Clone, Copy)]
pub struct LoadedSegment {
    /// Its first address.
    pub address: u64,
    /// Its position in the file.
    pub offset: u64,
    /// Bytes in memory.
    pub size: u64,
}

/// A loaded segment that holds code.
#[derive(Clone, Copy)]
pub struct CodeSegment {
    /// Its first address.
    pub address: u64,
    /// Bytes in memory.
    pub size: u64,
    /// Its address and its position in the file are equal modulo this number of bytes.
    pub alignment: u64,
}

impl<'a, H: FileHeader<Endian = Endianness>> Headers<'a, H> {
    /// Reads the headers of `bytes`.
    pub fn parse(bytes: FileBytes<'a>) -> Option<Self> {
        let header = H::parse(bytes).ok()?;
        let endian = header.endian().ok()?;
        let is_readable = |count: object::Result<u32>| count.is_ok_and(|count| count < MAX_SECTIONS);
        // A file that was cut before its section headers still has its segments.
        let sections = match is_readable(header.shnum(endian, bytes)) {
            true => header.section_headers(endian, bytes).unwrap_or_default(),
            false => &[],
        };
        let programs = match is_readable(header.phnum(endian, bytes)) {
            true => header.program_headers(endian, bytes).unwrap_or_default(),
            false => &[],
        };
        let names = header.shstrndx(endian, bytes).ok().and_then(|names| sections.get(names as usize));
        let names = names.and_then(|names| part_of::<H>(names, endian, bytes, MAX_NAMES)).unwrap_or_default();
        Some(Headers { header, endian, bytes, programs, sections, names })
    }

    /// The first section of this name.
    pub fn section(&self, name: &str) -> Option<&'a H::SectionHeader> {
        self.sections.iter().find(|section| self.section_name(section) == Some(name.as_bytes()))
    }

    /// The addresses of the section of this name once the file is loaded.
    pub fn section_addresses(&self, name: &str) -> Option<Range<u64>> {
        let section = self.section(name)?;
        let (start, size): (u64, u64) =
            (section.sh_addr(self.endian).into(), section.sh_size(self.endian).into());
        Some(start..start.checked_add(size)?)
    }

    /// The name of `section`.
    pub fn section_name(&self, section: &H::SectionHeader) -> Option<&'a [u8]> {
        text_at(self.names, section.sh_name(self.endian), MAX_SECTION_NAME)
    }

    /// The bytes of `section` as they are in the file, if it is not longer than those that are read
    /// whole.
    pub fn section_data(&self, section: &H::SectionHeader) -> Option<&'a [u8]> {
        self.section_up_to(section, MAX_SECTION + 1).filter(|data| data.len() as u64 <= MAX_SECTION)
    }

    /// At most this many bytes of `section`, if all its bytes are in the file.
    pub fn section_up_to(&self, section: &H::SectionHeader, most: u64) -> Option<&'a [u8]> {
        part_of::<H>(section, self.endian, self.bytes, most)
    }

    /// Whether all bytes of `section` are in the file.
    pub fn has_data(&self, section: &H::SectionHeader) -> bool {
        section.file_range(self.endian).is_none_or(|(offset, size)| self.bytes.has(offset, size))
    }

    /// The items of `section`, at most this many of them.
    pub fn items<T: object::Pod>(&self, section: &H::SectionHeader, most: usize) -> Option<&'a [T]> {
        let Some((offset, size)) = section.file_range(self.endian) else { return Some(&[]) };
        let count = usize::try_from(size).ok()?.checked_div(size_of::<T>())?;
        self.bytes.has(offset, size).then(|| self.bytes.read_slice_at(offset, count.min(most)).ok())?
    }

    /// The bytes of the section of this name, decompressed where the section is compressed. What it
    /// decompresses to is taken from `budget`.
    pub fn unpacked_section(&self, name: &str, budget: &Budget) -> Option<Cow<'a, [u8]>> {
        let section = self.section(name)?;
        let Some((header, offset, size)) = section.compression(self.endian, self.bytes).ok()? else {
            let data = self.section_up_to(section, MAX_UNPACKED)?;
            return Some(Cow::Borrowed(data));
        };
        let uncompressed_size: u64 = header.ch_size(self.endian).into();
        // The size in the header sizes an allocation, so it must be one that the compressed bytes
        // can reach and that fits in memory.
        let is_possible = uncompressed_size <= MAX_UNPACKED
            && size <= MAX_UNPACKED
            && uncompressed_size / MAX_RATIO <= size;
        if !is_possible || !budget.take(uncompressed_size) {
            return None;
        }
        let data = self.bytes.part(offset, size)?;
        match header.ch_type(self.endian) {
            ELFCOMPRESS_ZLIB => all_of(&mut ZlibDecoder::new(data), uncompressed_size),
            ELFCOMPRESS_ZSTD => all_of(&mut ZstdDecoder::new(data).ok()?, uncompressed_size),
            _ => None,
        }
        .map(Cow::Owned)
    }

    /// The segments that are loaded.
    pub fn loaded_segments(&self) -> Vec<LoadedSegment> {
        let loaded = self.programs.iter().filter(|header| header.p_type(self.endian) == PT_LOAD);
        let segment = |header: &H::ProgramHeader| LoadedSegment {
            address: header.p_vaddr(self.endian).into(),
            offset: header.p_offset(self.endian).into(),
            size: header.p_memsz(self.endian).into(),
        };
        loaded.map(segment).take(MAX_SEGMENTS).collect()
    }

    /// The loaded segments that hold code.
    pub fn code_segments(&self) -> Vec<CodeSegment> {
        let endian = self.endian;
        let is_code = |header: &&H::ProgramHeader| {
            header.p_type(endian) == PT_LOAD && header.p_flags(endian).0 & PF_X.0 != 0
        };
        let segment = |header: &H::ProgramHeader| CodeSegment {
            address: header.p_vaddr(endian).into(),
            size: header.p_memsz(endian).into(),
            alignment: header.p_align(endian).into(),
        };
        self.programs.iter().filter(is_code).map(segment).take(MAX_SEGMENTS).collect()
    }
}

/// At most this many bytes of a section, if all its bytes are in the file.
fn part_of<'a, H: FileHeader<Endian = Endianness>>(
    section: &H::SectionHeader,
    endian: Endianness,
    bytes: FileBytes<'a>,
    most: u64,
) -> Option<&'a [u8]> {
    let Some((offset, size)) = section.file_range(endian) else { return Some(&[]) };
    bytes.has(offset, size).then(|| bytes.part(offset, size.min(most)))?
}

/// What `unpacked` holds, if it is so many bytes.
fn all_of(unpacked: &mut dyn Read, size: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(size).ok()?).ok()?;
    unpacked.take(size.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == size).then_some(bytes)
}

/// The position in the file of an address, by the file's loaded segments.
pub fn file_position(segments: &[LoadedSegment], address: u64) -> Option<u64> {
    let covers =
        |segment: &&LoadedSegment| segment.address <= address && address - segment.address < segment.size;
    let segment = segments.iter().find(covers)?;
    segment.offset.checked_add(address - segment.address)
}

/// The text that starts at `offset` and ends before a NUL, if the NUL comes within `longest` bytes.
pub fn text_at(texts: &[u8], offset: u32, longest: usize) -> Option<&[u8]> {
    let rest = texts.get(offset as usize..)?;
    let rest = rest.get(..longest).unwrap_or(rest);
    rest.get(..memchr::memchr(0, rest)?)
}
