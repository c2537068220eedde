//! JSON for viewers that run in a browser. It is what serde_json writes, but without `<`: where a
//! page includes the text, no name can begin or end an element.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// Writes compact JSON whose strings hold no `<`.
struct ForPages;

impl Formatter for ForPages {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut pieces = fragment.split('<');
        out.write_all(pieces.next().unwrap_or_default().as_bytes())?;
        pieces.try_for_each(|piece| {
            out.write_all(b"\\u003c")?;
            CompactFormatter.write_string_fragment(out, piece)
        })
    }
}

/// Writes `value` as JSON.
///
/// # Errors
///
/// If `out` does not take the bytes.
pub fn write(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, ForPages)).map_err(io::Error::from)
}

/// `text` as a JSON string, with its quotes.
pub fn quoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    write(&text, &mut bytes).expect("memory takes all");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_json_and_harmless() {
        for text in
            ["", "<", "a<b<<c", "</script><script>alert(\"x\")</script>", "\\ \" \n \0 \u{1b}", "größe"]
        {
            let json = quoted(text);
            assert!(!json.contains('<'), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
