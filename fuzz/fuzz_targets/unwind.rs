//! libFuzzer feeds `tests/it/corpus/unwind.rs`.
#![no_main]

#[path = "../../tests/it/corpus/unwind.rs"]
mod unwind;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| unwind::check(bytes));
