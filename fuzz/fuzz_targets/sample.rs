//! libFuzzer feeds `tests/it/corpus/sample.rs`.
#![no_main]

#[path = "../../tests/it/corpus/sample.rs"]
mod sample;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sample::check(bytes));
