//! libFuzzer feeds `tests/it/corpus/rings.rs`.
#![no_main]

#[path = "../../tests/it/corpus/rings.rs"]
mod rings;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rings::check(bytes));
