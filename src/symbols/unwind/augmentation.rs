//! Letters in `.eh_frame` that the library which reads it does not know.

/// Bytes of an entry before its augmentation string: its length, what kind it is, and the version.
const BEFORE: usize = 9;

/// Takes letters without data out of the augmentation strings of `.eh_frame`: `B`, where return
/// addresses are signed with the second key of ARM, and `G`, where frames have tags. What follows
/// in the entry with the string moves up, and the entry ends with instructions that do nothing.
pub fn take_out_flags(section: &mut [u8]) {
    let mut rest = section;
    while let Some((length, _)) = rest.split_first_chunk() {
        // No section here is as long as an entry that needs the form with 64 bits.
        let end = (u32::from_le_bytes(*length) as usize).saturating_add(4);
        let Some((entry, next)) = rest.split_at_mut_checked(end) else { return };
        let is_cie = entry.get(4..).and_then(|id| id.first_chunk()) == Some(&[0; 4]);
        if is_cie && let Some(entry) = entry.get_mut(BEFORE..) {
            take_out_of(entry);
        }
        rest = next;
    }
}

/// The same of one entry, from its augmentation string on.
fn take_out_of(entry: &mut [u8]) {
    let is_flag = |letter: &u8| matches!(letter, b'B' | b'G');
    let letters = entry.iter().position(|letter| *letter == 0).unwrap_or(0);
    let mut to = 0;
    for from in 0..entry.len() {
        if from >= letters || !is_flag(&entry[from]) {
            entry[to] = entry[from];
            to += 1;
        }
    }
    entry[to..].fill(0);
}

#[cfg(test)]
mod tests {
    use super::take_out_flags;

    fn entry(id: u32, rest: &[u8]) -> Vec<u8> {
        let length = u32::try_from(4 + rest.len()).expect("short");
        [&length.to_le_bytes(), &id.to_le_bytes(), rest].concat()
    }

    #[test]
    fn letters_without_data_are_taken_out() {
        let others = [entry(0, b"\x01zR\0BG"), entry(9, b"\x01zRB\0x"), entry(0, b"\x01zRBB")].concat();
        let mut section = [entry(0, b"\x01zRB\0abcB"), others.clone(), entry(0, b"\x01BG\0ab")].concat();
        take_out_flags(&mut section);
        let expected = [entry(0, b"\x01zR\0abcB\0"), others, entry(0, b"\x01\0ab\0\0")].concat();
        assert_eq!(section, expected);
        // What is cut short stays as it is.
        for length in 0..13 {
            let mut cut = entry(0, b"\x01zRB\0abcB");
            cut.truncate(length);
            let before = cut.clone();
            take_out_flags(&mut cut);
            assert_eq!(cut, before);
        }
    }
}
