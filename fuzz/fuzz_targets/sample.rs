//! libFuzzer feeds `checks/sample.rs`.
#![no_main]

#[path = "../checks/sample.rs"]
mod sample;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sample::check(bytes));
