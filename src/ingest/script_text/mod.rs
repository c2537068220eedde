//! The text that `perf script` prints, as records: read once from front to back, without copying.
//!
//! How perf prints each part: `perf_sample__fprintf_start` and `process_event` in
//! tools/perf/builtin-script.c (`print_sample_start` up to 4.14, which also printed the event's
//! name before side-band records); frames in `sample__fprintf_callchain` of
//! tools/perf/util/evsel_fprintf.c. The fields are in this order. All but the time are printed only
//! by default or if `-F` asks for them:
//!
//! ```text
//! COMM PID/TID [CPU] MISC TOD SECONDS.FRACTION: PERIOD EVENT: REST
//! <tab>ADDRESS SYMBOL+0xOFFSET (DSO)
//!   FILE:LINE
//! <empty line>
//! ```
//!
//! - PID/TID may be only one of both. FRACTION has 6 or 9 digits.
//! - The second line is a frame. The innermost comes first; an inlined one ends in ` (inlined)`.
//! - FILE:LINE stands after each frame with `-F +srcline`.
//!
//! A sample without a call chain has its only frame as REST, and no empty line after it. Before the
//! frame a tracepoint has its fields, in the words of its TP_printk (include/trace/events), or of a
//! plugin of libtraceevent.
//!
//! perf up to 3.2 prints neither CPU nor time by default: `COMM TID EVENT:`. What editors,
//! terminals and mail programs do to these lines, and perf's own messages between them, is in
//! `lines`.

mod blocks;
mod detect;
mod frames;
mod header;
mod lines;
mod messages;
mod near;
mod numbers;
mod scanner;
mod switches;
mod traces;

pub use blocks::{Before, Block, Blocks, ScriptSample, line_number};
pub use detect::{HEAD, is_script};
pub use frames::{ScriptFrame, StackLine, only_frame, stack_line};
pub use header::{ScriptHeader, parse_task};
pub use lines::{BlockEnd, ForeignLines, is_module};
pub use near::block_near;
pub use numbers::number;
pub use switches::read_switch;
pub use traces::{PrintedThread, PrintedTrace, read_trace};
