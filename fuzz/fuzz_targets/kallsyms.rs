//! libFuzzer feeds `tests/it/corpus/kallsyms.rs`.
#![no_main]

#[path = "../../tests/it/corpus/kallsyms.rs"]
mod kallsyms;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kallsyms::check(bytes));
