//! Packs: they give the same output on any machine, and nothing in one is believed unchecked.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::pack_scene::{Scene, as_from_pack, entries, repack};
use crate::support::{copy_program, run, stallgraph};
use tar::EntryType;

/// Commands and options whose output must not depend on where the names come from.
const COMMANDS: [&[&str]; 9] = [
    &["window"],
    &["window", "--format", "json"],
    &["collapse", "-F", "cpu,time,pid,stack"],
    &["collapse", "--no-symbols"],
    &["chart"],
    &["stalls"],
    &["syscalls"],
    &["info"],
    &["info", "--format", "json"],
];

#[test]
fn a_pack_gives_the_same_output_without_any_other_file() {
    let post = Scene::post();
    post.pack(&[]);
    post.is_the_same_there(&COMMANDS);
    assert!(post.there(&["window"]).stdout.contains("seq_lseek;traverse"), "the names are there");
    // The same recording always gives the same pack.
    let first = post.packed();
    post.pack(&[]);
    assert!(first == post.packed());
    // Each form of a program's symbols, and code made at run time.
    for recording in ["names/forms.data.zst", "names/node.data.zst"] {
        let scene = Scene::of(recording, None, "names/symfs");
        scene.pack(&[]);
        scene.is_the_same_there(&COMMANDS);
        scene.pack(&["--whole-files"]);
        scene.is_the_same_there(&COMMANDS);
    }
    // Other forms of recordings.
    for recording in
        ["variants/threads", "variants/threads-packed", "variants/pipe-packed.zst", "variants/leader.zst"]
    {
        let scene = Scene::of(recording, None, "names/symfs");
        scene.pack(&[]);
        scene.is_the_same_there(&COMMANDS);
    }
}

#[test]
fn every_event_has_its_names() {
    let scene = Scene::of("variants/two-events.zst", Some("post/kallsyms"), "names/symfs");
    scene.pack(&[]);
    let info = scene.there(&["info", "--format", "json"]).stdout;
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    let events = info["events"].as_array().expect("events");
    assert!(events.len() > 1, "{info}");
    for event in events {
        scene.is_the_same_there(&[&["collapse", "-e", event["name"].as_str().expect("a name")]]);
    }
}

#[test]
fn only_what_names_need_is_packed_unless_more_is_asked_for() {
    let scene = Scene::of("names/forms.data.zst", None, "names/symfs");
    let inlined = |scene: &Scene| scene.there(&["collapse", "--inline"]);
    scene.pack(&[]);
    let small = scene.packed().len();
    let run = inlined(&scene);
    assert!(
        !run.stdout.contains("(inlined)") && run.stderr.contains("pack the recording with --inline"),
        "{run:?}"
    );
    for option in ["--inline", "--whole-files"] {
        scene.pack(&[option]);
        assert!(scene.packed().len() > small);
        let (here, there) = (scene.here(&["collapse", "--inline"]), inlined(&scene));
        assert!(here.stdout.contains("(inlined)") && here.stdout == there.stdout, "{option}");
        assert_eq!(here.stderr, there.stderr);
    }
}

#[test]
fn a_pack_is_read_in_an_empty_root() {
    let post = Scene::post();
    post.pack(&[]);
    let is_root = fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0);
    let root = post.at("root");
    let program = env!("CARGO_BIN_EXE_stallgraph");
    let libraries = Command::new("ldd").arg(program).output();
    let Some(libraries) = libraries.ok().filter(|_| is_root) else {
        eprintln!("skipped: chroot needs root, and ldd");
        return;
    };
    let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
    for path in paths {
        let to = root.join(&path[1..]);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(path, to).expect("a library");
    }
    fs::create_dir_all(&root).expect("a folder");
    copy_program(&root.join("stallgraph"));
    fs::copy(post.at("there/perf.data"), root.join("perf.data")).expect("the pack");
    for arguments in COMMANDS {
        let mut command = Command::new("chroot");
        command.arg(&root).arg("/stallgraph").args(arguments).arg("perf.data");
        let there = run(command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()));
        if there.code == Some(125) {
            eprintln!("skipped: {}", there.stderr);
            return;
        }
        let here = post.here(arguments);
        assert_eq!((here.code, &here.stderr), (there.code, &there.stderr), "{arguments:?}");
        assert!(as_from_pack(&here.stdout) == there.stdout, "{arguments:?}");
    }
}

#[test]
fn a_pack_comes_and_goes_through_pipes() {
    let post = Scene::post();
    let mut command = stallgraph();
    command.args(["pack", "perf.data", "-o", "-", "--symfs"]).arg(&post.symfs).current_dir(post.at("here"));
    let output = command.output().expect("it starts");
    assert!(output.status.success() && output.stdout.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    let mut command = stallgraph();
    command.args(["window", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.current_dir(post.at("there")).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(&output.stdout).expect("it reads");
    let read = child.wait_with_output().expect("it ends");
    let here = post.here(&["window"]).stdout;
    let lines = |text: &str| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&String::from_utf8_lossy(&read.stdout)), lines(&here));
}

#[test]
fn what_needs_no_pack_is_refused() {
    let post = Scene::post();
    let refuses = |arguments: &[&str], said: &str| {
        let mut command = stallgraph();
        let run = run(command.arg("pack").args(arguments).current_dir(post.at("here")));
        assert!(run.code == Some(2) && run.stderr.contains(said), "{run:?}");
    };
    refuses(&["perf.data", "-o", "perf.data"], "that is the recording itself");
    refuses(&["perf.data", "-o", "no/such/folder"], "no/such/folder");
    refuses(&["missing", "-o", "x"], "missing");
    post.pack(&[]);
    refuses(&["../there/perf.data", "-o", "x"], "is a pack already");
    fs::write(
        post.at("here/text"),
        "agent 1/1 [000] 1.5: cpu-clock: \n\tffffffff81000000 f ([kernel.kallsyms])\n\n",
    )
    .expect("a file");
    refuses(&["text", "-o", "x"], "needs no pack");
    assert!(!post.at("here/x").exists(), "nothing is left of what was not done");
    let left: Vec<_> = fs::read_dir(post.at("here")).expect("the folder").collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_pack_that_was_cut_says_so_and_gives_what_is_left() {
    let post = Scene::post();
    post.pack(&[]);
    let whole = post.packed();
    let (mut used, mut refused) = (0, 0);
    for part in 0..40 {
        post.put(&whole[..whole.len() * part / 40]);
        let run = post.there(&["collapse"]);
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        match run.code {
            Some(3) => {
                assert!(run.stderr.contains("not all of the pack could be read"), "{run:?}");
                used += 1;
            }
            Some(2) => refused += 1,
            _ => panic!("{part}: {run:?}"),
        }
    }
    assert!(used > 0 && refused > 0, "{used} {refused}");
    // The part that is left has all names: they come first in a pack.
    post.put(&whole[..whole.len() * 39 / 40]);
    let (left, all) = (
        post.there(&["collapse", "-F", "time,stack"]).stdout,
        post.here(&["collapse", "-F", "time,stack"]).stdout,
    );
    assert!(left.lines().count() > 1000);
    for line in left.lines() {
        assert!(all.contains(line), "{line}");
    }
    // Changed bytes: a checksum or the format may show the damage or not, but nothing breaks.
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        post.put(&bytes);
        let run = post.there(&["window"]);
        assert!(matches!(run.code, Some(2 | 3)) && !run.stderr.contains("panicked"), "{at}: {run:?}");
    }
}

#[test]
fn no_path_in_a_pack_is_one_of_the_file_system() {
    let post = Scene::post();
    post.pack(&[]);
    let good = entries(&post.packed());
    let expected = post.there(&["window"]).stdout;
    // Other entries are skipped, whatever their names are.
    let mut more = good.clone();
    for name in ["../escaped", "/tmp/stallgraph-escaped", "files/../../escaped", "a/b"] {
        more.push((name.to_owned(), EntryType::Regular, b"x".to_vec()));
    }
    post.put(&repack(&more));
    let run = post.there(&["window"]);
    assert_eq!((run.code, &run.stdout), (Some(0), &expected), "{run:?}");
    assert!(!post.at("escaped").exists() && !Path::new("/tmp/stallgraph-escaped").exists());
    assert_eq!(fs::read_dir(post.at("there")).expect("the folder").count(), 1);
    // Links, devices and other special files are refused.
    let kinds = [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo];
    for kind in kinds.into_iter().chain([
        EntryType::Directory,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::GNULongName,
    ]) {
        let mut odd = good.clone();
        odd.insert(1, ("files/0".to_owned(), kind, Vec::new()));
        post.put(&repack(&odd));
        let run = post.there(&["window"]);
        assert!(run.code == Some(2) && run.stderr.contains("no regular file"), "{kind:?} {run:?}");
    }
    let mut twice = good.clone();
    twice.push(good[1].clone());
    post.put(&repack(&twice));
    let run = post.there(&["window"]);
    assert!(run.code == Some(2) && run.stderr.contains("an entry twice"), "{run:?}");
}

#[test]
fn a_manifest_is_not_believed() {
    let post = Scene::post();
    post.pack(&[]);
    let good = entries(&post.packed());
    let text = String::from_utf8(good[0].2.clone()).expect("JSON");
    let with = |change: &dyn Fn(&str) -> String| {
        let mut entries = good.clone();
        entries[0].2 = change(&text).into_bytes();
        post.put(&repack(&entries));
        let run = post.there(&["window"]);
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        run
    };
    let run = with(&|text| text.replace("\"schema\": 1", "\"schema\": 2"));
    assert!(run.code == Some(2) && run.stderr.contains("form 2"), "{run:?}");
    assert_eq!(with(&|_| "{".to_owned()).code, Some(2));
    assert_eq!(with(&|_| "{\"schema\": 1}".to_owned()).code, Some(2));
    // A number that no file has: the report says that this file is missing.
    let run = with(&|text| text.replace("\"file\": 0", "\"file\": 18446744073709551615"));
    assert_eq!(run.code, Some(3), "{run:?}");
    // The recording has another length.
    assert_eq!(with(&|text| text.replace("610132", "610133")).code, Some(3));
    // The file of one module in place of another, and text in place of ELF.
    let run = with(&|text| text.replace("\"file\": 1", "\"file\": 0"));
    assert!(run.code == Some(0) && run.stdout.contains("seq_lseek;traverse"), "{run:?}");
    // Without a recording.
    post.put(&repack(&good[..1]));
    let run = post.there(&["window"]);
    assert!(run.code == Some(2) && run.stderr.contains("no recording is left in it"), "{run:?}");
    // A pack inside the pack, in place of the recording.
    let mut nested = good.clone();
    nested.last_mut().expect("the recording").2 = repack(&good);
    post.put(&repack(&nested));
    assert_eq!(post.there(&["window"]).code, Some(2));
    // Another archive, and an empty one.
    post.put(&repack(&good[1..]));
    assert!(post.there(&["window"]).stderr.contains("is a tar archive"));
    post.put(&zstd::decode_all(&repack(&good)[..]).expect("it unpacks"));
    assert!(post.there(&["window"]).stderr.contains("is a tar archive"));
    post.put(b"BZh91AY&SY");
    assert!(post.there(&["window"]).stderr.contains("is an archive, and no recording is left in it"));
}

#[test]
fn a_bomb_is_left_alone() {
    let post = Scene::post();
    post.pack(&[]);
    let good = entries(&post.packed());
    // 64 MiB of zeros in some KB, as a file, as the manifest, and as an entry that is not needed.
    for (at, name) in [(1, "files/0"), (0, "manifest.json"), (1, "other")] {
        let mut bomb = good.clone();
        bomb.insert(at, (name.to_owned(), EntryType::Regular, vec![0; 64 << 20]));
        let pack = repack(&bomb);
        assert!(pack.len() < 1 << 20);
        post.put(&pack);
        let run = post.there(&["window"]);
        assert!(run.code == Some(2) && !run.stderr.contains("panicked"), "{name}: {run:?}");
    }
    // An entry whose claimed size exceeds the file.
    let mut tar = zstd::decode_all(&repack(&good)[..]).expect("it unpacks");
    let header = tar::Header::from_byte_slice(&tar[..512]);
    let mut header = header.clone();
    header.set_size(u64::MAX >> 1);
    header.set_cksum();
    tar[..512].copy_from_slice(header.as_bytes());
    post.put(&zstd::encode_all(&tar[..], 1).expect("it packs"));
    assert_eq!(post.there(&["window"]).code, Some(2));
    // Either --max-memory is enough, or the report says how much to allow.
    post.put(&repack(&good));
    let run = post.there(&["window", "--max-memory", "500K"]);
    assert!(matches!(run.code, Some(2 | 3)) && format!("{run:?}").contains("--max-memory"), "{run:?}");
    assert_eq!(post.there(&["window", "--max-memory", "16M"]).code, Some(0));
}
