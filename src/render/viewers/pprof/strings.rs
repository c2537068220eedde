//! The table of strings.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use crate::model::{NameId, Recording};

/// The strings of a profile. A name and another text that are equal are two strings, so that names
/// need not be kept: there may be many.
pub struct Strings<'r> {
    recording: &'r Recording,
    /// How many strings there are.
    count: u32,
    /// The indices of names.
    names: FxHashMap<NameId, u32>,
    /// The indices of other texts.
    texts: HashMap<Box<str>, u32>,
    /// The strings that are not written yet.
    new: Vec<String>,
}

impl<'r> Strings<'r> {
    /// The table with the empty string, which must be the first.
    pub fn new(recording: &'r Recording) -> Self {
        let (names, texts) = (FxHashMap::default(), HashMap::new());
        let mut strings = Strings { recording, count: 0, names, texts, new: Vec::new() };
        strings.text("");
        strings
    }

    /// The index of a text, which must be safe to print.
    pub fn text(&mut self, text: &str) -> i64 {
        if let Some(&index) = self.texts.get(text) {
            return index.into();
        }
        let index = self.add(text);
        self.texts.insert(text.into(), index);
        index.into()
    }

    /// The index of a name.
    pub fn name(&mut self, name: NameId) -> i64 {
        if let Some(&index) = self.names.get(&name) {
            return index.into();
        }
        let index = self.add(self.recording.name(name));
        self.names.insert(name, index);
        index.into()
    }

    fn add(&mut self, text: &str) -> u32 {
        self.new.push(text.to_owned());
        self.count += 1;
        self.count - 1
    }

    /// Moves those that are not written yet behind `strings`.
    pub fn take_new(&mut self, strings: &mut Vec<String>) {
        strings.append(&mut self.new);
    }
}
