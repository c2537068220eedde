//! Frames: the lines of a call chain.

use memchr::{memchr, memmem};

use super::messages::has_message_inside;
use super::numbers::hexadecimal;

/// A frame as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptFrame<'a> {
    /// The address. In programs newer perfs print the position in the file.
    pub address: u64,
    /// The function, without offset; `None` if perf could not name it.
    pub symbol: Option<&'a [u8]>,
    /// The module, without ` (deleted)`; `None` if perf does not know it or does not print it.
    pub dso: Option<&'a [u8]>,
}

/// An indented line after a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackLine<'a> {
    /// A frame.
    Frame(ScriptFrame<'a>),
    /// Something else that belongs to a frame or sample: a source line, registers, instructions.
    Extra,
    /// Anything else where a frame should be.
    Broken,
}

/// The only frame of a sample without a call chain. It follows the event.
pub fn only_frame(rest: &[u8]) -> Option<ScriptFrame<'_>> {
    let says_unknown = || rest.ends_with(UNKNOWN) || rest.ends_with(b"([unknown])");
    frame(rest).filter(|frame| frame.symbol.is_some() || frame.dso.is_some() || says_unknown())
}

/// The lines of a call chain.
pub(super) fn stack_lines(lines: &[u8]) -> impl Iterator<Item = StackLine<'_>> {
    let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    lines.map(stack_line)
}

/// Reads one indented line, or one and a module that stands on a line of its own.
pub fn stack_line(line: &[u8]) -> StackLine<'_> {
    let text = line.trim_ascii();
    let (line_of_frame, module) = match memchr(b'\n', text) {
        None => (text, None),
        Some(end) => (text[..end].trim_ascii_end(), Some(text[end..].trim_ascii())),
    };
    let module = module.and_then(|text| text.strip_prefix(b"(")?.strip_suffix(b")"));
    let read = frame(line_of_frame);
    let is_split = read.is_some_and(|frame| frame.dso.is_none()) && has_message_inside(line_of_frame);
    match read {
        _ if is_split => StackLine::Broken,
        Some(frame) => {
            let dso = frame.dso.or_else(|| module.and_then(printed_module));
            StackLine::Frame(ScriptFrame { dso, ..frame })
        }
        // brstackinsn prints a tab, an address of 16 digits, a tab and an instruction. Namespaces
        // are indented by two tabs.
        None if !line.starts_with(b"\t") || text.contains(&b'\t') || line.starts_with(b"\t\t") => {
            StackLine::Extra
        }
        None => StackLine::Broken,
    }
}

/// Whether `text` starts with a frame as perf aligns it: a tab, and an address that ends 16
/// characters after it.
pub(super) fn is_aligned_frame(text: &[u8]) -> bool {
    const COLUMN: usize = 17;
    let Some((address, rest)) = text.split_at_checked(COLUMN) else { return false };
    let address = address.strip_prefix(b"\t").map(<[u8]>::trim_ascii_start);
    address.and_then(hexadecimal).is_some() && matches!(rest.first(), Some(b' ' | b'\n'))
}

/// Whether a line is a frame although nothing aligns or indents it: its module shows it, or an
/// address that is no word.
pub(super) fn is_bare_frame(text: &[u8]) -> bool {
    const SHORTEST: usize = 4;
    let text = text.trim_ascii();
    let Some(frame) = frame(text) else { return false };
    let address = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_address = address.len() >= SHORTEST && address.iter().any(u8::is_ascii_digit);
    let has_module = frame.dso.is_some() || text.ends_with(b"([unknown])") || text.ends_with(b"(inlined)");
    has_module || is_address && !text.ends_with(b":")
}

/// Reads `ADDRESS SYMBOL+0xOFFSET (DSO)`. Only the address must be there.
fn frame(text: &[u8]) -> Option<ScriptFrame<'_>> {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (address, rest) = text.split_at(end);
    let address = hexadecimal(address)?;
    let (symbol, dso) = symbol_and_dso(rest.trim_ascii());
    let symbol = without_offset(symbol);
    Some(ScriptFrame {
        address,
        symbol: Some(symbol).filter(|symbol| !symbol.is_empty() && *symbol != UNKNOWN),
        dso: dso.and_then(printed_module),
    })
}

/// What perf prints for a symbol or module that it does not know.
const UNKNOWN: &[u8] = b"[unknown]";

/// Splits `SYMBOL (DSO)`. Both may contain parentheses. Almost all paths start with `/` or `[`, so
/// the DSO starts at the first ` (/` or ` ([`. The names of other modules, such as BPF programs,
/// contain no parentheses.
fn symbol_and_dso(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    if let Some(symbol) = text.strip_suffix(b" (inlined)") {
        return (symbol, None);
    }
    let whole = text;
    let Some(text) = text.strip_suffix(b")") else { return (whole, None) };
    if let Some(dso) = text.strip_prefix(b"(") {
        return (b"", Some(dso));
    }
    if let Some(dso) = text.strip_prefix(b"[unknown] (") {
        return (UNKNOWN, Some(dso));
    }
    let is_path = |at: &usize| matches!(text.get(at + 2), Some(b'/' | b'['));
    let open = memmem::find_iter(text, b" (").find(is_path).or_else(|| {
        let open = memmem::rfind(without_deleted(text), b" (")?;
        memchr(b')', without_deleted(&text[open..])).is_none().then_some(open)
    });
    match open {
        Some(open) => (&text[..open], Some(&text[open + 2..])),
        None => (whole, None),
    }
}

/// A module as printed, without ` (deleted)`; `None` if perf does not know it.
fn printed_module(dso: &[u8]) -> Option<&[u8]> {
    Some(without_deleted(dso)).filter(|dso| !dso.is_empty() && *dso != UNKNOWN)
}

fn without_deleted(dso: &[u8]) -> &[u8] {
    dso.strip_suffix(b" (deleted)").unwrap_or(dso)
}

fn without_offset(symbol: &[u8]) -> &[u8] {
    let digits = symbol.iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let before = &symbol[..symbol.len() - digits];
    before.strip_suffix(b"+0x").filter(|_| digits > 0).unwrap_or(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_frame(text: &str, symbol: Option<&str>, dso: Option<&str>) {
        let StackLine::Frame(frame) = stack_line(text.as_bytes()) else { panic!("{text:?} is no frame") };
        let as_text =
            |bytes: Option<&'static [u8]>| bytes.map(|bytes| std::str::from_utf8(bytes).expect("UTF-8"));
        let frame: ScriptFrame<'static> = ScriptFrame {
            symbol: frame.symbol.map(|symbol| &*symbol.to_vec().leak()),
            dso: frame.dso.map(|dso| &*dso.to_vec().leak()),
            ..frame
        };
        assert_eq!((as_text(frame.symbol), as_text(frame.dso)), (symbol, dso), "{text:?}");
    }

    #[test]
    fn frames_with_everything_in_names_and_paths() {
        let kernel = Some("[kernel.kallsyms]");
        check_frame("\tffffffff81690718 vfs_read+0x1f ([kernel.kallsyms])", Some("vfs_read"), kernel);
        check_frame("\tffffffff81690718 vfs_read ([kernel.kallsyms])\r", Some("vfs_read"), kernel);
        check_frame("\tffffffff81690718 [unknown] ([kernel.kallsyms])", None, kernel);
        check_frame("\tffffffff81690718 ([kernel.kallsyms])", None, kernel);
        check_frame("\tffffffff81690718 vfs_read", Some("vfs_read"), None);
        check_frame("\tffffffff81690718", None, None);
        check_frame(
            "\tffffffffc0a01000 nf_ct_get+0x0 ([nf_conntrack])",
            Some("nf_ct_get"),
            Some("[nf_conntrack]"),
        );
        check_frame("\t               0 [unknown] ([unknown])", None, None);
        check_frame("\t           7b2c3 [unknown] (/memfd:x (deleted))", None, Some("/memfd:x"));
        check_frame("\t           7b2c3 f+0x1 (/usr/bin/x (deleted))", Some("f"), Some("/usr/bin/x"));
        check_frame("\t           7b2c3 f+0x1 (/opt/a (b)/c d)", Some("f"), Some("/opt/a (b)/c d"));
        check_frame(
            "\t           7b2c3 f(int, char)+0x1 (/usr/bin/x)",
            Some("f(int, char)"),
            Some("/usr/bin/x"),
        );
        check_frame(
            "\t           7b2c3 f(int, (anonymous namespace)::X)",
            Some("f(int, (anonymous namespace)::X)"),
            None,
        );
        check_frame("\t           7b2c3 <A as B>::f (inlined)", Some("<A as B>::f"), None);
        check_frame(
            "\t           7b2c3 x+0x1 (bpf_prog_6deef7357e7b4530)",
            Some("x"),
            Some("bpf_prog_6deef7357e7b4530"),
        );
        check_frame("\t           7b2c3 x+0x1 (SYSV00000000 (deleted))", Some("x"), Some("SYSV00000000"));
        check_frame("        ffffffff81690718 vfs_read ([kernel.kallsyms])", Some("vfs_read"), kernel);
        assert_eq!(stack_line(b"  net/core/dev.c:12"), StackLine::Extra);
        assert_eq!(stack_line(b"\t00000000004010f0\tmov %rax, %rbx"), StackLine::Extra);
        assert_eq!(stack_line(b"\tfffffffg81690718 x"), StackLine::Broken);
        assert_eq!(stack_line(b"\t11112222333344445 x"), StackLine::Broken);
    }
}
