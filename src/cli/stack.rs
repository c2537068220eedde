//! A stack as a user pastes it: collapsed, as `perf script` prints it, as /proc/PID/stack, or as in
//! the kernel's log.

use std::path::Path;

use anyhow::{Result, bail};
use stallgraph::analyses::causes::{self, KnownCause};
use stallgraph::causes::{Causes, Version};
use stallgraph::load;
use stallgraph::model::{Recording, clean};

use super::output;

/// The functions of a stack, root first.
pub struct Stack {
    functions: Vec<String>,
}

/// What stands around a stack, so that a part of one means what it means in a whole one: it is the
/// work of a system call, or of a softirq.
const AROUND: [&str; 2] = ["do_syscall_64", "__do_softirq"];

impl Stack {
    /// Reads a stack. Names that no function of the kernel can have are left out, with a message.
    pub fn read(text: &str) -> Result<Stack> {
        let is_collapsed = !text.trim().contains('\n');
        let names: Vec<&str> = match is_collapsed {
            true => without_count(text.trim()).split(';').collect(),
            false => text.lines().collect(),
        };
        let mut functions: Vec<String> = Vec::new();
        let mut left_out: Vec<String> = Vec::new();
        for name in names.into_iter().map(logged).filter(|name| !name.is_empty()) {
            match function(name) {
                Some(function) => functions.push(function.to_owned()),
                None => left_out.push(clean(name).into_owned()),
            }
        }
        if !is_collapsed {
            // Each line is called by the next.
            functions.reverse();
        }
        if functions.is_empty() {
            bail!(
                "--match: no function of the kernel in it; give functions from the root to the leaf, joined by ;"
            );
        }
        if !left_out.is_empty() {
            output::warn(&format!(
                "left out, since no function of the kernel has such a name: {}",
                left_out.join(", ")
            ));
        }
        Ok(Stack { functions })
    }

    /// The causes that it shows on this kernel. It is read as a recording of one sample, so that it
    /// means here what it means there: what an interrupt does is not the work of the system call
    /// below it.
    pub fn causes(&self, kernel: Option<&str>, all: &Causes) -> Result<Vec<KnownCause>> {
        // A tag of the kernel's sources begins with v.
        let kernel = kernel.map(|kernel| kernel.strip_prefix('v').unwrap_or(kernel));
        if let Some(kernel) = kernel
            && Version::of_release(kernel).is_none()
        {
            bail!("--kernel {}: no version of a kernel; give 4.9, or what uname -r prints", clean(kernel));
        }
        let found = find(self.functions.iter(), kernel, all)?;
        if found.is_empty()
            && let Some(reversed) = find(self.functions.iter().rev(), kernel, all)?.first()
        {
            let name = &reversed.cause.name;
            output::warn(&format!("in reverse order the stack shows {name}: --match takes the root first"));
        }
        Ok(found)
    }
}

/// The causes that a stack of these functions shows, root first.
fn find<'s>(
    functions: impl Iterator<Item = &'s String> + Clone,
    kernel: Option<&str>,
    all: &Causes,
) -> Result<Vec<KnownCause>> {
    for around in AROUND {
        let recording = recording(around, functions.clone(), kernel)?;
        let found = causes::of_first_sample(&recording, all);
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// A recording of one sample.
fn recording<'s>(
    around: &'s str,
    functions: impl Iterator<Item = &'s String>,
    kernel: Option<&str>,
) -> Result<Recording> {
    const TEXT: u64 = 0xffff_ffff_8100_0000;
    let functions: Vec<&str> = [around].into_iter().chain(functions.map(String::as_str)).collect();
    let mut text = String::new();
    if let Some(kernel) = kernel {
        text += &format!("# ========\n# os release : {}\n# ========\n#\n", clean(kernel));
    }
    // A collapsed stack begins with the comm.
    text += &format!("{} 1/1 [000] 1.000000000: 1 cpu-clock:\n", functions.get(1).unwrap_or(&"none"));
    for (address, function) in (TEXT..).step_by(16).zip(&functions).collect::<Vec<_>>().into_iter().rev() {
        text += &format!("\t{address:x} {function}+0x1 ([kernel.kallsyms])\n");
    }
    text.push('\n');
    let options = load::Options::default();
    Ok(load::load_bytes(text.as_bytes(), Path::new("--match"), &options, &|_, _, _| {})?)
}

/// A collapsed stack without the number of its samples.
fn without_count(stack: &str) -> &str {
    match stack.rsplit_once(' ') {
        Some((before, count)) if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) => {
            before.trim_end()
        }
        _ => stack,
    }
}

/// An entry of the kernel's log without what `dmesg` and `journalctl -k` put before it. Empty if it
/// is none: a mark of the stack that follows, or a word on the stack that may be no caller, which
/// the kernel marks with `?` (arch/x86/kernel/dumpstack.c, `printk_stack_address`).
fn logged(line: &str) -> &str {
    let is_time = |time: &str| time.contains(['.', ':']) && !time.contains(['<', ';']);
    let line = line.rsplit_once(" kernel: ").map_or(line, |(_, message)| message).trim();
    let line = match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((time, message)) if is_time(time) => message.trim(),
        _ => line,
    };
    let is_mark = ["<TASK>", "</TASK>", "<IRQ>", "</IRQ>", "Call Trace:", "Call trace:"].contains(&line);
    let innermost = line.strip_prefix("RIP: ").and_then(|place| place.split_once(':'));
    match innermost {
        Some((_, function)) => function,
        None if is_mark || line.starts_with("? ") => "",
        None => line,
    }
}

/// The function that an entry of a stack names: `read` in `read`, `read_[k]`, `read+0x1b/0x40`,
/// `ffffffff81 read+0x1b ([kernel.kallsyms])` and `[<0>] read+0x1b/0x40`. `None` if a kernel has no
/// such function.
fn function(entry: &str) -> Option<&str> {
    let is_address = |word: &str| {
        let digits = word.trim_start_matches("[<").trim_end_matches(">]").trim_start_matches("0x");
        let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex && (word.starts_with("[<") || word.starts_with("0x") || digits.len() >= 8)
    };
    let mut words = entry.split_whitespace().skip_while(|word| is_address(word));
    let word = words.next()?;
    if words.next().is_some_and(|module| !module.starts_with(['(', '['])) {
        return None;
    }
    let name = word.split('+').next().unwrap_or(word);
    let name = ["_[k]", "_[i]", "_[j]"].iter().find_map(|mark| name.strip_suffix(mark)).unwrap_or(name);
    let is_of_symbol = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    Some(name).filter(|name| !name.is_empty() && name.chars().all(is_of_symbol))
}

#[cfg(test)]
mod tests {
    use super::{function, logged, without_count};

    #[test]
    fn entries_in_all_forms_name_a_function() {
        for entry in [
            "arp_seq_show",
            "arp_seq_show_[k]",
            "arp_seq_show+0x1b",
            "arp_seq_show+0x1b/0x40",
            "ffffffff81a2b3c4 arp_seq_show+0x1b ([kernel.kallsyms])",
            "[<0>] arp_seq_show+0x1b/0x40",
            "arp_seq_show ([kernel.kallsyms])",
            "0xffffffff81a2b3c4 arp_seq_show",
        ] {
            assert_eq!(function(entry), Some("arp_seq_show"), "{entry}");
        }
        for entry in ["a b", "<x>", "node 12 [001] 1.0: cpu-clock:", "+0x1b", "ffffffff81a2b3c4"] {
            assert_eq!(function(entry), None, "{entry}");
        }
        assert_eq!(function("decaf"), Some("decaf"), "a name of hexadecimal digits");
    }

    #[test]
    fn lines_of_the_kernels_log_lose_what_is_before_the_function() {
        for line in [
            "[ 1234.567890]  arp_seq_show+0x1b/0x40",
            "[Mon Nov 30 18:14:05 2026]  arp_seq_show+0x1b/0x40",
            "Nov 30 18:14:05 node7 kernel:  arp_seq_show+0x1b/0x40",
            "Nov 30 18:14:05 node7 kernel: [ 1234.567890]  arp_seq_show+0x1b/0x40",
            "[ 1234.567890] RIP: 0010:arp_seq_show+0x1b/0x40",
        ] {
            assert_eq!(logged(line), "arp_seq_show+0x1b/0x40", "{line}");
        }
        for line in ["[ 1234.5]  ? arp_seq_show+0x1b/0x40", "[ 1234.5]  <TASK>", "Call Trace:", " </IRQ>"] {
            assert_eq!(logged(line), "", "{line}");
        }
        assert_eq!(logged("[<0>] arp_seq_show+0x1b/0x40"), "[<0>] arp_seq_show+0x1b/0x40");
    }

    #[test]
    fn the_number_of_samples_is_no_part_of_a_stack() {
        assert_eq!(without_count("a;b 149"), "a;b");
        assert_eq!(without_count("a;b"), "a;b");
        assert_eq!(without_count("a;b c"), "a;b c");
    }
}
