//! libFuzzer feeds `tests/it/corpus/jitdump.rs`.
#![no_main]

#[path = "../../tests/it/corpus/jitdump.rs"]
mod jitdump;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jitdump::check(bytes));
