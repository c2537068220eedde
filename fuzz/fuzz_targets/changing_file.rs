//! libFuzzer feeds `tests/it/corpus/changing_file.rs`.
#![no_main]

#[path = "../../tests/it/corpus/changing_file.rs"]
mod changing_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| changing_file::check(bytes));
