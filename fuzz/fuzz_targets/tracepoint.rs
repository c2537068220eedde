//! libFuzzer feeds `checks/tracepoint.rs`.
#![no_main]

#[path = "../checks/tracepoint.rs"]
mod tracepoint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tracepoint::check(bytes));
