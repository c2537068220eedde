//! libFuzzer feeds `tests/it/corpus/tracepoint.rs`.
#![no_main]

#[path = "../../tests/it/corpus/tracepoint.rs"]
mod tracepoint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tracepoint::check(bytes));
