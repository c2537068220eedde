//! Recordings that gzip, xz or zstd compressed.

use std::fs::File;
use std::path::Path;

use crate::support::{MadeUp, Recording, compressed, run, stallgraph};

const ENDINGS: [&str; 3] = ["zst", "gz", "xz"];

/// A recording with its kallsyms in a folder, and the same compressed in each way.
fn folder_of(recording: &Recording, names: &[(&str, &[u8])]) -> MadeUp {
    let kallsyms = std::fs::read_to_string(recording.folder.join("kallsyms")).expect("it is there");
    let made_up = MadeUp::write(b"", &kallsyms);
    for (name, bytes) in names {
        made_up.add(name, bytes);
        for ending in ENDINGS {
            made_up.add(&format!("{name}.{ending}"), &compressed(ending, bytes));
        }
    }
    made_up
}

fn path(made_up: &MadeUp, name: &str) -> std::path::PathBuf {
    made_up.recording().0.with_file_name(name)
}

#[test]
fn they_are_read_as_if_they_were_not() {
    let post = Recording::open("post");
    let recording = std::fs::read(&post.file).expect("the recording");
    let text = post.text("perf-script.txt.zst");
    let made_up = folder_of(&post, &[("post.data", &recording), ("post.txt", &text)]);
    let none = path(&made_up, "no-files");
    std::fs::create_dir(&none).expect("a folder");
    let collapse = |file: &Path, from: Option<&Path>| {
        let mut command = stallgraph();
        command.arg("collapse").arg(from.map_or(file, |_| "-".as_ref())).arg("-F").arg("time,stack");
        if file.to_string_lossy().contains(".data") {
            command.arg("--symfs").arg(&none).arg("--kallsyms").arg(path(&made_up, "kallsyms"));
        }
        if let Some(from) = from {
            command.stdin(File::open(from).expect("it is there"));
        }
        let run = run(&mut command);
        assert!(run.code == Some(0) && run.stdout.lines().count() > 1000, "{}", run.stderr);
        run.stdout
    };
    for name in ["post.data", "post.txt"] {
        let expected = collapse(&path(&made_up, name), None);
        for ending in ENDINGS {
            let file = path(&made_up, &format!("{name}.{ending}"));
            assert_eq!(collapse(&file, None), expected, "{name}.{ending}");
            assert_eq!(collapse(&file, Some(&file)), expected, "{name}.{ending} from a pipe");
        }
    }
    // They are packed as they are.
    let pack = path(&made_up, "one.pack");
    let packed = run(stallgraph().arg("pack").arg(path(&made_up, "post.data.xz")).arg("-o").arg(&pack));
    assert_eq!(packed.code, Some(0), "{}", packed.stderr);
    let info = run(stallgraph().arg("info").arg(&pack));
    assert!(info.code == Some(0) && info.stdout.contains("cpu-clock"), "{}", info.stdout);
}

#[test]
fn what_is_damaged_or_cut_short_is_said() {
    let post = Recording::open("post");
    let recording = std::fs::read(&post.file).expect("the recording");
    let text = post.text("perf-script.txt.zst");
    let made_up = folder_of(&post, &[]);
    for (name, bytes) in [("post.data", &recording), ("post.txt", &text)] {
        for ending in ENDINGS {
            let whole = compressed(ending, bytes);
            let name = format!("{name}.{ending}");
            let check = |bytes: &[u8]| {
                let file = made_up.add(&name, bytes);
                let mut command = stallgraph();
                command.arg("collapse").arg(&file);
                if name.contains(".data") {
                    command.arg("--no-symbols");
                }
                run(&mut command)
            };
            let half = check(&whole[..whole.len() / 2]);
            // zstd and xz keep back what a block holds until it is whole.
            match half.stdout.is_empty() {
                true => {
                    assert!(
                        half.code == Some(2) && half.stderr.contains("cannot be unpacked"),
                        "{}",
                        half.stderr
                    )
                }
                false => {
                    assert_eq!(half.code, Some(3), "{name}: {}", half.stderr);
                    assert!(
                        half.stderr.contains("compressed file is damaged or cut"),
                        "{name}: {}",
                        half.stderr
                    );
                }
            }
            // The sum of the content is wrong: all of it is there, and not to be trusted.
            if ending == "gz" {
                let mut wrong = whole.clone();
                let at = wrong.len() - 8;
                wrong[at] ^= 1;
                let wrong = check(&wrong);
                assert_eq!(wrong.code, Some(3), "{name}: {}", wrong.stderr);
                assert!(wrong.stderr.contains("compressed file is damaged"), "{}", wrong.stderr);
            }
        }
    }
}

#[test]
fn they_take_no_more_memory_than_is_allowed() {
    let post = Recording::open("post");
    let recording = std::fs::read(&post.file).expect("the recording");
    let made_up = folder_of(&post, &[("post.data", &recording)]);
    for ending in ENDINGS {
        let file = path(&made_up, &format!("post.data.{ending}"));
        let limited = |memory: &str| {
            run(stallgraph().arg("collapse").arg(&file).args(["--no-symbols", "--max-memory", memory]))
        };
        // What fits is read, also where that is less than one piece of the decoder.
        let little = limited("300000");
        assert_eq!(little.code, Some(3), "{ending}: {}", little.stderr);
        let least = limited("200");
        assert_eq!(least.code, Some(2), "{ending}: {}", least.stderr);
        assert!(!least.stderr.contains("is empty"), "{ending}: {}", least.stderr);
        // A bomb: zeros, of which one byte may become 32,768.
        let bomb = made_up.add(&format!("bomb.{ending}"), &compressed(ending, &vec![0; 64 << 20]));
        let bomb = run(stallgraph().arg("window").arg(&bomb));
        assert!(bomb.code == Some(2) && bomb.stderr.contains("not a perf.data"), "{bomb:?}");
    }
}
