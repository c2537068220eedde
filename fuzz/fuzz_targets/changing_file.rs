//! libFuzzer feeds `tests/it/corpus/changing_file.rs`. Run it with `-detect_leaks=0`: what the C
//! library keeps for a thread that is just ending (`__cxa_thread_atexit_impl`) looks like a leak.
#![no_main]

#[path = "../../tests/it/corpus/changing_file.rs"]
mod changing_file;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| changing_file::check(bytes));
