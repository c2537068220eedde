//! tracefs: the kernel's description of its tracepoints.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where tracefs is mounted: by itself, or below debugfs (Documentation/trace/ftrace.rst).
/// The last is that of the machine, for a container that sees all processes.
const PLACES: [&str; 3] =
    ["/sys/kernel/tracing", "/sys/kernel/debug/tracing", "/proc/1/root/sys/kernel/tracing"];

/// The version of the data's form (`TRACING_DATA`, tools/perf/util/trace-event-info.c).
const VERSION: &[u8] = b"0.6\0";

/// tracefs, mounted.
pub struct Tracefs {
    folder: PathBuf,
}

impl Tracefs {
    /// tracefs, if it is mounted and may be read.
    pub fn find() -> Option<Tracefs> {
        let folder = PLACES.iter().map(Path::new).find(|folder| folder.join("events").is_dir())?;
        Some(Tracefs { folder: folder.to_owned() })
    }

    /// The number by which a tracepoint is opened.
    pub fn id(&self, tracepoint: &str) -> io::Result<u64> {
        let text = fs::read_to_string(self.event(tracepoint).join("id"))?;
        text.trim().parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// The section TRACING_DATA for these tracepoints: the formats of their records.
    pub fn tracing_data(&self, tracepoints: &[&str]) -> io::Result<Vec<u8>> {
        let mut out = b"\x17\x08\x44tracing".to_vec();
        out.extend(VERSION);
        out.push(u8::from(cfg!(target_endian = "big")));
        out.push(size_of::<usize>() as u8);
        out.extend((rustix::param::page_size() as u32).to_ne_bytes());
        for page in ["header_page", "header_event"] {
            out.extend(page.as_bytes());
            out.push(0);
            put_file(&mut out, &self.folder.join("events").join(page))?;
        }
        // No formats of ftrace's own records.
        out.extend(0u32.to_ne_bytes());
        let mut systems: Vec<&str> = tracepoints.iter().filter_map(|name| system(name)).collect();
        systems.sort_unstable();
        systems.dedup();
        out.extend((systems.len() as u32).to_ne_bytes());
        for of in systems {
            let names: Vec<&&str> = tracepoints.iter().filter(|name| system(name) == Some(of)).collect();
            out.extend(of.as_bytes());
            out.push(0);
            out.extend((names.len() as u32).to_ne_bytes());
            for name in names {
                put_file(&mut out, &self.event(name).join("format"))?;
            }
        }
        // No names of kernel functions, no formats of trace_printk, no comms.
        out.extend(0u32.to_ne_bytes());
        out.extend(0u32.to_ne_bytes());
        out.extend(0u64.to_ne_bytes());
        Ok(out)
    }

    /// Where a field begins in the payload of a tracepoint's records.
    pub fn offset(&self, tracepoint: &str, field: &str) -> Option<usize> {
        // `\tfield:unsigned int vec;\toffset:8;\tsize:4;\tsigned:0;`
        let format = fs::read_to_string(self.event(tracepoint).join("format")).ok()?;
        let line = format.lines().find(|line| {
            let declared = line.trim_start().strip_prefix("field:").and_then(|rest| rest.split(';').next());
            // An array has its length behind its name.
            let name = declared.and_then(|declared| declared.split('[').next());
            name.is_some_and(|name| name.ends_with(&format!(" {field}")))
        })?;
        line.split("offset:").nth(1)?.split(';').next()?.parse().ok()
    }

    fn event(&self, tracepoint: &str) -> PathBuf {
        self.folder.join("events").join(tracepoint.replacen(':', "/", 1))
    }
}

fn system(tracepoint: &str) -> Option<&str> {
    tracepoint.split_once(':').map(|(system, _)| system)
}

/// Appends the length of a file (u64) and its text.
fn put_file(out: &mut Vec<u8>, path: &Path) -> io::Result<()> {
    // Not `fs::read`: the kernel gives the headers at the first read, however small, and nothing
    // after it (show_header in kernel/trace/trace_events.c).
    const PIECE: usize = 1 << 16;
    let (mut file, mut piece) = (File::open(path)?, vec![0u8; PIECE]);
    let mut text: Vec<u8> = Vec::new();
    loop {
        match file.read(&mut piece)? {
            0 => break,
            length => text.extend(&piece[..length]),
        }
    }
    out.extend((text.len() as u64).to_ne_bytes());
    out.extend(text);
    Ok(())
}
