//! Compressed records: what was packed comes out again, in pieces of any size. Any bytes in place
//! of packed ones stay within the budget.

use stallgraph::internals::{InputFile, Walk, read};

const BUDGET: u64 = 1 << 20;

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    let Some((&size, bytes)) = bytes.split_first() else { return };
    let piece = usize::from(size) + 1;

    let records: Vec<u8> = bytes.chunks(40).flat_map(|chunk| framed(9, chunk)).collect();
    let packed = zstd::encode_all(records.as_slice(), 1).expect("it packs");
    let file = stream(packed.chunks(piece));
    let (header, unpacked) = read(&[InputFile::whole(&file)], "fuzzed".as_ref(), BUDGET).expect("a header");
    if records.len() as u64 > BUDGET / 2 {
        return;
    }
    let records_again: Vec<u8> = Walk::new(&unpacked.data, header.order)
        .filter(|record| record.kind == 9)
        .flat_map(|record| framed(9, record.body))
        .collect();
    assert!(unpacked.damage.is_empty() && records_again == records);

    let file = stream(bytes.chunks(piece));
    let (_, unpacked) = read(&[InputFile::whole(&file)], "fuzzed".as_ref(), BUDGET).expect("a header");
    assert!(unpacked.data.len() as u64 <= BUDGET.max(file.len() as u64));
}

/// A recording from a pipe: one event, then compressed records with these pieces.
fn stream<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut file = [b"PERFILE2".as_slice(), &16u64.to_le_bytes()].concat();
    let mut attribute = [0; 64];
    attribute[4] = 64;
    file.extend(framed(64, &attribute));
    file.extend(pieces.flat_map(|piece| framed(81, piece)));
    file
}

fn framed(kind: u32, body: &[u8]) -> Vec<u8> {
    let size = (8 + body.len()) as u16;
    [kind.to_le_bytes().as_slice(), &[0, 0], &size.to_le_bytes(), body].concat()
}
