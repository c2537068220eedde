//! `[vdso]`: code that the kernel maps into every process. There is no file of it, but this process
//! has it mapped.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// Bytes that are read; it has two to four pages.
const MAX_LENGTH: u64 = 1 << 20;

/// The `[vdso]` of this kernel, which is an ELF file.
pub fn own() -> Option<Vec<u8>> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let (start, end) = extent(&maps)?;
    let mut bytes =
        vec![0; usize::try_from(end.checked_sub(start).filter(|length| *length <= MAX_LENGTH)?).ok()?];
    File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, start).ok()?;
    Some(bytes)
}

/// First address and end of `[vdso]` in the text of `/proc/self/maps` (`START-END PERMISSIONS …`).
fn extent(maps: &str) -> Option<(u64, u64)> {
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_addresses_are_read() {
        let maps = "7f00-8000 r--p 0 00:00 0 [vvar]\n7ffd1000-7ffd3000 r-xp 00000000 00:00 0                  [vdso]\n";
        assert_eq!(extent(maps), Some((0x7ffd1000, 0x7ffd3000)));
        assert_eq!(extent("7f00-8000 r--p 0 00:00 0 [vvar]\n"), None);
    }
}
