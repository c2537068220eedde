//! Archives of `perf archive --all`, which hold the recording too.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::archive::{add_entry, of_entries, pack};
use crate::support::stallgraph;
use tar::EntryType;

use super::scene::{Scene, has_program, names, testdata_path};

#[test]
fn an_archive_with_the_recording_in_it_is_read_as_one() {
    let forms = Scene::forms();
    let recording = fs::read(forms.at("here/perf.data")).expect("the recording");
    let symbols = forms.archive();
    let all = |path: &str| {
        of_entries(&[
            (path, EntryType::Regular, &recording),
            ("perf.symbols.tar.bz2", EntryType::Regular, &symbols),
        ])
    };
    let long = format!("/{}/perf.data", "folder/".repeat(20));
    for path in ["perf.data", "../../x/node7.data", "/tmp/kallsyms", &long] {
        forms.put("there/perf.data", &all(path));
        forms.is_the_same(&[]);
    }
    // Through a pipe.
    let mut command = stallgraph();
    command.args(["collapse", "-", "--symfs", "none"]).current_dir(forms.at("there"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(&all("perf.data")).expect("it reads");
    let read = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&read.stdout), forms.here(&["collapse"]).stdout);
    // Its pack is the same as that of the recording and its cache.
    for (place, options) in [("here", &["--buildid-dir", "cache"][..]), ("there", &[])] {
        let run = forms.run(place, &[&["pack", "perf.data", "-o", "pack"], options].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
    }
    let pack = |place: &str| fs::read(forms.at(place).join("pack")).expect("the pack");
    assert!(pack("here") == pack("there"));
    // Without the programs.
    forms.put("there/perf.data", &of_entries(&[("perf.data", EntryType::Regular, &recording)]));
    assert_eq!(forms.there(&["collapse"]).code, Some(0));
    assert!(!has_program(&forms.there(&["collapse"])));
}

#[test]
fn a_recording_in_an_archive_may_be_a_directory() {
    let scene = Scene::with(b"");
    let folder = testdata_path("variants/threads");
    fs::remove_file(scene.at("here/perf.data")).expect("it is there");
    fs::create_dir(scene.at("here/perf.data")).expect("a folder");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).expect("the folder") {
        let path = entry.expect("a file").path();
        let name = path.file_stem().expect("a name").to_str().expect("UTF-8").to_owned();
        let packed = fs::read(&path).expect("a file");
        let bytes = zstd::decode_all(packed.as_slice()).expect("it unpacks");
        scene.put(&format!("here/perf.data/{name}"), &bytes);
        files.push((format!("run/perf.data/{name}"), bytes));
    }
    // tar stores the files of a folder in any order.
    for _ in 0..2 {
        files.reverse();
        let mut entries = vec![("run/perf.data/", EntryType::Directory, &[][..])];
        entries
            .extend(files.iter().map(|(name, bytes)| (name.as_str(), EntryType::Regular, bytes.as_slice())));
        entries.push(("run/data.7", EntryType::Regular, b"of something else"));
        scene.put("there/perf.data", &of_entries(&entries));
        scene.is_the_same(&[]);
    }
    assert!(scene.there(&["collapse"]).stdout.lines().count() > 100);
}

#[test]
fn what_holds_no_recording_is_refused() {
    let forms = Scene::forms();
    let refused = |archive: &[u8], said: &str| {
        forms.put("there/perf.data", archive);
        for command in [&["window"][..], &["pack", "-o", "pack"]] {
            let run = forms.there(command);
            assert!(run.code == Some(2) && run.stderr.contains(said), "{run:?}");
        }
        assert!(!forms.at("there/pack").exists());
    };
    let none = "holds no recording: perf archive packs programs, unless it is told --all; give the perf.data that it lies beside";
    refused(&forms.archive(), none);
    refused(&of_entries(&[]), none);
    refused(
        &of_entries(&[("text", EntryType::Regular, b"text"), ("perf.data", EntryType::Directory, b"")]),
        none,
    );
    // The beginning decides: what follows does not matter.
    let archive = forms.archive();
    refused(&of_entries(&[("perf.data", EntryType::Symlink, b"")]), none);
    let cut = "no recording is left in it: it is cut short or damaged; copy it again";
    refused(b"BZh91AY&SY", cut);
    refused(&archive[..20], cut);
    let recording = fs::read(forms.at("here/perf.data")).expect("the recording");
    refused(&pack(&recording), "is compressed by bzip2; unpack it first: bunzip2 FILE");
    refused(&pack(b"cpu-clock"), "is compressed by bzip2; unpack it first: bunzip2 FILE");
    let two = [("a", EntryType::Regular, &recording[..]), ("b", EntryType::Regular, &recording)];
    refused(&of_entries(&two), "is an archive of 2 recordings; unpack it, and give one of them");
}

#[test]
fn a_recording_in_a_damaged_archive_is_read_as_far_as_it_goes() {
    let post = Scene::post();
    let recording = fs::read(post.at("here/perf.data")).expect("the recording");
    let entries = [
        ("perf.data", EntryType::Regular, &recording[..]),
        ("more", EntryType::Regular, &recording[100..]),
        ("perf.symbols.tar.bz2", EntryType::Regular, &post.archive()),
    ];
    // Blocks of 100 kB.
    let mut tar = Vec::new();
    for (name, kind, bytes) in entries {
        add_entry(&mut tar, name, kind, bytes);
    }
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packer.write_all(&tar).expect("memory");
    let whole = packer.finish().expect("memory");
    let all = names(&post.here(&["collapse", "-F", "time,stack"]));
    let (mut used, mut refused) = (0, 0);
    for part in 1..20 {
        post.put("there/perf.data", &whole[..whole.len() * part / 20]);
        let run = post.there(&["collapse", "-F", "time,stack"]);
        match run.code {
            Some(3) => {
                assert!(
                    run.stderr.contains("not all of the archive could be read: it is cut short"),
                    "{run:?}"
                );
                used += 1;
            }
            Some(2) => refused += 1,
            _ => panic!("{part}: {run:?}"),
        }
        let is_wrong = |name: &&String| !all.contains(*name) && !name.starts_with('[');
        assert_eq!(names(&run).iter().find(is_wrong), None);
    }
    assert!(used > 10 && refused > 0, "{used} {refused}");
}
