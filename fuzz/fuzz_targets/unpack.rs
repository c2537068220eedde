//! libFuzzer feeds `checks/unpack.rs`.
#![no_main]

#[path = "../checks/unpack.rs"]
mod unpack;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| unpack::check(bytes));
