//! libFuzzer feeds `tests/it/corpus/script_text.rs`.
#![no_main]

#[path = "../../tests/it/corpus/script_text.rs"]
mod script_text;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| script_text::check(bytes));
