//! libFuzzer feeds `tests/it/corpus/recording.rs`.
#![no_main]

#[path = "../../tests/it/corpus/recording.rs"]
mod recording;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| recording::check(bytes));
