//! libFuzzer feeds `tests/it/corpus/log_times.rs`.
#![no_main]

#[path = "../../tests/it/corpus/log_times.rs"]
mod log_times;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| log_times::check(bytes));
