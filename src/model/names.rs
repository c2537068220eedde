//! Names: strings from files, each made safe to print and stored once.

use std::borrow::Cow;

use indexmap::IndexSet;

use super::ids::NameId;

/// The interned names of a recording. All of them are safe to print: see [`clean`].
#[derive(Debug, Default)]
pub struct Names {
    /// Keys come from the file: a hasher with a seed, so that nobody can choose them to collide.
    set: IndexSet<Box<str>, hashbrown::DefaultHashBuilder>,
}

impl Names {
    /// The id of `name`, after [`clean`].
    pub fn intern(&mut self, name: &str) -> NameId {
        let name = clean(name);
        let index = match self.set.get_index_of(name.as_ref()) {
            Some(index) => index,
            None => self.set.insert_full(name.into()).0,
        };
        NameId::from_index(index)
    }

    /// Adds all names of `next`, in their order. Returns for each of its ids the one here.
    pub(crate) fn join(&mut self, next: Names) -> Vec<NameId> {
        next.set.into_iter().map(|name| NameId::from_index(self.set.insert_full(name).0)).collect()
    }

    /// The name with this id.
    pub fn get(&self, id: NameId) -> &str {
        &self.set[id.index()]
    }
}

/// The longest name that is kept, in bytes: more than any compiler, path or comm needs, and few
/// enough to print a million times.
const LONGEST: usize = 4096;

/// Makes a string from a file safe to print: in a terminal, in a pipe and in XML.
///
/// These become `?`: control characters, line and paragraph separators, marks that change the
/// direction of text or are invisible, and characters that XML forbids (U+FFFE and U+FFFF: XML 1.0,
/// section 2.2). A string longer than any real name is cut.
pub fn clean(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST && name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(name);
    }
    let kept = match name.char_indices().find(|(at, _)| *at >= LONGEST) {
        Some((end, _)) => &name[..end],
        None => name,
    };
    let mut text: String = kept.chars().map(|c| if is_harmful(c) { '?' } else { c }).collect();
    if kept.len() < name.len() {
        text.push_str("...");
    }
    Cow::Owned(text)
}

/// A name that somebody on the recorded machine chose: a comm, a control group, a device. It is in
/// quotes if it holds what separates the words and cells of a report, or could be taken for one of
/// its words, so that no process can write a line of a report: `"none; nginx"`.
pub fn chosen(name: &str) -> Cow<'_, str> {
    const WORDS: [&str; 6] = ["", "-", "none", "softirq", "interrupt", "interrupts"];
    let separates = |c: char| c.is_whitespace() || matches!(c, ';' | ',' | ':' | '=' | '%' | '"');
    // Colons are common in comms (`kworker/0:1`): only one at the end makes a heading of a word.
    let is_separator = |(at, c): (usize, char)| separates(c) && (c != ':' || at + 1 == name.len());
    match WORDS.contains(&name) || name.char_indices().any(is_separator) {
        true => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")).into(),
        false => name.into(),
    }
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_replaced() {
        assert_eq!(clean("a\x1b[2Jb\nc\0"), "a?[2Jb?c?");
        assert_eq!(clean("x\u{202e}y\u{2066}\u{9b}z"), "x?y??z");
        assert_eq!(clean("a\u{fffe}b\u{ffff}\u{fffd}"), "a?b?\u{fffd}");
        assert_eq!(clean("größe μs 日本"), "größe μs 日本");
    }

    #[test]
    fn what_is_longer_than_any_name_is_cut() {
        assert_eq!(clean(&"é".repeat(100_000)).len(), LONGEST + 3);
        assert_eq!(clean(&"e".repeat(LONGEST)).len(), LONGEST);
    }

    #[test]
    fn equal_names_share_an_id() {
        let mut names = Names::default();
        let first = names.intern("read");
        assert_eq!(names.intern("read"), first);
        assert_ne!(names.intern("write"), first);
        assert_eq!(names.get(first), "read");
    }

    #[test]
    fn names_that_look_like_a_report_are_in_quotes() {
        for plain in ["node_exporter", "kworker/0:1-ev", ":123", "(sd-pam)", "bash", "a.b", "-bash", "none2"]
        {
            assert_eq!(chosen(plain), plain);
        }
        for (name, quoted) in [
            ("none; nginx 62%", r#""none; nginx 62%""#),
            ("none", r#""none""#),
            ("-", r#""-""#),
            ("", r#""""#),
            ("softirq", r#""softirq""#),
            ("Web Content", r#""Web Content""#),
            ("a,b", r#""a,b""#),
            ("a=b", r#""a=b""#),
            ("culprit:", r#""culprit:""#),
            (r#"a" b"#, r#""a\" b""#),
            (r"a\ b", r#""a\\ b""#),
        ] {
            assert_eq!(chosen(name), quoted, "{name}");
        }
    }
}
