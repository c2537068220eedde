//! libFuzzer feeds `tests/it/corpus/perf_map.rs`.
#![no_main]

#[path = "../../tests/it/corpus/perf_map.rs"]
mod perf_map;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| perf_map::check(bytes));
