//! libFuzzer feeds `tests/it/corpus/elf.rs`.
#![no_main]

#[path = "../../tests/it/corpus/elf.rs"]
mod elf;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| elf::check(bytes));
