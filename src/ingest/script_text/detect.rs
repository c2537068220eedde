//! Distinguishes the text of perf script from other texts.

use memchr::memchr;

use super::blocks::{Block, Blocks, ScriptSample};
use super::frames::{StackLine, only_frame, stack_lines};
use super::header::parse_task;

/// Bytes of a stream that suffice to identify it. Before the first sample there may be the header
/// that perf prints and, if its standard error went to the same place, a warning for each file that
/// it could not open.
pub const HEAD: usize = 8 << 20;

/// Whether `bytes` are text of perf script: whether there is a sample anywhere.
pub fn is_script(bytes: &[u8]) -> bool {
    // No comm, path or symbol contains a NUL.
    if memchr(0, &bytes[..bytes.len().min(4096)]).is_some() {
        return false;
    }
    Blocks::new(bytes).any(|(_, block)| match block {
        Block::Sample(sample) => is_unmistakable(&sample),
        Block::Record { header, .. } => header.time_ns.is_some(),
        Block::Comment(_) | Block::Unknown => false,
    })
}

/// Whether only perf script prints such a sample. ftrace prints `COMM-TID [CPU] TIME: EVENT:`,
/// without frames.
fn is_unmistakable(sample: &ScriptSample) -> bool {
    let has_frames = matches!(stack_lines(sample.lines).next(), Some(StackLine::Frame(_)));
    let has_tid = parse_task(sample.header.task).tid.is_some();
    let has_event = sample.header.cpu.is_some() && sample.event.is_some();
    has_frames || has_tid && (has_event || only_frame(sample.rest).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart() {
        for yes in [
            "a 1 [000] 2.000000: 1 cycles: \n\t          401000 f (/x)\n\n",
            "a [000] 2.000000: cycles: \n\t          401000 f\n",
            "a \n\t          401000 f (/x)\n\n",
            "a 1 [000] 2.000000: 1 cycles:  401000 f (/x)\n",
            "a 1 2.000000:  401000 f (/x)\n",
            "# ========\n# captured on: x\n#\na 1 [000] 2.000000: PERF_RECORD_COMM: a:1/1\n",
            "Warning:\nProcessed 3 events\n\na 1 [000] 2.000000: 1 cycles: \n\t          401000 f (/x)\n\n",
        ] {
            assert!(is_script(yes.as_bytes()), "{yes:?}");
        }
        for no in [
            "",
            "It began at noon.\n",
            "swapper;cpu_startup_entry;do_idle 12\n",
            "[    0.000000] Linux version 6.1\n",
            "          <idle>-0     [001] d..2.  4057.765268: sched_switch: prev_comm=a\n",
            "svc 4711 1700000000.123456: error: disk full\n",
            "# To display the perf.data header info, please use --header\n#\n    99.99%  a  libc.so.6  [.] read\n",
            "a:\n\tindented 1\n",
            "ffffffff81000000 T _text\nffffffff81000000 T _stext\n",
            "a 1 [000] 2.000000: 1 cycles:\0 \n\t          401000 f (/x)\n\n",
        ] {
            assert!(!is_script(no.as_bytes()), "{no:?}");
        }
        let many = "Failed to open /tmp/perf-1.map, continuing without symbols\n".repeat(1000);
        assert!(!is_script(many.as_bytes()));
        assert!(is_script(format!("{many}a 1 2.000000:  401000 f (/x)\n").as_bytes()));
    }
}
