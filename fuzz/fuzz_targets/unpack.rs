//! libFuzzer feeds `tests/it/corpus/unpack.rs`.
#![no_main]

#[path = "../../tests/it/corpus/unpack.rs"]
mod unpack;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| unpack::check(bytes));
