//! The allocator: the system's. Where it has no memory left, the program says so and ends with exit
//! code 2. Without this, Rust would abort.

#![expect(unsafe_code, reason = "an allocator is unsafe; this one hands each call to the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;

use signal_hook::low_level::exit;

use super::signals;

/// The system's allocator, which ends the program where it has no memory left.
pub struct Allocator;

// SAFETY: every call goes to `System` with the same arguments, and what `System` returns is
// returned unless it is null. So what the callers of these functions promise, `System` is promised,
// and what it promises they get.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Gives memory that is free back to the system, for a program that runs for months: glibc keeps it
/// where something that lives longer lies behind it.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) may be called at any time by any thread. It changes no memory that is
    // in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets large pieces of memory be given back as soon as they are free, from now on.
pub fn be_sparing() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt(3) only changes where malloc takes memory from.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 17);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null() {
        end(bytes);
    }
    memory
}

/// Ends the program, which needs so many bytes. Nothing here allocates: standard error has no
/// buffer.
#[cold]
fn end(bytes: usize) -> ! {
    let _ = writeln!(
        std::io::stderr(),
        "stallgraph: there is no memory left, {bytes} bytes are needed; allow this process more (ulimit -v, the \
         container's limit), or read less with --max-memory"
    );
    signals::remove_temporaries();
    exit(2)
}
