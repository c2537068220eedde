//! Call frame information: the tables of a program or library that say how each of its frames is
//! left.
//!
//! The file may come from anybody. All rows of a function's table are read at once and kept. A
//! table counts only where an entry of its section begins, so no two overlap, and the work is
//! bounded by the length of the section. What is kept of it is taken from the budget.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use addr2line::gimli::{
    self, BaseAddresses, CieOrFde, CommonInformationEntry, DebugFrame, EhFrame, Encoding, EndianSlice,
    Format, FrameDescriptionEntry, LittleEndian, UnwindContext, UnwindOffset, UnwindSection, Vendor,
};

use crate::pack::Budget;
use crate::symbols::formats::elf::{Elf, LoadedSegments};

use super::augmentation::take_out_flags;
use super::registers::Machine;
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
    /// `.eh_frame` and `.debug_frame`, as far as they are there. In a program of C and Go each has
    /// the tables of one of these.
    sections: Vec<Tables>,
    /// Bytes that were taken from the budget.
    taken: u64,
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
    /// By `.eh_frame_hdr`, which the linker made.
    Header(Header),
    /// The first address of each function and the position of its table, in ascending order.
    List(Vec<(u64, usize)>),
}

/// `.eh_frame_hdr`.
struct Header {
    address: u64,
    bytes: Vec<u8>,
    /// Where entries of `.eh_frame` begin: a bit for each fourth byte.
    starts: Vec<u64>,
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
    /// Whether `elf` has tables, so that its separate debug information is not needed.
    pub fn are_in(elf: &Elf) -> bool {
        elf.has_section(".eh_frame") || elf.has_section(".debug_frame")
    }

    /// The tables in `elf`; `None` if it has none. `debug` is its separate debug information.
    /// What is copied of the files is taken from `budget`.
    pub fn read(elf: &Elf, debug: Option<&Elf>, machine: Machine, budget: &Budget) -> Option<CallFrames> {
        let address = |name| elf.section_addresses(name).map(|section| section.start);
        let mut bases = BaseAddresses::default().set_eh_frame(address(".eh_frame").unwrap_or(0));
        bases = address(".text").map_or(bases.clone(), |text| bases.set_text(text));
        bases = address(".got").map_or(bases.clone(), |got| bases.set_got(got));
        if elf.is_big_endian() || !machine.is_of(elf) {
            return None;
        }
        let taken = Cell::new(0);
        let take = |bytes: usize| {
            let is_taken = budget.take(bytes as u64);
            taken.set(taken.get() + if is_taken { bytes as u64 } else { 0 });
            is_taken
        };
        let copied = |elf: &Elf, name| match elf.unpacked_section(name, budget)? {
            Cow::Owned(bytes) => {
                taken.set(taken.get() + bytes.len() as u64);
                Some(bytes)
            }
            // Of a file, what is read counts only as long as the file is open.
            Cow::Borrowed(bytes) => take(bytes.len()).then(|| bytes.to_vec()),
        };
        let copied = |elf: &Elf, name| copied(elf, name).filter(|bytes| !bytes.is_empty());
        let first = copied(elf, ".eh_frame").map(|mut bytes| {
            if machine == Machine::Aarch64 {
                take_out_flags(&mut bytes);
            }
            let header = address(".eh_frame_hdr").zip(copied(elf, ".eh_frame_hdr"));
            let index = header.filter(|(_, header)| is_usual_header(header));
            let index = match index {
                Some((address, header)) => {
                    Index::Header(Header { address, bytes: header, starts: entry_starts(&bytes) })
                }
                None => Index::List(functions(&eh_frame(&bytes), &bytes, &bases)),
            };
            Tables { kind: Kind::EhFrame, bytes, index }
        });
        let second = copied(elf, ".debug_frame").or_else(|| copied(debug?, ".debug_frame"));
        let second = second.map(|bytes| {
            let index = Index::List(functions(&debug_frame(&bytes), &bytes, &bases));
            Tables { kind: Kind::DebugFrame, bytes, index }
        });
        let sections: Vec<Tables> = first.into_iter().chain(second).collect();
        let stubs = STUBS.iter().filter_map(|name| elf.section_addresses(name)).collect();
        let segments = elf.loaded_segments();
        let has_memory = take(sections.iter().map(|tables| tables.index.bytes()).sum());
        let taken = taken.get();
        match has_memory && !sections.is_empty() {
            true => Some(CallFrames { segments, stubs, bases, sections, taken }),
            false => {
                budget.give_back(taken);
                None
            }
        }
    }

    /// Bytes of memory that were taken for the tables.
    pub fn bytes(&self) -> u64 {
        self.taken
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

    /// Where the table of the function at `address` may be: one place in each section. If no
    /// function is there, it may be that of another.
    pub fn find(&self, address: u64) -> impl Iterator<Item = TableAt> {
        self.sections.iter().enumerate().filter_map(move |(section, tables)| {
            let position = match &tables.index {
                Index::Header(header) => {
                    let table = nearest(&header.bytes, header.address, address)?;
                    let position = table.checked_sub(self.bases.eh_frame.section?)?.try_into().ok()?;
                    Some(position).filter(|position| header.is_start(*position))?
                }
                Index::List(functions) => {
                    let after = functions.partition_point(|(start, _)| *start <= address);
                    functions.get(after.checked_sub(1)?)?.1
                }
            };
            Some(TableAt { section, position })
        })
    }

    /// The rules of a function's table, as far as it can be read.
    pub fn rules(&self, table: TableAt, context: &mut UnwindContext<usize>) -> Rules {
        let TableAt { section, position } = table;
        let tables = &self.sections[section];
        let bytes = tables.bytes.as_slice();
        let (rows, end) = match tables.kind {
            Kind::EhFrame => self.rows((&eh_frame(bytes), bytes), position, context),
            Kind::DebugFrame => self.rows((&debug_frame(bytes), bytes), position, context),
        };
        Rules { section, rows, end }
    }

    fn rows<'c, S: UnwindSection<Bytes<'c>>>(
        &self,
        (section, bytes): (&S, &[u8]),
        position: usize,
        context: &mut UnwindContext<usize>,
    ) -> (Vec<(u64, Rule)>, u64) {
        let cie = |section: &S, bases: &BaseAddresses, at| short_cie(section, bases, at, bytes);
        let fde = section.fde_from_offset(&self.bases, position.into(), cie);
        let (mut rows, mut end) = (Vec::new(), 0);
        let is_usual = |fde: &FrameDescriptionEntry<Bytes>| {
            fde.entry_len() <= MAX_TABLE && fde.cie().address_size() == 8
        };
        let Some(fde) = fde.ok().filter(is_usual) else { return (rows, end) };
        let (register, is_signal) = (fde.cie().return_address_register(), fde.is_signal_trampoline());
        let Ok(mut table) = fde.rows(section, &self.bases, context) else { return (rows, end) };
        // What precedes a damage is good.
        while let Ok(Some(row)) = table.next_row() {
            if row.start_address() < row.end_address() && row.start_address() >= end {
                rows.push((row.start_address(), Rule::of_row(row, register, is_signal)));
                end = row.end_address();
            }
        }
        (rows, end)
    }

    /// The section that these rules are from.
    pub fn section(&self, rules: &Rules) -> Section<'_> {
        let tables = &self.sections[rules.section];
        Section { bytes: &tables.bytes }
    }
}

impl Index {
    /// Bytes of memory that it takes besides the sections.
    fn bytes(&self) -> usize {
        match self {
            Index::Header(header) => size_of_val(header.starts.as_slice()),
            Index::List(functions) => size_of_val(functions.as_slice()),
        }
    }
}

impl Header {
    /// Whether an entry of `.eh_frame` begins at a position.
    fn is_start(&self, position: usize) -> bool {
        let word = self.starts.get(position / (4 * 64)).copied().unwrap_or(0);
        position.is_multiple_of(4) && word >> (position / 4 % 64) & 1 != 0
    }
}

impl Rules {
    /// Bytes of memory that they take.
    pub fn bytes(&self) -> u64 {
        let saved = |(_, rule): &(u64, Rule)| size_of_val(&*rule.saved);
        (size_of_val(self.rows.as_slice()) + self.rows.iter().map(saved).sum::<usize>()) as u64
    }

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

// Instructions of the vendor ARM say which return addresses are signed. x86 has none of these.
fn eh_frame(bytes: &[u8]) -> EhFrame<Bytes<'_>> {
    let mut section = EhFrame::new(bytes, LittleEndian);
    section.set_address_size(8);
    section.set_vendor(Vendor::AArch64);
    section
}

fn debug_frame(bytes: &[u8]) -> DebugFrame<Bytes<'_>> {
    let mut section = DebugFrame::new(bytes, LittleEndian);
    section.set_address_size(8);
    section.set_vendor(Vendor::AArch64);
    section
}

/// Where entries begin in a section: a bit for each fourth byte, since linkers align them. Each
/// begins where the one before ends. An entry of length 0 ends the list of one of the files that
/// were linked.
fn entry_starts(bytes: &[u8]) -> Vec<u64> {
    let mut starts = vec![0; bytes.len().div_ceil(4 * 64)];
    let mut at = 0;
    while let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        if !at.is_multiple_of(4) {
            break;
        }
        starts[at / (4 * 64)] |= 1 << (at / 4 % 64);
        // No section here is as long as an entry that needs the form with 64 bits.
        at = at.saturating_add(4).saturating_add(u32::from_le_bytes(*length) as usize);
    }
    starts
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
    // Most tables follow what they have in common, so that is read once for many of them.
    let mut last = None;
    let mut functions = Vec::new();
    let mut entries = section.entries(bases);
    // What precedes a damage is good.
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let cie = |section: &S, bases: &BaseAddresses, at: S::Offset| match &last {
            Some((before, cie)) if *before == at => Ok(CommonInformationEntry::clone(cie)),
            _ => {
                let cie = short_cie(section, bases, at, bytes)?;
                last = Some((at, cie.clone()));
                Ok(cie)
            }
        };
        if let Ok(fde) = partial.parse(cie)
            && fde.len() > 0
        {
            functions.push((fde.initial_address(), fde.offset()));
        }
    }
    functions.sort_unstable();
    functions
}
