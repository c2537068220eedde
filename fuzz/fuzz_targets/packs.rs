//! libFuzzer feeds `tests/it/corpus/packs.rs`.
#![no_main]

#[path = "../../tests/it/corpus/packs.rs"]
mod packs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| packs::check(bytes));
