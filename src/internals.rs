//! What benches, fuzz targets and tests of this crate need of its inside. None of it is part of the
//! public interface: it changes without notice.

// Analyses that others are built on, tested by themselves.
pub use crate::analyses::calls::find as find_calls;
pub use crate::analyses::contexts::Contexts;
pub use crate::analyses::spans::{Span, SpanKind, Spans};
// The parsers of a perf.data, which fuzz targets and benches feed with bytes.
pub use crate::ingest::{
    Attribute, ByteOrder, Collect, EventFinder, Features, Header, InputFile, RawSample, RawSwitch, RawTrace,
    Record, SampleLayout, Source, TraceReader, Walk, read,
};
// The parser of logs, which a fuzz target feeds with bytes instead of a file.
pub use crate::ingest::log_times::parse as parse_log;
// Redaction of records, whose result a fuzz target reads again.
#[cfg(feature = "pack")]
pub use crate::ingest::Redacted;
// What names mean, for recordings that tests make by hand.
pub use crate::kernel::{system_call_by_number, system_call_role, task_kind};
pub use crate::load::meanings::function;
// The parsers of files with symbols, for fuzz targets.
pub use crate::symbols::{
    Elf, FileSymbol, Jitdump, Kallsyms, PerfMap, PltStub, SymbolTable, WantedAddress, unpack_debug_data,
};
