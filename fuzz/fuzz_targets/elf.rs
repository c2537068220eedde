//! libFuzzer feeds `checks/elf.rs`.
#![no_main]

#[path = "../checks/elf.rs"]
mod elf;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| elf::check(bytes));
