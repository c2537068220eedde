//! Writes real perf.data files (file mode), described by method calls, and a small kernel symbol
//! table to go with them.
//!
//! ```ignore
//! let mut kernel = Kernel::new();
//! let bytes = Builder::new()
//!     .os_release("4.9.0-8-amd64")
//!     .kernel_map(&kernel) // before the first `at`: a record made up by perf, without time
//!     .comm((42, 42), "nginx")
//!     .at(11, 1_000_000) // CPU, ns: from here on every record carries them
//!     .sample(Sample::new((42, 42)).kernel(&kernel.stack("sys_read;vfs_read")).user(&[0x401000]))
//!     .build();
//! ```
//!
//! Everything is little endian. All stacks are given root first, as the program's own model has
//! them; the file holds them leaf first, with context markers. Sources, cited below by their last
//! part: `include/uapi/linux/perf_event.h`, `tools/perf/Documentation/perf.data-file-format.txt`,
//! and `header.c`, `header.h`, `build-id.c` and `synthetic-events.c` in `tools/perf/util`.

mod bytes;
mod constants;
mod event;
mod features;
mod file;
mod kernel;
mod mmap;
mod origin;
mod records;
mod sample;

pub use constants::{context, feature, flag, misc, read_format, record, sample_type};
pub use event::Event;
pub use file::Builder;
pub use kernel::Kernel;
pub use mmap::Mmap;
pub use origin::Task;
pub use sample::Sample;
