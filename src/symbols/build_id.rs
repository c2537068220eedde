//! How build ids are spelled in paths and messages.

/// A build id in hexadecimal digits.
pub fn hex(build_id: &[u8]) -> String {
    build_id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder and file that are named after a build id: `xx/yyyy`.
pub fn split_hex(build_id: &[u8]) -> Option<String> {
    let (first, rest) = build_id.split_at_checked(1)?;
    Some(format!("{}/{}", hex(first), hex(rest)))
}

/// The forms under which perf may have stored a build id. If it does not know the length, it pads
/// the build id with zeros to 20 bytes and names the folder after the padded id.
pub fn forms(build_id: &[u8]) -> impl Iterator<Item = &[u8]> {
    let unpadded = build_id.split_at_checked(16).filter(|(_, padding)| padding.iter().all(|byte| *byte == 0));
    std::iter::once(build_id).chain(unpadded.map(|(id, _)| id))
}
