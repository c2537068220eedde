//! libFuzzer feeds `tests/it/corpus/stream.rs`.
#![no_main]

#[path = "../../tests/it/corpus/stream.rs"]
mod stream;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stream::check(bytes));
