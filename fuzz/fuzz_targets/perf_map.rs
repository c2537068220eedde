//! libFuzzer feeds `checks/perf_map.rs`.
#![no_main]

#[path = "../checks/perf_map.rs"]
mod perf_map;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| perf_map::check(bytes));
