//! libFuzzer feeds `tests/it/corpus/header.rs`.
#![no_main]

#[path = "../../tests/it/corpus/header.rs"]
mod header;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| header::check(bytes));
