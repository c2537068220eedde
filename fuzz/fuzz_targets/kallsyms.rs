//! libFuzzer feeds `checks/kallsyms.rs`.
#![no_main]

#[path = "../checks/kallsyms.rs"]
mod kallsyms;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kallsyms::check(bytes));
