//! Records with wrong sizes and wrong bytes.

use std::fs;

use crate::support::Dice;
use crate::support::builder::record;
use crate::support::forms::{BUFFER, framed, framed_packed, user_record};
use stallgraph::load;

use super::recordings::{collapse, diagnostic, ends, load_bytes, samples};

#[test]
fn damage_in_a_compressed_record_costs_what_follows_and_no_more() {
    let mut apart = samples(3000);
    apart.note_compression(BUFFER);
    let whole = apart.packed(user_record::COMPRESSED);
    let bytes = apart.file(&whole);
    let start = (0..bytes.len()).find(|at| bytes[*at..].starts_with(&whole)).expect("the data");
    // The magic of the zstd frame; in the second piece the header of a block (a type that does not
    // exist), and the size.
    let second = start + usize::from(u16::from_le_bytes(bytes[start + 6..start + 8].try_into().unwrap())) + 8;
    for (at, least, most) in [(start + 8, 0, 0), (second + 8, 400, 2000), (second + 6, 400, 2000)] {
        let mut damaged = bytes.clone();
        damaged[at..at + 2].fill(if at == second + 8 { 0xff } else { 0 });
        let loaded = load_bytes(&damaged).expect("what is there");
        assert!((least..=most).contains(&loaded.tally.samples), "{at}: {}", loaded.tally.samples);
        let place = if at == start + 8 { start } else { second };
        let said = [diagnostic(&loaded, "compression"), diagnostic(&loaded, "damaged")].concat();
        assert!(said.contains(&format!("at byte {place}: ")), "{at}: {said}");
        let unread = (start + whole.len() - place) as u64;
        assert!(said.contains(&format!("{unread} of {} bytes", whole.len())), "{at}: {said}");
        assert_eq!(loaded.tally.unread_bytes, unread);
    }
}

#[test]
fn a_bad_size_in_the_middle_is_told_with_its_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("perf.data");
    let apart = samples(100);
    let mut bytes = apart.file(&apart.data);
    let (end, before) = ends(&apart)[60];
    let data_start = bytes.len() - apart.data.len();
    for size in [0u16, 7] {
        bytes[data_start + end + 6..data_start + end + 8].copy_from_slice(&size.to_le_bytes());
        fs::write(&path, &bytes).expect("it can be written to");
        let run = collapse(&path, &[]);
        assert_eq!((run.code, run.stdout.lines().count() as u64), (Some(3), before), "{}", run.stderr);
        let unread = apart.data.len() - end;
        for words in [
            format!("impossible size at byte {}", data_start + end),
            format!("{unread} of {} bytes of records are unread", apart.data.len()),
        ] {
            assert!(run.stderr.contains(&words), "{}", run.stderr);
        }
    }
}

/// perf of kernel 6.16 rounds the size of such a record up to 65536, which does not fit its 16
/// bits.
#[test]
fn a_compressed_record_whose_size_overflowed_is_unpacked() {
    // Noise does not compress, so the compressed length can be chosen.
    let mut apart = samples(10);
    apart.note_compression(1 << 20);
    let filler = Dice::new(0x2545_f491_4f6c_dd1d).bytes(65_480);
    let raw = [framed(100, &filler), apart.data.clone()].concat();
    let packed = (0..200).find_map(|less: usize| {
        let raw = [framed(100, &filler[..filler.len() - less * 8]), apart.data.clone()].concat();
        let packed = zstd::encode_all(raw.as_slice(), 1).expect("it packs");
        (65_513..=65_519).contains(&packed.len()).then_some(packed)
    });
    let packed = packed.unwrap_or_else(|| panic!("a length that overflows, from {} bytes", raw.len()));
    let mut record = user_record::COMPRESSED2.to_le_bytes().to_vec();
    record.extend([0, 0, 0, 0]);
    record.extend((packed.len() as u64).to_le_bytes());
    record.extend([packed, framed(record::FINISHED_ROUND, &[])].concat());
    let loaded = load_bytes(&apart.file(&record)).expect("a recording");
    assert_eq!((loaded.tally.samples, loaded.tally.unread_bytes), (10, 0), "{:?}", loaded.diagnostics);
}

/// Random bytes in place of real ones, in every form: nothing panics, and each record is accounted
/// for.
#[test]
fn no_flipped_byte_in_any_form_makes_it_panic() {
    let mut apart = samples(400);
    let mut dice = Dice::new(0x5eed_0003);
    apart.note_compression(BUFFER);
    for bytes in [
        apart.stream(&apart.data),
        apart.file(&apart.packed(user_record::COMPRESSED)),
        apart.stream(&apart.packed(user_record::COMPRESSED2)),
    ] {
        for _ in 0..1500 {
            let mut damaged = bytes.clone();
            for _ in 0..=dice.below(3) {
                let at = dice.below(damaged.len());
                damaged[at] ^= (dice.below(255) + 1) as u8;
            }
            damaged.truncate(dice.below(2 * damaged.len()) + 1);
            let Ok(loaded) = load_bytes(&damaged) else { continue };
            let tally = &loaded.tally;
            assert_eq!(tally.records, tally.accounted(), "a record got lost");
            assert!(tally.unread_bytes <= tally.data_bytes);
        }
    }
}

/// Without the bit in its header a finished file is not compressed; and what was decompressed is
/// not decompressed again.
#[test]
fn compressed_records_where_none_may_be_are_told() {
    let apart = samples(50);
    let inner =
        framed_packed(user_record::COMPRESSED, &zstd::encode_all(&apart.data[..], 1).expect("it packs"));
    let nested = framed_packed(user_record::COMPRESSED, &zstd::encode_all(&inner[..], 1).expect("it packs"));
    let mut noted = apart.clone();
    noted.note_compression(BUFFER);
    for (what, bytes) in [("no bit", apart.file(&inner)), ("nested", noted.file(&nested))] {
        let loaded = load_bytes(&bytes).expect("a recording");
        assert_eq!(loaded.tally.samples, 0, "{what}");
        assert!(diagnostic(&loaded, "compression").contains("1 compressed records are where none"), "{what}");
        assert!(load::require_stacks(&loaded).is_err(), "{what}");
    }
}
