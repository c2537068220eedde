//! Rust source as tokens, and the paths that it names: enough to see which file uses which.

/// The tokens of a source: identifiers and numbers, `::`, and every other character by itself.
/// Comments are left out; a literal text or character is the one token `""`.
pub fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), false)
        } else if let Some(length) = literal(rest) {
            tokens.push("\"\"");
            (length, false)
        } else if is_of_name(first) {
            (rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()), true)
        } else if rest.starts_with("::") {
            (2, true)
        } else {
            (first.len_utf8(), !first.is_whitespace())
        };
        if is_token {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the literal text or character with which `rest` begins.
fn literal(rest: &str) -> Option<usize> {
    if let Some(body) = rest.strip_prefix('\'') {
        // A lifetime has no second quote.
        let mut characters = body.char_indices();
        let (_, first) = characters.next()?;
        let closing = if first == '\\' {
            body[2..].find('\'').map(|end| end + 2)?
        } else {
            characters.next().filter(|(_, second)| *second == '\'')?.0
        };
        return Some(1 + closing + 1);
    }
    let prefix = rest.bytes().take_while(|byte| matches!(byte, b'b' | b'r')).count();
    if !matches!(&rest[..prefix], "" | "b" | "r" | "br") {
        return None;
    }
    let is_raw = rest[..prefix].ends_with('r');
    let hashes = rest[prefix..].bytes().take_while(|byte| *byte == b'#').count();
    let body = prefix + hashes + 1;
    if !rest[prefix + hashes..].starts_with('"') || (hashes > 0 && !is_raw) {
        return None;
    }
    if is_raw {
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(body + rest[body..].find(&end)? + end.len());
    }
    let mut is_escaped = false;
    let closing = rest[body..].find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })?;
    Some(body + closing + 1)
}

/// A path that a source names, such as `super::ids::NameId`.
#[derive(Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// The inline modules around it, outermost first.
    pub inside: Vec<&'a str>,
    /// Its parts. That of a glob ends in `*`.
    pub path: Vec<&'a str>,
}

/// The paths of two parts or more that these tokens name. Those of a `use` are written out: there
/// are two in `use super::{a, b}`.
pub fn paths<'a>(tokens: &[&'a str]) -> Vec<Named<'a>> {
    let mut named = Vec::new();
    let mut depth = 0;
    let mut inline: Vec<(&str, usize)> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let inside = || inline.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        match tokens[at..] {
            ["mod", name, "{", ..] => {
                depth += 1;
                inline.push((name, depth));
                at += 3;
                continue;
            }
            ["{", ..] => depth += 1,
            ["}", ..] => {
                inline.pop_if(|(_, outer)| *outer == depth);
                depth -= 1;
            }
            ["use", ..] => {
                let mut written_out = Vec::new();
                at = use_tree(tokens, at + 1, &[], &mut written_out);
                let paths = written_out.into_iter().filter(|path| path.len() > 1);
                named.extend(paths.map(|path| Named { inside: inside(), path }));
                continue;
            }
            [first, "::", ..] if first.starts_with(is_of_name) => {
                let mut path = vec![first];
                while let ["::", next, ..] = tokens[at + 1..]
                    && next.starts_with(is_of_name)
                {
                    path.push(next);
                    at += 2;
                }
                named.push(Named { inside: inside(), path });
            }
            _ => {}
        }
        at += 1;
    }
    named.retain(|named| named.path.len() > 1);
    named
}

/// Writes out the tree of a `use` that begins at the token `at`, and returns where it ends.
fn use_tree<'a>(
    tokens: &[&'a str],
    mut at: usize,
    prefix: &[&'a str],
    into: &mut Vec<Vec<&'a str>>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).copied() {
            Some("::") => at += 1,
            Some("{") => {
                at += 1;
                while tokens[at] != "}" {
                    at = use_tree(tokens, at, &path, into);
                    at += usize::from(tokens[at] == ",");
                }
                return at + 1;
            }
            Some("as") => at += 2,
            Some("self") if !path.is_empty() => at += 1,
            Some(name) if name == "*" || name.starts_with(is_of_name) => {
                path.push(name);
                at += 1;
            }
            _ => {
                into.push(path);
                return at;
            }
        }
    }
}

#[test]
fn literals_and_comments_name_nothing() {
    let source = r####"let a = "crate::b"; // crate::c
        /* crate::d */ let e = r#"crate::f" "#; let g: &'static str = '"'; let h = '\''; crate::i::j()"####;
    let tokens = tokens(source);
    let paths = paths(&tokens);
    assert_eq!(paths, [Named { inside: vec![], path: vec!["crate", "i", "j"] }], "{tokens:?}");
}

#[test]
fn a_use_is_written_out() {
    let tokens = tokens("use super::{a::{B, self}, c::*, D as E}; mod tests { use super::f; } g::h::<I>()");
    let paths: Vec<String> = paths(&tokens)
        .iter()
        .map(|named| format!("{} {}", named.inside.join("::"), named.path.join("::")))
        .collect();
    let expected = [" super::a::B", " super::a", " super::c::*", " super::D", "tests super::f", " g::h"];
    assert_eq!(paths, expected);
}
