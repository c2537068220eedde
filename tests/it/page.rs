//! `stallgraph report`: what the page holds is what the commands print; nothing in it can run but
//! its own program; and it is written where a user expects it.

use std::fs;
use std::io::Read;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stallgraph::causes::Causes;

use crate::support::builder::{Builder, Kernel, Sample};
use crate::support::{MadeUp, Recording, hostile, run, sources, stallgraph};

/// A page, taken apart.
struct Page {
    text: String,
    documents: Value,
    columns: Columns,
}

impl Page {
    #[track_caller]
    fn of(recording: &Recording, options: &[&str]) -> Page {
        Page::new(run(recording.command("report").args(["-o", "-"]).args(options)).stdout)
    }

    #[track_caller]
    fn new(text: String) -> Page {
        let unpacked = |id: &str| {
            let mut bytes = Vec::new();
            for base64 in data(&text, id) {
                let gzip = BASE64_STANDARD.decode(base64).expect("base64");
                flate2::read::GzDecoder::new(gzip.as_slice()).read_to_end(&mut bytes).expect("gzip");
            }
            bytes
        };
        let documents = serde_json::from_slice(&unpacked("documents")).expect("JSON");
        let columns = Columns { bytes: unpacked("columns"), at: 0 };
        Page { text, documents, columns }
    }

    fn text(&self, number: u64) -> &str {
        self.documents["page"]["strings"][number as usize].as_str().expect("a text")
    }

    fn number(&self, name: &str) -> usize {
        self.documents["page"][name].as_u64().expect("a number") as usize
    }

    /// Every entry, as `collapse -F cpu,time,stack,count` prints a sample.
    fn lines(&mut self) -> Vec<String> {
        let (functions, stacks) = (self.number("functions"), self.number("stacks"));
        let names = self.columns.take(functions);
        self.columns.take(functions);
        let callers = self.columns.take(stacks);
        let innermost = self.columns.take(stacks);
        self.columns.take(stacks);
        let start_ns = self.documents["page"]["start_ns"].as_u64().expect("a time");
        let tracks = self.documents["page"]["tracks"].as_array().expect("a list").clone();
        let tasks = self.documents["page"]["tasks"].clone();
        let mut lines = Vec::new();
        for track in tracks {
            let count = |name: &str| track[name].as_u64().expect("a number") as usize;
            let entries = count("entries");
            let starts = self.columns.take(entries);
            self.columns.take(entries);
            let of_entries = self.columns.take(entries);
            let of_tasks = self.columns.take(entries);
            for name in ["gaps", "waits"] {
                self.columns.take(3 * count(name));
            }
            self.columns.take(2 * count("bins"));
            let mut at = start_ns;
            for ((delta, stack), task) in starts.iter().zip(of_entries).zip(of_tasks) {
                at += delta;
                let mut folded = Vec::new();
                let mut stack = stack as usize;
                while stack != 0 {
                    folded.push(self.text(names[innermost[stack - 1] as usize]));
                    stack -= callers[stack - 1] as usize;
                }
                let comm = tasks[task as usize]["folded"].as_u64().expect("a number");
                folded.push(self.text(comm));
                folded.reverse();
                let (cpu, folded) = (&track["cpu"], folded.join(";"));
                lines.push(format!("{cpu}\t{}.{:09}\t{folded} 1", at / 1_000_000_000, at % 1_000_000_000));
            }
        }
        lines
    }
}

/// Numbers as unsigned LEB128, one after the other.
struct Columns {
    bytes: Vec<u8>,
    at: usize,
}

impl Columns {
    fn take(&mut self, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.number()).collect()
    }

    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }
}

/// The texts of the elements with data whose id begins so.
fn data<'t>(page: &'t str, id: &str) -> Vec<&'t str> {
    let before = format!("<script type=\"application/json\" id=\"{id}");
    let text = |rest: &'t str| rest.split_once('>')?.1.split_once("</script>").map(|(text, _)| text);
    page.split(&before).skip(1).filter_map(text).collect()
}

#[track_caller]
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after}")).0
}

#[test]
fn a_page_has_every_sample_as_collapse_prints_it() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let mut page = Page::of(&recording, &[]);
        let printed = recording.stdout("collapse", &["-F", "cpu,time,stack,count"]);
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(page.lines(), printed, "{name}");
        let trips = page.number("trips");
        page.columns.take(2 * trips);
        assert_eq!(page.columns.at, page.columns.bytes.len(), "{name}: that is all");
    }
}

#[test]
fn its_documents_are_what_the_commands_print() {
    for name in Recording::ALL {
        let recording = Recording::open(name);
        let page = Page::of(&recording, &[]);
        for command in ["stalls", "window", "syscalls", "packets"] {
            let ran = run(recording.command(command).args(["--format", "json"]));
            let mut printed: Value = serde_json::from_str(&ran.stdout).unwrap_or(Value::Null);
            let mut held = page.documents[command].clone();
            if command == "packets" && !printed.is_null() {
                let packets = printed["packets"].take();
                let queued: Vec<&Value> = packets
                    .as_array()
                    .expect("a list")
                    .iter()
                    .filter(|packet| !packet["backlog"].is_null())
                    .collect();
                let listed = held["packets"].take();
                let listed: Vec<&Value> = listed.as_array().expect("a list").iter().collect();
                assert_eq!(listed, queued[..queued.len().min(20_000)], "{name}");
            }
            assert!(held == printed, "{name} {command}");
        }
    }
}

#[test]
fn only_its_own_program_may_run() {
    let page = Page::of(&Recording::open("system"), &[]).text;
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    for (before, after) in
        [("<style>", "</style>"), ("<script>", "</script>"), ("<script type=\"module\">", "</script>")]
    {
        assert!(policy.contains(&hash(between(&page, before, after))), "{before}");
    }
    assert_eq!(page.matches("<script").count(), 4, "two of data, and the program");
    let held = |id: &str| data(&page, id).concat().len();
    let verdict = between(&page, "<header", "</header>");
    let program = page.len() - held("documents") - held("columns") - verdict.len();
    assert!(program <= 150_000, "the program has {program} bytes");
}

#[test]
fn hostile_names_are_text() {
    let recording = hostile::recording();
    let ran = run(recording.command("report").args(["-o", "-"]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("<script").count(), 4);
    let page = Page::new(ran.stdout);
    let strings = page.documents["page"]["strings"].as_array().expect("a list");
    assert!(strings.iter().any(|text| text.as_str().is_some_and(|text| text.contains("<script>alert(1)"))));
}

#[test]
fn times_that_a_browser_would_round_are_text() {
    let mut file = Builder::new();
    let mut kernel = Kernel::new();
    file.kernel_map(&kernel);
    let start = (1 << 53) + 1;
    for ms in 0..100 {
        file.at(0, start + ms * 1_000_000).sample(Sample::new((7, 7)).kernel(&kernel.stack("idle")));
    }
    let made_up = MadeUp::write(&file.build(), &kernel.kallsyms());
    let page = Page::new(run(made_up.command("report").args(["-o", "-"])).stdout);
    assert_eq!(page.documents["page"]["start_ns"], Value::String(start.to_string()));
}

#[test]
fn round_trips_of_a_log_are_in_the_page() {
    let recording = Recording::open("system");
    // One in the recording that waited, one that did not, one after the recording.
    let pings = "[1795374288.500000] 64 bytes from 192.0.2.2: icmp_seq=1 ttl=64 time=117 ms\n\
                 [1795374289.000000] 64 bytes from 192.0.2.2: icmp_seq=2 ttl=64 time=0.4 ms\n\
                 [1795374389.000000] 64 bytes from 192.0.2.2: icmp_seq=3 ttl=64 time=0.5 ms\n";
    let log = tempfile::NamedTempFile::new().expect("a file");
    fs::write(log.path(), pings).expect("a log");
    let path = log.path().to_str().expect("UTF-8");
    let mut page = Page::of(&recording, &["--at", path]);
    page.lines();
    let trips = page.number("trips");
    assert_eq!(trips, 2);
    let ends = page.columns.take(trips);
    assert_eq!(ends[1], 500_000_000);
    assert_eq!(page.columns.take(trips), [117_000_000, 400_000]);
}

#[test]
fn the_page_is_written_beside_the_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = Recording::open("post");
    fs::copy(&original.file, folder.path().join("perf.data")).expect("a copy");
    let report = |options: &[&str]| {
        run(stallgraph()
            .current_dir(folder.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .arg("report")
            .args(options))
    };
    let ran = report(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    assert!(ran.stderr.contains("wrote perf.data.html, "), "{}", ran.stderr);
    let page = fs::read_to_string(folder.path().join("perf.data.html")).expect("the page");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));

    let ran = report(&["--open", "-o", "again.html"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("there is no desktop here"), "{}", ran.stderr);
    assert_eq!(
        fs::read_to_string(folder.path().join("again.html")).expect("the page"),
        page,
        "the same bytes"
    );

    for (options, says) in [
        (&["-i", "-"][..], "give -o FILE.html"),
        (&["-o", "perf.data"], "that is the recording itself"),
        (&["--min", "0ms"], "every moment is a stall"),
        (&["absent.data"], "absent.data"),
        (&["--open", "-o", "-"], "--open goes with a file"),
    ] {
        let ran = report(options);
        assert!(ran.code == Some(2) && ran.stderr.contains(says), "{options:?}: {ran:?}");
    }
    assert_eq!(
        fs::metadata(folder.path().join("perf.data")).expect("it is there").len(),
        fs::metadata(&original.file).expect("it is there").len()
    );
}

#[test]
fn a_pack_can_hold_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = Recording::open("system");
    let pack = folder.path().join("node.stall.tar.zst");
    let ran = run(recording.command("pack").arg("--report").arg("-o").arg(&pack));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let packed = fs::read(&pack).expect("the pack");
    let tar = zstd::decode_all(packed.as_slice()).expect("it unpacks");
    let mut archive = tar::Archive::new(tar.as_slice());
    let mut entries = archive.entries().expect("entries").filter_map(Result::ok);
    let mut entry = entries.find(|entry| entry.path_bytes().as_ref() == b"report.html").expect("the page");
    let mut page = String::new();
    entry.read_to_string(&mut page).expect("text");
    let mut page = Page::new(page);
    assert_eq!(page.lines(), Page::of(&recording, &[]).lines());
    // The pack is read as any other.
    let printed = run(stallgraph().arg("stalls").arg(&pack));
    assert!(printed.code == Some(0) && printed.stdout.contains("node_exporter"), "{printed:?}");

    let refused = run(recording.command("pack").args(["--report", "--redact", "-o"]).arg(&pack));
    assert_eq!(refused.code, Some(2), "a redacted pack must not hold names");
    let redacted = folder.path().join("redacted.stall.tar.zst");
    assert_eq!(run(recording.command("pack").args(["--redact", "-o"]).arg(&redacted)).code, Some(0));
    let page = run(stallgraph().arg("report").arg(&redacted).args(["-o", "-"])).stdout;
    let page = Page::new(page);
    // What is known of a cause is the program's own text, and names programs that have it.
    let cause = Causes::built_in().get("arp-table-read").expect("the cause").clone();
    let mut all = page.text.clone() + &page.documents.to_string();
    let own = cause.now.iter().map(|now| &now.run).chain(cause.now.iter().map(|now| &now.risk));
    for text in own.chain([&cause.cure]).chain(&cause.sources) {
        all = all.replace(text.as_str(), "");
    }
    for name in ["node_exporter", "envoy", "/srv/stall"] {
        assert!(!all.contains(name), "{name}");
    }
}

/// What was before a change stands beside what is after it, on one scale.
#[test]
fn a_page_compares_with_the_recording_before() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["before", "after"] {
        let packed = fs::File::open(sources::root().join(format!("testdata/diff/{name}.data.zst")));
        let file = fs::File::create(folder.path().join(format!("{name}.data")));
        zstd::stream::copy_decode(packed.expect("packed"), file.expect("a file")).expect("it unpacks");
    }
    let kallsyms = sources::root().join("testdata/diff/kallsyms");
    fs::copy(kallsyms, folder.path().join("kallsyms")).expect("the names");
    let written =
        run(stallgraph().current_dir(&folder).args(["report", "--before", "before.data", "after.data"]));
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let page = fs::read_to_string(folder.path().join("after.data.html")).expect("the page");
    let (_, rest) = page.split_once("<section class=\"against\"").expect("the section");
    let (section, _) = rest.split_once("</section>").expect("its end");
    assert!(section.contains("<p>gone: 30 stalls before, 0 after"), "{section}");
    let (before, after) = section.split_once("After: after.data").expect("both");
    let marks = |text: &str| text.matches("<rect class=\"mark\"").count();
    assert_eq!((marks(before), marks(after)), (30, 0));
    assert!(before.contains("ms, netstat_exp lseek</title>"));
    let missing =
        run(stallgraph().current_dir(&folder).args(["report", "--before", "none.data", "after.data"]));
    assert!(missing.code == Some(2) && missing.stderr.contains("none.data"), "{}", missing.stderr);
}

#[test]
fn a_recording_that_says_too_little_is_repaired_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let half = folder.path().join("half.data");
    let bytes = fs::read(&Recording::open("post").file).expect("the recording");
    fs::write(&half, &bytes[..400_000]).expect("a file");
    let ran = run(stallgraph().arg("report").arg(&half).args(["-o", "-"]));
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let verdict = between(&ran.stdout, "<header", "</header>");
    assert_eq!(verdict.matches("144 of 399592 bytes of records are unread").count(), 2, "{verdict}");
    assert!(verdict.contains("Copy the file again") && verdict.contains("cat /proc/kallsyms"), "{verdict}");
    assert!(!verdict.contains("perf record"), "{verdict}");
}
