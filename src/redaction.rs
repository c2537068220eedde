//! Redaction: what stands in a redacted pack in place of a comm or a path.
//!
//! The beginning of the name's SHA-256, in hexadecimal digits: the same name has the same hash in every pack, and whoever knows a name can
//! tell its hash (`printf %s NAME | sha256sum`). What the kernel itself calls its threads and its memory stays, since analyses go by it
//! and it says nothing of the machine's owner.

use sha2::{Digest, Sha256};

use crate::model::Module;

/// Digits of a hash, if there is room for them.
const DIGITS: usize = 12;

/// Threads of the kernel that have a number behind this name: of a CPU, a node, a worker, an interrupt.
const NUMBERED_THREADS: [&str; 16] = [
    "cpuhp",
    "idle_inject",
    "irq",
    "kcompactd",
    "kdamond",
    "ksoftirqd",
    "kswapd",
    "ktimers",
    "kworker",
    "migration",
    "rcub",
    "rcuc",
    "rcuog",
    "rcuop",
    "rcuos",
    "swapper",
];
/// Threads of the kernel of which there is one.
const SINGLE_THREADS: [&str; 12] = [
    "kauditd",
    "kblockd",
    "kdevtmpfs",
    "khugepaged",
    "khungtaskd",
    "ksmd",
    "kthreadd",
    "oom_reaper",
    "rcu_bh",
    "rcu_preempt",
    "rcu_sched",
    "swapper",
];

/// Names of mappings that are no files, given by the kernel (arch_vma_name, perf_event_mmap_event in kernel/events/core.c) or by perf,
/// and what control groups begin with.
const KERNEL_MAPPINGS: [&str; 9] =
    ["/", "[anon]", "[stack]", "[uprobes]", "[vdso]", "[vsyscall]", "[vvar]", "//enomem", "//toolong"];

/// What V8 calls the kinds of functions that it made of a script, before a colon.
const V8_KINDS: [&str; 7] = ["Eval", "Function", "InlineCache", "JS", "LazyCompile", "RegExp", "Script"];
/// How the names of scripts end.
const SCRIPTS: [&str; 14] =
    ["cjs", "coffee", "jl", "js", "jsx", "lua", "mjs", "php", "pl", "py", "rb", "tcl", "ts", "tsx"];

/// What stands for a thread's name.
pub fn comm(comm: &str) -> String {
    kernel_thread(comm).map_or_else(|| word(comm), str::to_owned)
}

/// The name of a thread of the kernel, up to its number: what a worker works on is in part called by people.
fn kernel_thread(comm: &str) -> Option<&str> {
    const RESCUER: &str = "kworker/R";
    if SINGLE_THREADS.contains(&comm) {
        return Some(comm);
    }
    if comm.strip_prefix(RESCUER).is_some_and(|rest| rest.starts_with('-')) {
        return Some(RESCUER);
    }
    let name = NUMBERED_THREADS.into_iter().find(|name| comm.starts_with(name))?;
    let rest = comm[name.len()..].trim_start_matches(['/', '.', 'u']);
    let number = rest.find(|c: char| !c.is_ascii_digit() && c != ':' && c != 'H').unwrap_or(rest.len());
    let has_number = rest.starts_with(|c: char| c.is_ascii_digit());
    has_number.then(|| &comm[..comm.len() - rest.len() + number])
}

/// What stands for the path of what was mapped, or of a control group. Modules of the kernel keep theirs, and the kernel its name.
pub fn path(path: &str, is_kernel: bool) -> String {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let kind = Module::memory_name(path);
    let is_of_kernel = is_kernel && path.starts_with('[') && !path.contains('/')
        || ["/lib/modules/", "/usr/lib/modules/"].iter().any(|folder| path.starts_with(folder));
    if is_of_kernel || KERNEL_MAPPINGS.contains(&path) || kind == Some(path) {
        return path.to_owned();
    }
    let slash = if path.starts_with('/') { "/" } else { "" };
    hash(path, kind.unwrap_or(slash))
}

/// What stands for any other text that tells whose machine it was.
pub fn word(text: &str) -> String {
    hash(text, "")
}

/// The name of a symbol of the kernel; what cannot be one gets a hash.
pub fn symbol(name: &str) -> String {
    let is_symbol = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.$-".contains(&byte));
    if is_symbol { name.to_owned() } else { word(name) }
}

/// What stands for the group of an event, as long as that: perf calls the group of a probe after the program that it is in.
pub fn event_group(group: &str) -> String {
    let of_program = ["probe_", "sdt_"].into_iter().find(|kind| group.starts_with(kind));
    of_program.map_or_else(|| group.to_owned(), |kind| format!("{kind}{}", filling(&group[kind.len()..])))
}

/// What stands for the name of an event of a group, as long as that: the kernel calls a probe without a name after its program.
pub fn event_in(group: &str, name: &str) -> String {
    if group == "uprobes" { filling(name) } else { name.to_owned() }
}

/// What stands for `GROUP:NAME`, or the name alone, of an event.
pub fn event(event: &str) -> String {
    match event.split_once(':') {
        Some((group, name)) => format!("{}:{}", event_group(group), event_in(group, name)),
        None if event.contains('/') && !event.ends_with('/') => word(event),
        None => event.to_owned(),
    }
}

/// Digits of the hash, over and over, as many as `name` has bytes.
fn filling(name: &str) -> String {
    digits(name).chars().cycle().take(name.len()).collect()
}

/// The name of a function that was made at run time, with what stands for the script in it: V8 and Python write there which file it
/// is from, in a form that is known; of any other name all is replaced from where a path or a script begins.
pub fn function(name: &str) -> String {
    if let Some((function, script)) = name.strip_prefix("py::").and_then(|rest| rest.split_once(':')) {
        return format!("py::{function}:{}", path(script, false));
    }
    match name.split_once(':').filter(|(kind, _)| V8_KINDS.contains(kind)) {
        Some((kind, rest)) => format!("{kind}:{}", of_v8(kind, rest)),
        None => of_others(name),
    }
}

/// `*run /srv/app/x.js:12:3`: a mark, the function, a space, where it is from.
fn of_v8(kind: &str, rest: &str) -> String {
    let (text, place) = split_place(rest);
    if kind == "RegExp" {
        return word(rest);
    }
    let (function, script) = match text.split_once(char::is_whitespace) {
        Some((function, script)) => (format!("{function} "), script),
        // Without a space it is one of the two.
        None if place.is_empty() && !text.contains(['/', '\\', '.']) => return rest.to_owned(),
        None => (String::new(), text),
    };
    match script {
        script if is_of_node(script) => rest.to_owned(),
        script => format!("{function}{}{place}", path(script, false)),
    }
}

fn of_others(name: &str) -> String {
    let (text, place) = split_place(name.trim_end_matches(')'));
    let is_before = |c: char| c.is_whitespace() || ":(=@".contains(c);
    let start_of_word = |at: usize| text[..at].rfind(is_before).map_or(0, |before| before + 1);
    let start = match text.find(['/', '\\']) {
        Some(slash) if is_of_function(text, slash) => return name.to_owned(),
        Some(slash) => start_of_word(slash),
        None if SCRIPTS.iter().any(|end| text.rsplit_once('.').is_some_and(|(_, last)| last == *end)) => {
            start_of_word(text.len())
        }
        None => return name.to_owned(),
    };
    let (before, script) = text.split_at(start);
    format!("{before}{}{place}{}", path(script, false), &name[text.len() + place.len()..])
}

/// A name without the line and column, and those: `:12:3`.
fn split_place(name: &str) -> (&str, &str) {
    let text = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':');
    let place = &name[text.len()..];
    match place.find(':') {
        Some(colon) => name.split_at(text.len() + colon),
        None => (name, ""),
    }
}

/// Whether a script is a file of Node's own: `node:internal/modules/cjs/loader`.
fn is_of_node(script: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || b"/_-".contains(&byte);
    script.strip_prefix("node:").is_some_and(|script| script.bytes().all(is_plain))
}

/// Whether the slash is none of a path, but one of a class as the JVM spells it, `Ljava/util/HashMap;`, or of one that it made,
/// `Lambda$14/0x0000000800c03000`; of the number of arguments in Erlang, `lists:map/2`; or an operator.
fn is_of_function(text: &str, slash: usize) -> bool {
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

/// `start` and the hash of `name`, as long as a record has room for that holds the name: its field is filled up to 8 bytes with at least
/// one NUL.
fn hash(name: &str, start: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let room = (name.len() + 1).next_multiple_of(8) - 1;
    let digits = digits(name);
    format!("{start}{}", &digits[..DIGITS.min(room.saturating_sub(start.len()))])
}

/// The SHA-256 of a name: 64 hexadecimal digits.
fn digits(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_beginning_of_what_sha256sum_prints() {
        assert_eq!(comm("cadvisor"), "041a2bd7d0ac");
        assert_eq!(comm("node"), "545ea53");
        assert_eq!(path("/usr/bin/node", false), path("/usr/bin/node (deleted)", false));
        assert_eq!(path("/init", false).len(), 7);
        assert_eq!(path("/usr/bin/node", false).len(), 13);
        assert_eq!((comm(""), path("", false)), (String::new(), String::new()));
    }

    #[test]
    fn threads_of_the_kernel_keep_their_names_but_not_what_they_work_on() {
        for kept in [
            "ksoftirqd/0",
            "swapper",
            "swapper/12",
            "kworker/1:2H",
            "kworker/u8:0",
            "kswapd0",
            "rcu_sched",
            "kdamond.0",
        ] {
            assert_eq!(comm(kept), kept);
        }
        for (thread, kept) in [
            ("kworker/u8:1-ev", "kworker/u8:1"),
            ("irq/33-customer", "irq/33"),
            ("kworker/R-secret", "kworker/R"),
        ] {
            assert_eq!(comm(thread), kept);
        }
        for other in
            ["ksoftirqd-secret", "kworker/secret", "kworkers", "swapper.sh", "irqbalance", "watchdog"]
        {
            assert_eq!(comm(other), word(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_file_keeps_its_kind() {
        for kept in ["[vdso]", "//anon", "[heap]", "[stack]", "/dev/zero", "/dev/zero (deleted)", "/"] {
            assert_eq!(path(kept, false), kept.trim_end_matches(" (deleted)"));
        }
        for kept in ["[kernel.kallsyms]_text", "[nf_conntrack]", "/lib/modules/6.1.0/kernel/net/nf_nat.ko.xz"]
        {
            assert_eq!(path(kept, true), kept);
        }
        for other in ["/srv/secret.ko", "/srv/[secret]", "[/srv/secret]"] {
            assert!(!path(other, true).contains("secret"));
        }
        for (kind, name) in [
            ("/memfd:", "/memfd:secret (deleted)"),
            ("/SYSV", "/SYSV0000abcd"),
            ("[anon", "[anon:x]"),
            ("[anon", "[anonx"),
        ] {
            let hashed = path(name, false);
            let room = (name.trim_end_matches(" (deleted)").len() + 1).next_multiple_of(8) - 1;
            assert!(hashed.len() <= room && hashed.len() > kind.len(), "{hashed}");
            assert_eq!(Module::memory_name(&hashed), Some(kind));
        }
        assert_eq!(path("anon_inode:[perf_event]", false).len(), DIGITS);
    }

    #[test]
    fn events_are_not_called_after_programs() {
        for kept in ["cpu-clock", "sched:sched_switch", "probe:tcp_v4_rcv", "cpu/event=0x3c/", "cycles:ppp"] {
            assert_eq!(event(kept), kept);
        }
        for other in ["probe_libsecret:work", "sdt_secret:work", "uprobes:p_secret_0x10", "/srv/secret"] {
            assert!(!event(other).contains("secret"), "{}", event(other));
        }
        let group = "probe_libsecret";
        assert_eq!(event_group(group).len(), group.len());
    }

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
