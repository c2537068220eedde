//! The header with attributes and features: any bytes behind the magic of either byte order.

use stallgraph::internals::{EventFinder, Header, SampleLayout};

/// Panics if something does not hold for these bytes.
pub fn check(bytes: &[u8]) {
    for magic in [b"PERFILE2", b"2ELIFREP"] {
        let file = [magic, bytes].concat();
        let Ok(header) = Header::parse(&file, "fuzzed".as_ref()) else { continue };
        assert!(header.data_start <= header.data_end && header.data_end <= file.len());
        assert!(!header.attributes.is_empty());
        // What is kept comes from the bytes of the file. A hostile count could claim the same bytes
        // many times.
        let ids: usize = header.attributes.iter().map(|attribute| attribute.ids.len()).sum();
        let names: usize = header.features.command.iter().map(String::len).sum();
        assert!(ids.max(names / 4).max(header.attributes.len()) <= file.len() * 64, "{ids} {names}");
        for attribute in &header.attributes {
            attribute.display_name();
            SampleLayout::new(attribute);
        }
        let _ = EventFinder::new(&header.attributes);
    }
}
