//! The kernel's interface for recording: perf_event_open, its ioctls, and the ring buffers into
//! which it writes. All unsafe code of this module, and why it is sound.

#![expect(unsafe_code, reason = "system calls and ring buffers; each block says why it is sound")]

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use libc::c_int;
use memmap2::{MmapOptions, MmapRaw};
use perf_event_open_sys::bindings::{PERF_FLAG_FD_CLOEXEC, perf_event_attr, perf_event_mmap_page};
use perf_event_open_sys::{ioctls, perf_event_open};

/// The bytes of an attribute that are used here and written to files: PERF_ATTR_SIZE_VER7 (Linux
/// 5.13). Later fields are 0, so older kernels take it.
pub const ATTRIBUTE: usize = 128;

/// Opens an event for a thread (-1: all) on a CPU.
pub fn open(attribute: &perf_event_attr, tid: i32, cpu: u32) -> io::Result<OwnedFd> {
    let cpu = c_int::try_from(cpu).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let mut attribute = *attribute;
    attribute.size = ATTRIBUTE as u32;
    let flags = u64::from(PERF_FLAG_FD_CLOEXEC);
    // SAFETY: the attribute lives during the call. The kernel reads as many bytes as it says it
    // has, and writes at most its size back.
    let fd = unsafe { perf_event_open(&raw mut attribute, tid, cpu, -1, flags as _) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given this descriptor to this caller alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The bytes of an attribute as they are written to files.
pub fn bytes(attribute: &perf_event_attr) -> [u8; ATTRIBUTE] {
    let mut attribute = *attribute;
    attribute.size = ATTRIBUTE as u32;
    let mut bytes = [0; ATTRIBUTE];
    const { assert!(size_of::<perf_event_attr>() >= ATTRIBUTE) };
    // SAFETY: the struct has at least this many bytes. It is made by `Default`, which sets all of
    // them to 0, and has no padding within these (the kernel's ABI), so all are initialized.
    unsafe { std::ptr::copy_nonoverlapping((&raw const attribute).cast(), bytes.as_mut_ptr(), ATTRIBUTE) };
    bytes
}

/// The number by which records name an event.
pub fn id(event: &OwnedFd) -> io::Result<u64> {
    let mut id = 0;
    // SAFETY: the kernel writes one u64, which lives during the call.
    check(unsafe { ioctls::ID(event.as_raw_fd(), &raw mut id) })?;
    Ok(id)
}

/// Starts an event.
pub fn enable(event: &OwnedFd) -> io::Result<()> {
    // SAFETY: the argument is a number.
    check(unsafe { ioctls::ENABLE(event.as_raw_fd(), 0) })
}

/// Stops an event.
pub fn disable(event: &OwnedFd) -> io::Result<()> {
    // SAFETY: the argument is a number.
    check(unsafe { ioctls::DISABLE(event.as_raw_fd(), 0) })
}

/// Lets an event write into the ring of another one of the same CPU.
pub fn share_ring(event: &OwnedFd, owner: BorrowedFd) -> io::Result<()> {
    // SAFETY: the argument is a number: a descriptor, which is open during the call.
    check(unsafe { ioctls::SET_OUTPUT(event.as_raw_fd(), owner.as_raw_fd() as _) })
}

/// Sets the filter of a tracepoint, which the kernel applies before it writes anything.
pub fn set_filter(event: &OwnedFd, filter: &CStr) -> io::Result<()> {
    // SAFETY: the kernel reads the text up to its NUL, and writes nothing.
    check(unsafe { ioctls::SET_FILTER(event.as_raw_fd(), filter.as_ptr().cast_mut()) })
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A ring buffer into which the kernel writes records.
///
/// The first page holds where the kernel has written to (`data_head`) and where this program has
/// read to (`data_tail`). Because the map is writable, the kernel writes only outside of
/// `tail..head`, and drops records if there is no room (Documentation of perf_event_mmap_page in
/// include/uapi/linux/perf_event.h). So the bytes in `tail..head` do not change until the tail is
/// moved.
pub struct Ring {
    map: MmapRaw,
    page: usize,
}

impl Ring {
    /// Maps the ring of an event: a page, and `pages` pages of data, a power of two.
    pub fn map(event: &OwnedFd, pages: usize) -> io::Result<Ring> {
        let page = rustix::param::page_size();
        let length = pages.checked_add(1).and_then(|pages| pages.checked_mul(page));
        let length = length.filter(|_| pages.is_power_of_two());
        let length = length.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let map = MmapOptions::new().len(length).map_raw(event)?;
        Ok(Ring { map, page })
    }

    /// Moves the records that are complete to the end of `out`. Returns how full the ring was, from
    /// 0 to 1.
    pub fn drain(&mut self, out: &mut Vec<u8>) -> f64 {
        let base = self.map.as_mut_ptr();
        let control: *const perf_event_mmap_page = base.cast_const().cast();
        let size = self.map.len() - self.page;
        // SAFETY: the first page of the map is such a struct, and both fields are u64 at multiples
        // of 8. The kernel and this program access them as the kernel's ABI says: as atomics.
        let (head, tail) = unsafe {
            let head: *const u64 = &raw const (*control).data_head;
            let tail: *const u64 = &raw const (*control).data_tail;
            (AtomicU64::from_ptr(head.cast_mut()), AtomicU64::from_ptr(tail.cast_mut()))
        };
        // The data that precedes the head is there once the head is seen.
        let (end, start) = (head.load(Ordering::Acquire), tail.load(Ordering::Relaxed));
        let pending = usize::try_from(end.wrapping_sub(start)).unwrap_or(usize::MAX).min(size);
        let at = (start % size as u64) as usize;
        let first = pending.min(size - at);
        for (at, length) in [(at, first), (0, pending - first)] {
            // SAFETY: `at + length` is at most `size`, the length of the data after the first page.
            // The kernel does not write to these bytes before the tail is moved (see above), and
            // nothing else has the map.
            out.extend_from_slice(unsafe { std::slice::from_raw_parts(base.add(self.page + at), length) });
        }
        // The kernel may write there after the bytes were read.
        tail.store(end, Ordering::Release);
        pending as f64 / size as f64
    }
}

// SAFETY: a ring is read by whoever has it alone (`&mut self`), from any thread.
unsafe impl Send for Ring {}
