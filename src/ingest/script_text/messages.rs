//! Messages of perf within its text, where its standard error went to the same place.

use memchr::memmem;

/// How the lines begin that perf, or a library that it uses, prints about a file that it cannot
/// read (`map__load`, tools/perf/util/map.c), and its warnings.
const MESSAGES: [&[u8]; 7] = [
    b"Failed to open ",
    b"no symbols found in ",
    b"Warning:",
    b"WARNING:",
    b"[ perf ",
    b"BFD: ",
    b"addr2line",
];
/// How some of them end.
const MESSAGE_END: &[u8] = b", continuing without symbols";

/// Whether a line is a message of perf.
pub(super) fn is_message(text: &[u8]) -> bool {
    MESSAGES.iter().any(|begin| text.starts_with(begin)) || text.ends_with(MESSAGE_END)
}

/// Whether a message of perf begins within a line, so that the line goes on after it.
pub(super) fn has_message_inside(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    // `[nf_nat] with build id 5a20… not found, continuing without symbols` begins with the file.
    const FILES: [&[u8]; 2] = [b"[", b"/"];
    let begins = MESSAGES.iter().chain(&FILES).any(|begin| text.starts_with(begin));
    !begins
        && (text.ends_with(MESSAGE_END) || MESSAGES.iter().any(|begin| memmem::find(text, begin).is_some()))
}
