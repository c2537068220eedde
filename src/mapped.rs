//! Maps recordings into memory: unsafe code, and why it is sound.
//!
//! # What is relied on
//!
//! Another process may write to a file while it is mapped, and the map shows what it writes. A
//! `&[u8]` tells the compiler that its bytes do not change, so it may read one of them again where
//! the code uses a value that it has read already. No rule of Rust covers writes by other
//! processes. Therefore:
//!
//! - Only recordings are mapped, since they are large. Files that names come from, archives and
//!   logs are read (`symbols/formats/stored.rs`), and so are streams.
//! - Address and length of a map never change, and any value of a byte is valid. Nothing else is
//!   believed of mapped bytes: a map gives bytes, and no text, number or other type.
//! - What is checked and used later is checked in a copy. Headers of records, sections of the
//!   header, bodies of records and compressed data are copied by [`copied`] and [`copy_into`], and
//!   decoded from the copy. The compiler does not know what is in the copy, so it cannot read the
//!   original again in its place. Decoders in C, which promise nothing here, get copies alone.
//! - A text is made of a copy and validated there (`ingest::whole_text`). A test of the
//!   architecture finds other ways to make one.
//! - Of the text of perf script, positions are counted while it is searched, and bytes are compared
//!   with constants. No byte of it is an index or a length. Numbers in it are values of the model.
//!
//! So a write by another process can make a result wrong, as it could if it came a moment earlier,
//! and nothing else. Tests write into all files while they are read (`tests/it/bounds.rs`).
//!
//! # Files that are cut
//!
//! If another process truncates a file while it is mapped, the kernel answers reads after the new
//! end with SIGBUS, which ends the program. So a signal handler maps pages of zeros there, from the
//! page that was read to the end of the map, and records where they start. The reader finds
//! malformed bytes, and then asks the map whether part of it was lost.

#![expect(unsafe_code, reason = "mapping files and handling SIGBUS; each block says why it is sound")]

use std::fs::File;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};
use memmap2::{Advice, Mmap, UncheckedAdvice};

/// A file mapped for reading.
pub struct Map {
    bytes: Mmap,
    slot: &'static Slot,
}

/// Maps a regular file that is not empty, for reading.
///
/// # Errors
///
/// If the system cannot map the file or install the signal handler.
pub fn map(file: &File) -> std::io::Result<Map> {
    install_handler()?;
    // SAFETY: the bytes may change at any time, and what is relied on in spite of that is said at
    // the top of this file. The address and the length do not change.
    let bytes = unsafe { Mmap::map(file) }?;
    let slot = loop {
        match slots().find(|slot| slot.take(&bytes)) {
            Some(slot) => break slot,
            None => add_block(),
        }
    };
    Ok(Map { bytes, slot })
}

impl Map {
    /// The bytes. Another process may change them at any time: what is checked in them must be
    /// [`copied`] before.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The first byte that was read as zero because the file was truncated while it was mapped;
    /// `None` if there is none.
    pub fn lost_from(&self) -> Option<usize> {
        let lost = self.slot.lost_from.load(Ordering::Acquire);
        (lost != NEVER).then(|| lost.saturating_sub(self.bytes.as_ptr() as usize))
    }

    /// Releases the pages that were read, piece by piece. If they are read again, they come from
    /// the file again.
    pub fn release_pages(&self) {
        const PIECE: usize = 4 << 20;
        for start in (0..self.bytes.len()).step_by(PIECE) {
            let length = PIECE.min(self.bytes.len() - start);
            // SAFETY: nothing was written to the pages, so when they come back they hold the bytes
            // of the file, or zeros again where the handler put some. Any bytes are valid (see
            // `map`).
            let _ = unsafe { self.bytes.unchecked_advise_range(UncheckedAdvice::DontNeed, start, length) };
        }
    }

    /// Tells the kernel that the map will be read from front to back. This only tunes the
    /// read-ahead.
    pub fn will_be_read_forward(&self) {
        let _ = self.bytes.advise(Advice::Sequential);
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // This runs before the field `bytes` is dropped and its addresses are reused.
        self.slot.start.store(FREE, Ordering::Release);
    }
}

/// A copy of bytes that may be part of a map.
pub fn copied(bytes: &[u8]) -> Vec<u8> {
    let mut copy = Vec::new();
    copy_into(&mut copy, bytes);
    copy
}

/// Puts a copy of bytes that may be part of a map into `buffer`, in place of what it held, and
/// returns it.
#[inline]
pub fn copy_into<'b>(buffer: &'b mut Vec<u8>, bytes: &[u8]) -> &'b [u8] {
    buffer.clear();
    buffer.extend_from_slice(bytes);
    // The compiler has to take the content for unknown.
    std::hint::black_box(buffer.as_slice())
}

/// The first `N` bytes, copied, if there are as many.
#[inline(always)]
pub fn first_copied<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk::<N>().map(|first| std::hint::black_box(*first))
}

/// The handler's state for one map. A signal handler may neither lock nor allocate, so the fields
/// are atomics in a static.
struct Slot {
    /// The first address of the map, or [`FREE`], or [`TAKEN`].
    start: AtomicUsize,
    end: AtomicUsize,
    /// The first address that was lost, or [`NEVER`].
    lost_from: AtomicUsize,
}

/// Slots, and a link to more of them. Enough for the files that names come from, one for each
/// thread, and for most recordings. A directory of `perf record --threads` may have thousands.
struct Block {
    slots: [Slot; 256],
    next: OnceLock<Box<Block>>,
}

impl Block {
    const fn new() -> Block {
        Block { slots: [const { Slot::new() }; 256], next: OnceLock::new() }
    }
}

static MAPS: Block = Block::new();

/// All slots. A signal handler may call this: it takes no lock and allocates nothing.
fn slots() -> impl Iterator<Item = &'static Slot> {
    let blocks = std::iter::successors(Some(&MAPS), |block| block.next.get().map(Box::as_ref));
    blocks.flat_map(|block| &block.slots)
}

/// Adds a block of slots, which stays, unless another thread has just added one.
fn add_block() {
    let mut block = &MAPS;
    while let Some(next) = block.next.get() {
        block = next;
    }
    block.next.get_or_init(|| Box::new(Block::new()));
}

/// The value of [`Slot::start`] in a slot that is free.
const FREE: usize = 0;
/// The value of [`Slot::start`] in a slot that is being filled.
const TAKEN: usize = 1;
/// The value of [`Slot::lost_from`] while nothing was lost.
const NEVER: usize = usize::MAX;

impl Slot {
    const fn new() -> Slot {
        Slot { start: AtomicUsize::new(FREE), end: AtomicUsize::new(0), lost_from: AtomicUsize::new(NEVER) }
    }

    /// Takes the slot for these bytes, if it is free.
    fn take(&self, bytes: &[u8]) -> bool {
        let is_taken = self.start.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if is_taken {
            let start = bytes.as_ptr() as usize;
            self.end.store(start + bytes.len(), Ordering::Release);
            self.lost_from.store(NEVER, Ordering::Relaxed);
            self.start.store(start, Ordering::Release);
        }
        is_taken
    }

    /// The end of this map, if `address` is in it.
    fn end_of(&self, address: usize) -> Option<usize> {
        let start = self.start.load(Ordering::Acquire);
        let end = self.end.load(Ordering::Acquire);
        // Another map may have taken the slot between the two reads.
        let is_same = self.start.load(Ordering::Acquire) == start;
        (is_same && start > TAKEN && (start..end).contains(&address)).then_some(end)
    }
}

/// The action for SIGBUS before the handler was installed, and the bytes of a page.
static BEFORE: OnceLock<(libc::sigaction, usize)> = OnceLock::new();

/// Installs the handler, once per process.
fn install_handler() -> std::io::Result<()> {
    static RESULT: OnceLock<Option<i32>> = OnceLock::new();
    let error = RESULT.get_or_init(|| {
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = on_bus_error;
        // SAFETY: sigaction is a struct of plain numbers and an optional function pointer, for
        // which zeros are valid. The calls get pointers to such structs that live until they
        // return, and a handler of the type that SA_SIGINFO asks for. The previous action is stored
        // before the handler can run.
        unsafe {
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, std::ptr::null(), &mut before) != 0 {
                return std::io::Error::last_os_error().raw_os_error();
            }
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
            let _ = BEFORE.set((before, page));
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            if libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) != 0 {
                return std::io::Error::last_os_error().raw_os_error();
            }
        }
        None
    });
    error.map_or(Ok(()), |error| Err(std::io::Error::from_raw_os_error(error)))
}

/// Handles SIGBUS: maps zeros in place of the lost part of a map. A SIGBUS outside of all maps goes
/// to the previous action.
extern "C" fn on_bus_error(signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    let Some((before, page)) = BEFORE.get() else { return };
    // SAFETY: the kernel gives a handler with SA_SIGINFO a valid siginfo, which for SIGBUS holds an
    // address.
    let address = unsafe { (*info).si_addr() } as usize;
    if let Some((slot, end)) = slots().find_map(|slot| Some((slot, slot.end_of(address)?))) {
        let lost_from = address - address % page;
        // SAFETY: the range is in a map of this program: it starts at a page of the map, and the
        // kernel rounds its length up to whole pages as it did for the map. The map is alive, since
        // a thread reads from it. Its bytes may change at any time (see `map`), so zeros break
        // nothing. mmap is a plain system call, which is safe in a handler.
        let zeros = unsafe {
            libc::mmap(
                lost_from as *mut c_void,
                end - lost_from,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if zeros != libc::MAP_FAILED {
            slot.lost_from.fetch_min(lost_from, Ordering::Release);
            return;
        }
    }
    // SAFETY: `before` is what sigaction returned. The read is repeated after this handler, and
    // then that action is taken.
    unsafe { libc::sigaction(signal, before, std::ptr::null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_files_can_be_mapped_and_each_may_be_truncated() {
        let bytes = [7; 8192];
        let files: Vec<File> = (0..700)
            .map(|_| {
                let file = tempfile::tempfile().expect("a temporary file");
                std::io::Write::write_all(&mut &file, &bytes).expect("it can be written to");
                file
            })
            .collect();
        let maps: Vec<Map> = files.iter().map(|file| map(file).expect("it can be mapped")).collect();
        let last = maps.last().expect("a map");
        files.last().expect("a file").set_len(100).expect("it can be cut");
        assert_eq!((last.bytes()[8000], last.lost_from()), (0, Some(4096)));
        assert!(maps[..699].iter().all(|map| map.bytes()[8000] == 7 && map.lost_from().is_none()));
    }

    #[test]
    fn a_file_that_is_truncated_while_it_is_mapped_reads_as_zeros() {
        let file = tempfile::tempfile().expect("a temporary file");
        let bytes = vec![7; 1 << 16];
        std::io::Write::write_all(&mut &file, &bytes).expect("it can be written to");
        let map = map(&file).expect("it can be mapped");
        assert_eq!((map.bytes().len(), map.bytes()[40_000], map.lost_from()), (1 << 16, 7, None));
        file.set_len(20_000).expect("it can be cut");
        assert_eq!((map.bytes()[19_999], map.bytes()[60_000]), (7, 0));
        let lost = map.lost_from().expect("the map knows");
        assert!((20_000..=60_000).contains(&lost) && lost.is_multiple_of(4096), "{lost}");
        assert_eq!((map.bytes()[20_000], map.bytes()[40_000]), (0, 0));
        assert!(map.lost_from() < Some(lost), "an earlier page was lost as well");
    }
}
