//! Ingest: from bytes to records, in one pass over the bytes.
//!
//! The task and the stack of a sample depend on side-band records that may come later in the file.
//! So samples and side band are both passed on unresolved, and `state` combines them.
//!
//! | file | reads |
//! | --- | --- |
//! | `input` | files, directories and streams |
//! | `magic` | the first bytes of a file, to say what it is |
//! | `header`, `attributes`, `features`, `stream` | what a recording says about itself |
//! | `event_names`, `measure` | what an event is called, and what its samples show |
//! | `unpack` | compressed records |
//! | `source`, `parallel`, `walk_result` | all records, several parts at the same time |
//! | `records`, `sample_id`, `side_band`, `user_chains` | records that are not samples |
//! | `between` | text between records |
//! | `sample`, `user_part`, `off_cpu`, `event_finder`, `sample_reader` | samples |
//! | `tracing_data`, `tracepoint` | events |
//! | `script_text` | the text of perf script |
//! | `log_times` | times in logs |
//! | `redact` | a recording, to write it without names |
//! | `cursor` | single numbers and strings, for the others |

mod attributes;
mod between;
mod cursor;
mod event_finder;
mod event_names;
mod features;
mod header;
mod input;
pub mod log_times;
mod magic;
mod measure;
mod off_cpu;
mod parallel;
mod records;
#[cfg(feature = "pack")]
mod redact;
mod sample;
mod sample_id;
mod sample_reader;
mod script_text;
mod side_band;
mod source;
mod stream;
mod tracepoint;
mod tracing_data;
mod unpack;
mod user_chains;
mod user_part;
mod walk_result;

pub use attributes::{Attribute, CoreEvent};
pub use cursor::{ByteOrder, whole_text};
pub use event_finder::{EventFinder, RecentIds};
pub use features::Features;
pub use header::Header;
pub use input::{Input, InputFile, Memory, looks_like_recording, open};
pub use magic::is_recording;
pub use measure::{Measure, is_off_cpu};
pub use parallel::part_count;
pub use records::{COMPRESSED, COMPRESSED2, Record, Stop, Walk};
#[cfg(feature = "pack")]
pub use redact::Redacted;
pub use sample::{RawSample, SampleLayout, tell_cpus};
pub use sample_reader::{Collect, SampleReader};
pub use script_text::{
    Before, Block, BlockEnd, Blocks, ForeignLines, PrintedThread, PrintedTrace, ScriptFrame, ScriptHeader,
    ScriptSample, StackLine, block_near, is_module, is_script, line_number, number, only_frame, parse_task,
    read_switch, read_trace, stack_line,
};
pub use side_band::{Change, Map, RecordTime, SideBand};
pub use source::{Source, read};
pub use tracepoint::{RawSwitch, RawTrace, TraceReader};
pub use tracing_data::{Formats, formats};
pub use unpack::Damage;
pub use user_chains::{CALLCHAIN_DEFERRED, UserChains, deferred};
pub use user_part::{UserCalls, UserDump, UserPart};
pub use walk_result::WalkResult;
