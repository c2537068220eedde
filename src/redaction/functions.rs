//! Redaction of the names of functions that were made at run time.

use super::names::{path, text};

/// The kinds of functions that V8 makes of a script. They precede a colon.
const V8_KINDS: [&str; 7] = ["Eval", "Function", "InlineCache", "JS", "LazyCompile", "RegExp", "Script"];
/// File name extensions of scripts.
const SCRIPT_EXTENSIONS: [&str; 14] =
    ["cjs", "coffee", "jl", "js", "jsx", "lua", "mjs", "php", "pl", "py", "rb", "tcl", "ts", "tsx"];

/// The replacement for the name of a function that was made at run time.
///
/// V8 and Python write the path of the script into the name, in a known form: the path is replaced.
/// In any other name everything from the start of a path or a script on is replaced.
pub fn function(name: &str) -> String {
    if let Some((function, script)) = name.strip_prefix("py::").and_then(|rest| rest.split_once(':')) {
        return format!("py::{function}:{}", path(script, false));
    }
    match name.split_once(':').filter(|(kind, _)| V8_KINDS.contains(kind)) {
        Some((kind, rest)) => format!("{kind}:{}", redact_v8(kind, rest)),
        None => redact_unknown(name),
    }
}

/// The replacement for the part of a V8 name after its kind, such as `*run /srv/app/x.js:12:3`: a
/// mark, the function, a space, and the position in the script.
fn redact_v8(kind: &str, rest: &str) -> String {
    let (name, position) = split_position(rest);
    if kind == "RegExp" {
        return text(rest);
    }
    let (function, script) = match name.split_once(char::is_whitespace) {
        Some((function, script)) => (format!("{function} "), script),
        // Without a space the rest is either the function or the script.
        None if position.is_empty() && !name.contains(['/', '\\', '.']) => return rest.to_owned(),
        None => (String::new(), name),
    };
    match script {
        script if is_node_script(script) => rest.to_owned(),
        script => format!("{function}{}{position}", path(script, false)),
    }
}

/// The replacement for a name in any other form.
fn redact_unknown(whole: &str) -> String {
    let (name, position) = split_position(whole.trim_end_matches(')'));
    let is_before = |c: char| c.is_whitespace() || ":(=@".contains(c);
    let start_of_word = |at: usize| name[..at].rfind(is_before).map_or(0, |before| before + 1);
    let start = match name.find(['/', '\\']) {
        Some(slash) if is_in_function_name(name, slash) => return whole.to_owned(),
        Some(slash) => start_of_word(slash),
        None if has_script_extension(name) => start_of_word(name.len()),
        None => return whole.to_owned(),
    };
    let (before, script) = name.split_at(start);
    format!("{before}{}{position}{}", path(script, false), &whole[name.len() + position.len()..])
}

/// Whether a name ends as the file name of a script does.
fn has_script_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| SCRIPT_EXTENSIONS.contains(&extension))
}

/// Splits the line and column off a name: `:12:3`.
fn split_position(name: &str) -> (&str, &str) {
    let text = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':');
    let digits = &name[text.len()..];
    match digits.find(':') {
        Some(colon) => name.split_at(text.len() + colon),
        None => (name, ""),
    }
}

/// Whether a script is one of Node's own files: `node:internal/modules/cjs/loader`.
fn is_node_script(script: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"/_-".contains(&byte);
    script.strip_prefix("node:").is_some_and(|script| script.bytes().all(is_plain))
}

/// Whether the slash is part of the function's name, and not of a path. It may be in a class as the
/// JVM spells it, `Ljava/util/HashMap;`; in a class that the JVM made,
/// `Lambda$14/0x0000000800c03000`; before the number of arguments in Erlang, `lists:map/2`; or it
/// is an operator.
fn is_in_function_name(text: &str, slash: usize) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_$.".contains(c);
    let (before, after) = text.split_at(slash);
    let start = before.rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1);
    let word = before.get(start..).unwrap_or_default();
    let rest = &after[1..];
    let number = rest.strip_prefix("0x").unwrap_or_default();
    let digits = number.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(number.len());
    let is_made = digits >= 8 && !number.contains(['/', '\\']) && word.contains('$') && word.contains('.');
    let end = rest.find(';').map(|end| &rest[..end]);
    let is_spelled = word.len() > 1
        && word.starts_with('L')
        && end.is_some_and(|class| class.chars().all(|c| is_word(c) || c == '/'));
    let is_count = !word.is_empty() && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    is_made || is_spelled || is_count || word == "operator" && !rest.contains(['/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_in_the_names_of_functions() {
        let x = path("/srv/app/x.js", false);
        for (name, redacted) in [
            ("LazyCompile:*run /srv/app/x.js:12:3", format!("LazyCompile:*run {x}:12:3")),
            ("py::main:/srv/app/x.js", format!("py::main:{x}")),
            (
                "JS:*get size /srv/app/x.js:12:3",
                format!("JS:*get {}:12:3", path("size /srv/app/x.js", false)),
            ),
            ("a file:///srv/app/x.mjs:1:2", format!("a file:{}:1:2", path("///srv/app/x.mjs", false))),
            ("hot (/srv/app/x.js:3)", format!("hot ({x}:3)")),
            ("JS:~r ../lib/y.js:4", format!("JS:~r {}:4", path("../lib/y.js", false))),
        ] {
            assert_eq!(function(name), redacted);
        }
        for other in [
            "py::visit_node:/srv/SECRET/x.py",
            "py::f:/srv/my SECRET dir/x.py",
            "py::f:SECRET.py",
            "py::unode:/srv/SECRET/0x.py",
            "LazyCompile:~f /srv/app/0xSECRET.js:1:2",
            "JS:~f /srv/a/0x0123456789/SECRET.js",
            "JS:*hot /srv/dir/SECRET app.js:1:13",
            "JS:*hot /srv/x,SECRET.js:1:13",
            "JS:*hot /srv/app;SECRET.js:1",
            "JS:*hot /srv/\"SECRET\".js",
            "JS:*hot /srv/a:SECRET.js",
            "LazyCompile:~f SECRET.js:1:2",
            "LazyCompile:~f C:\\Users\\SECRET\\x.js:1:2",
            "[JIT] Foo#bar (/srv/a/SECRET:b.rb:12)",
            "JS:~f node:SECRET/../../srv/x.js",
            "L/srv/SECRET;x",
            "JS:*hotf my SECRET dir/app.js:1:30",
            "JS:*hotf my SECRET app.js:1:30",
            "RegExp:SECRET(a|b)+c$",
            "TRACE_1::SECRET.lua:12",
            "[JIT] hot@SECRET.rb:3",
            "Object#hot (SECRET.rb:3)",
            "Ion: f (SECRET.js:3:4)",
            "Interpreter: f (file:SECRET.js:1)",
            "PHP::f SECRET.php:3",
            "JIT_X SECRET.js",
            "JS:~SECRET.js:1:1",
            "Script:~SECRET.js:1:1",
            "InlineCache:SECRET.js:1",
            "JS:~f\tSECRET.js:1:1",
            "JS:*f /srv/SECRET/my node:x",
            "JS:~f Library/SECRET;x.js:1:1",
            "JS:~f lib$a/0x12345678SECRET.js:1:1",
        ] {
            assert!(!function(other).contains("SECRET"), "{}", function(other));
        }
        for kept in [
            "LazyCompile:~load node:internal/modules/cjs/loader:1105:10",
            "Ljava/util/HashMap;::put",
            "[Ljava/lang/String;::clone",
            "java.lang.invoke.LambdaForm$MH/0x0000000800c03000::invoke",
            "app.Main$$Lambda$14/0x0000000800c03000.run(Object)",
            "void java.util.HashMap::put(Object)",
            "Builtin:ArrayPrototypePush",
            "JS:*hot",
            "$lists:map/2",
            "Vec::operator/(Vec, Vec)",
            "größe",
        ] {
            assert_eq!(function(kept), kept);
        }
    }
}
