//! Inputs that fuzzing kept, checked again without a fuzzer: `testdata/corpus`, made by
//! `scripts/pack-corpus`.

use std::path::Path;

mod changing_file;
mod elf;
mod header;
mod jitdump;
mod kallsyms;
mod log_times;
mod packs;
mod perf_map;
mod recording;
mod rings;
mod sample;
mod script_text;
mod stream;
mod tables;
mod tracepoint;
mod unpack;
mod unwind;
mod walk;

/// Checks each input of a corpus, which is compressed; each input follows its length of four bytes.
fn replay(name: &str, check: fn(&[u8])) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/corpus/{name}.zst"));
    let packed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let all = zstd::decode_all(packed.as_slice()).expect("a compressed corpus");
    let mut rest = all.as_slice();
    let mut count = 0;
    while let Some((length, next)) = rest.split_first_chunk::<4>() {
        let (input, next) = next.split_at(u32::from_le_bytes(*length) as usize);
        check(input);
        rest = next;
        count += 1;
    }
    assert!(rest.is_empty() && count >= 20, "{name}: {count} inputs");
}

#[test]
fn elf_files() {
    replay("elf", elf::check);
}

#[test]
fn headers() {
    replay("header", header::check);
}

#[test]
fn walks() {
    replay("walk", walk::check);
}

#[test]
fn samples() {
    replay("sample", sample::check);
}

#[test]
fn compressed_records() {
    replay("unpack", unpack::check);
}

#[test]
fn streams() {
    replay("stream", stream::check);
}

#[test]
fn whole_recordings() {
    replay("recording", recording::check);
}

#[test]
fn rings_of_the_kernel() {
    replay("rings", rings::check);
}

#[test]
fn kallsyms_texts() {
    replay("kallsyms", kallsyms::check);
}

#[test]
fn formats_of_tracepoints() {
    replay("tracepoint", tracepoint::check);
}

#[test]
fn jitdumps() {
    replay("jitdump", jitdump::check);
}

#[test]
fn perf_map_texts() {
    replay("perf_map", perf_map::check);
}

#[test]
fn texts_of_perf_script() {
    replay("script_text", script_text::check);
}

#[test]
fn times_in_logs() {
    replay("log_times", log_times::check);
}

#[test]
fn hostile_packs() {
    replay("packs", packs::check);
}

#[test]
fn files_that_change() {
    replay("changing_file", changing_file::check);
}

#[test]
fn files_of_tables() {
    replay("tables", tables::check);
}

#[test]
fn unwinding() {
    replay("unwind", unwind::check);
}
