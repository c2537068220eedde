//! libFuzzer feeds `tests/it/corpus/tables.rs`.
#![no_main]

#[path = "../../tests/it/corpus/tables.rs"]
mod tables;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tables::check(bytes));
