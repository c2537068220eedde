//! libFuzzer feeds `checks/jitdump.rs`.
#![no_main]

#[path = "../checks/jitdump.rs"]
mod jitdump;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jitdump::check(bytes));
