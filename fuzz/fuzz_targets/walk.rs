//! libFuzzer feeds `checks/walk.rs`.
#![no_main]

#[path = "../checks/walk.rs"]
mod walk;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| walk::check(bytes));
