//! libFuzzer feeds `tests/it/corpus/walk.rs`.
#![no_main]

#[path = "../../tests/it/corpus/walk.rs"]
mod walk;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| walk::check(bytes));
