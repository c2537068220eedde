//! Call frame information: the tables of a program or library that say how each of its frames is
//! left.
//!
//! The file may come from anybody. All rows of a function's table are read at once and kept, so the
//! work is bounded by the length of the tables, unless these overlap: [`CallFrames::most_work`] is
//! the bound for that.

use std::borrow::Cow;
use std::ops::Range;

use addr2line::gimli::{
    self, BaseAddresses, CieOrFde, CommonInformationEntry, DebugFrame, EhFrame, Encoding, EndianSlice,
    Format, FrameDescriptionEntry, LittleEndian, UnwindContext, UnwindOffset, UnwindSection,
};

use crate::pack::Budget;
use crate::symbols::formats::elf::{Elf, LoadedSegments};

use super::rule::Rule;

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// Bytes of a function's table and its header that are read. Real ones have a few hundred, of large
/// functions some thousand.
const MAX_TABLE: usize = 1 << 16;

/// Sections with stubs. GNU ld makes tables for them on x86; lld does not, and none does on ARM.
const STUBS: [&str; 4] = [".plt", ".plt.sec", ".plt.got", ".iplt"];

/// The tables of a program or library.
pub struct CallFrames {
    segments: LoadedSegments,
    /// The addresses of the procedure linkage tables.
    stubs: Vec<Range<u64>>,
    bases: BaseAddresses,
    /// `.eh_frame` and `.debug_frame`, as far as they are there.
    sections: Vec<Tables>,
}

/// A section with tables.
struct Tables {
    kind: Kind,
    bytes: Vec<u8>,
    index: Index,
}

/// Which section it is: both have the same tables in different headers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    EhFrame,
    DebugFrame,
}

/// How a function's table is found: by its address.
enum Index {
    /// The address and the bytes of `.eh_frame_hdr`, which the linker made.
    Header(u64, Vec<u8>),
    /// The first address of each function and the position of its table, in ascending order.
    List(Vec<(u64, usize)>),
}

/// Where a function's table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableAt {
    /// The number of the section.
    section: usize,
    /// The position in the section.
    position: usize,
}

/// The rules of one function.
pub struct Rules {
    /// The section that they are from.
    section: usize,
    /// Each with the address from which on it holds, ascending. They end where the function ends.
    rows: Vec<(u64, Rule)>,
    end: u64,
}

impl CallFrames {
    /// The tables in `elf`; `None` if it has none. `debug` is its separate debug information.
    /// What is copied of the files is taken from `budget`.
    pub fn read(elf: &Elf, debug: Option<&Elf>, budget: &Budget) -> Option<CallFrames> {
        let address = |name| elf.section_addresses(name).map(|section| section.start);
        let mut bases = BaseAddresses::default().set_eh_frame(address(".eh_frame").unwrap_or(0));
        bases = address(".text").map_or(bases.clone(), |text| bases.set_text(text));
        bases = address(".got").map_or(bases.clone(), |got| bases.set_got(got));
        if elf.is_big_endian() {
            return None;
        }
        let copied = |elf: &Elf, name| match elf.unpacked_section(name, budget)? {
            Cow::Owned(bytes) => Some(bytes),
            // Of a file, what is read counts only as long as the file is open.
            Cow::Borrowed(bytes) => budget.take(bytes.len() as u64).then(|| bytes.to_vec()),
        };
        let copied = |elf: &Elf, name| copied(elf, name).filter(|bytes| !bytes.is_empty());
        let first = copied(elf, ".eh_frame").map(|bytes| {
            let header = address(".eh_frame_hdr").zip(copied(elf, ".eh_frame_hdr"));
            let index = header.filter(|(_, header)| is_usual_header(header));
            let index = match index {
                Some((address, header)) => Index::Header(address, header),
                None => Index::List(functions(&eh_frame(&bytes), &bytes, &bases)),
            };
            Tables { kind: Kind::EhFrame, bytes, index }
        });
        // Where both are there, the first covers all code of the program.
        let second = match &first {
            Some(_) => None,
            None => copied(elf, ".debug_frame").or_else(|| copied(debug?, ".debug_frame")),
        };
        let second = second.map(|bytes| {
            let index = Index::List(functions(&debug_frame(&bytes), &bytes, &bases));
            Tables { kind: Kind::DebugFrame, bytes, index }
        });
        let sections: Vec<Tables> = first.into_iter().chain(second).collect();
        let stubs = STUBS.iter().filter_map(|name| elf.section_addresses(name)).collect();
        let segments = elf.loaded_segments();
        (!sections.is_empty()).then_some(CallFrames { segments, stubs, bases, sections })
    }

    /// Bytes of memory that were taken for the tables.
    pub fn bytes(&self) -> u64 {
        let length = |tables: &Tables| match &tables.index {
            Index::Header(_, header) => tables.bytes.len() + header.len(),
            Index::List(_) => tables.bytes.len(),
        };
        self.sections.iter().map(length).sum::<usize>() as u64
    }

    /// The bytes of tables that may be read, at most: more than once through all of them would be
    /// read only of tables that overlap.
    pub fn most_work(&self) -> usize {
        let length = self.sections.iter().map(|tables| tables.bytes.len()).sum::<usize>();
        length.saturating_mul(4).saturating_add(MAX_TABLE)
    }

    /// The address that the tables have for a position in the file.
    pub fn address_of(&self, position: u64) -> Option<u64> {
        self.segments.address_of(position)
    }

    /// Whether `address` is in a stub, through which functions of other objects are called. A stub
    /// jumps to them, and leaves the stack as it is.
    pub fn is_stub(&self, address: u64) -> bool {
        self.stubs.iter().any(|stubs| stubs.contains(&address))
    }

    /// Where the table of the function at `address` is. If no function is there, it may be that of
    /// another.
    pub fn find(&self, address: u64) -> Option<TableAt> {
        self.sections.iter().enumerate().find_map(|(section, tables)| {
            let position = match &tables.index {
                Index::Header(base, header) => {
                    let table = nearest(header, *base, address)?;
                    table.checked_sub(self.bases.eh_frame.section?)?.try_into().ok()?
                }
                Index::List(functions) => {
                    let after = functions.partition_point(|(start, _)| *start <= address);
                    functions.get(after.checked_sub(1)?)?.1
                }
            };
            Some(TableAt { section, position })
        })
    }

    /// The rules of a function's table, as far as it can be read. The bytes that are read for them
    /// are taken from `work`; `None` if there are not as many left.
    pub fn rules(
        &self,
        table: TableAt,
        context: &mut UnwindContext<usize>,
        work: &mut usize,
    ) -> Option<Rules> {
        let tables = self.sections.get(table.section)?;
        let bytes = tables.bytes.as_slice();
        let rows = match tables.kind {
            Kind::EhFrame => self.rows((&eh_frame(bytes), bytes), table.position, context, work),
            Kind::DebugFrame => self.rows((&debug_frame(bytes), bytes), table.position, context, work),
        };
        let (rows, end) = rows?;
        Some(Rules { section: table.section, rows, end })
    }

    fn rows<'c, S: UnwindSection<Bytes<'c>>>(
        &self,
        (section, bytes): (&S, &[u8]),
        position: usize,
        context: &mut UnwindContext<usize>,
        work: &mut usize,
    ) -> Option<(Vec<(u64, Rule)>, u64)> {
        let cie = |section: &S, bases: &BaseAddresses, at| short_cie(section, bases, at, bytes);
        let fde = section.fde_from_offset(&self.bases, position.into(), cie);
        let fde: FrameDescriptionEntry<Bytes> = match fde {
            Ok(fde) => fde,
            Err(_) => return Some((Vec::new(), 0)),
        };
        let cie = fde.cie();
        let length = fde.entry_len().saturating_add(cie.entry_len());
        if length > MAX_TABLE || cie.address_size() != 8 {
            return Some((Vec::new(), 0));
        }
        *work = work.checked_sub(length)?;
        let (register, is_signal) = (cie.return_address_register(), fde.is_signal_trampoline());
        let (mut rows, mut end) = (Vec::new(), 0);
        let Ok(mut table) = fde.rows(section, &self.bases, context) else { return Some((rows, end)) };
        // What precedes a damage is good.
        while let Ok(Some(row)) = table.next_row() {
            if row.start_address() < row.end_address() && row.start_address() >= end {
                rows.push((row.start_address(), Rule::of_row(row, register, is_signal)));
                end = row.end_address();
            }
        }
        Some((rows, end))
    }

    /// The section that these rules are from.
    pub fn section(&self, rules: &Rules) -> Section<'_> {
        let tables = &self.sections[rules.section];
        Section { bytes: &tables.bytes }
    }
}

impl Rules {
    /// The number of the rule at an address, if the function has that address.
    pub fn find(&self, address: u64) -> Option<usize> {
        let after = self.rows.partition_point(|(start, _)| *start <= address);
        after.checked_sub(1).filter(|_| address < self.end)
    }

    /// The rule of this number.
    pub fn get(&self, number: usize) -> Option<&Rule> {
        self.rows.get(number).map(|(_, rule)| rule)
    }
}

/// The bytes of a section, which hold the expressions of its rules.
#[derive(Clone, Copy)]
pub struct Section<'c> {
    bytes: &'c [u8],
}

impl<'c> Section<'c> {
    /// The `length` bytes at `position`.
    pub fn part(self, position: usize, length: usize) -> Option<&'c [u8]> {
        self.bytes.get(position..)?.get(..length)
    }

    /// How expressions in it are encoded.
    pub fn encoding(self) -> Encoding {
        Encoding { address_size: 8, format: Format::Dwarf32, version: 4 }
    }
}

/// Bytes before the table of a usual header.
const HEADER: usize = 12;

/// Whether the header is of the only kind that linkers make: a table with pairs of 32-bit numbers
/// relative to the header's address (`DW_EH_PE_datarel | DW_EH_PE_sdata4`), and a count of 32 bits
/// before it.
fn is_usual_header(header: &[u8]) -> bool {
    const UDATA4: u8 = 0x03;
    const DATAREL_SDATA4: u8 = 0x3b;
    matches!(*header, [1, eh_frame, UDATA4, DATAREL_SDATA4, ..] if matches!(eh_frame & 0x0f, 0x03 | 0x0b))
}

/// The address of the table of the last function that begins at or before `address`.
fn nearest(header: &[u8], base: u64, address: u64) -> Option<u64> {
    let count = u32::from_le_bytes(*header.get(HEADER - 4..)?.first_chunk()?) as usize;
    let entries = header.get(HEADER..)?;
    let (mut entries, _) = entries.as_chunks::<8>();
    entries = entries.get(..count).unwrap_or(entries);
    let halves = |entry: &[u8; 8]| {
        let number = |at: usize| i32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        (base.wrapping_add_signed(number(0).into()), base.wrapping_add_signed(number(4).into()))
    };
    let after = entries.partition_point(|entry| halves(entry).0 <= address);
    Some(halves(entries.get(after.checked_sub(1)?)?).1)
}

fn eh_frame(bytes: &[u8]) -> EhFrame<Bytes<'_>> {
    let mut section = EhFrame::new(bytes, LittleEndian);
    section.set_address_size(8);
    section
}

fn debug_frame(bytes: &[u8]) -> DebugFrame<Bytes<'_>> {
    let mut section = DebugFrame::new(bytes, LittleEndian);
    section.set_address_size(8);
    section
}

/// What the tables of several functions have in common, which is at `at` in `bytes`, unless it is
/// longer than any real one: it is read again for each of them.
fn short_cie<'c, S: UnwindSection<Bytes<'c>>>(
    section: &S,
    bases: &BaseAddresses,
    at: S::Offset,
    bytes: &[u8],
) -> gimli::Result<CommonInformationEntry<Bytes<'c>>> {
    const LONGEST: u32 = 1 << 10;
    let position: usize = UnwindOffset::into(at);
    let length = bytes.get(position..).and_then(|rest| rest.first_chunk());
    match length.map(|length| u32::from_le_bytes(*length)) {
        Some(length) if length <= LONGEST => section.cie_from_offset(bases, at),
        _ => Err(gimli::Error::NoUnwindInfoForAddress),
    }
}

/// The first address of each function and the position of its table, in ascending order.
fn functions<'c, S: UnwindSection<Bytes<'c>>>(
    section: &S,
    bytes: &[u8],
    bases: &BaseAddresses,
) -> Vec<(u64, usize)> {
    let cie = |section: &S, bases: &BaseAddresses, at| short_cie(section, bases, at, bytes);
    let mut functions = Vec::new();
    let mut entries = section.entries(bases);
    // What precedes a damage is good.
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        if let Ok(fde) = partial.parse(cie)
            && fde.len() > 0
        {
            functions.push((fde.initial_address(), fde.offset()));
        }
    }
    functions.sort_unstable();
    functions
}
