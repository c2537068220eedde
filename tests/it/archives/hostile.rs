//! Archives that are wrong, damaged, or far larger than they look.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use crate::support::Dice;
use crate::support::archive::{add_entry, add_to_cache, of_entries, pack};
use crate::support::elf::build_id;
use tar::EntryType;

use super::scene::{CUT, NOTHING, Scene, has_program, hex, names, of_program, program, testdata};

#[test]
fn nothing_in_an_archive_is_believed() {
    let (program, other) = (program(), testdata("names/symfs/srv/names/inlined"));
    let scene = of_program(&program);
    let id = hex(&build_id(&program));
    let in_cache = |name: &str| format!("srv/program/{id}/{name}");
    let elf = in_cache("elf");
    let stack = |entries: &[(&str, EntryType, &[u8])]| {
        scene.put_beside(&of_entries(entries));
        let run = scene.there(&["collapse"]);
        let left = fs::read_dir(scene.at("there")).expect("the folder").count();
        assert_eq!((run.code, left), (Some(0), 3), "{run:?}");
        (run.stdout, run.stderr.replace(NOTHING, ""))
    };
    let regular = EntryType::Regular;
    let (named, unnamed) = (("tool;inner_work 1\n"), ("tool;[program] 1\n"));
    let whole = |stdout: &str| (stdout.to_owned(), String::new());
    assert_eq!(stack(&[(&elf, regular, &program)]), whole(named));
    // In the layout of perf before 4.11.
    assert_eq!(stack(&[(&format!("srv/program/{id}"), regular, &program)]), whole(named));
    // Another program under the recorded build id: refused. A right one that follows it is not
    // used, as in a folder.
    assert_eq!(stack(&[(&elf, regular, &other)]), whole(unnamed));
    assert_eq!(stack(&[(&elf, regular, &other), (&elf, regular, &program)]), whole(unnamed));
    assert_eq!(stack(&[(&elf, regular, &program), (&elf, regular, &other)]), whole(named));
    assert_eq!(stack(&[(&elf, regular, b""), (&in_cache("vdso"), regular, &program)]), whole(named));
    assert_eq!(stack(&[(&in_cache("probes"), regular, &program)]), whole(unnamed));
    assert_eq!(scene.there(&["collapse"]).stderr, NOTHING);
    // Other entries are skipped, whatever their names are.
    let odd = [
        "../../escaped",
        "/tmp/stallgraph-escaped",
        "..",
        "",
        "/",
        "elf",
        "/elf",
        "zz/elf",
        "srv/program/abc/elf",
    ];
    let mut entries: Vec<(&str, EntryType, &[u8])> = odd.map(|name| (name, regular, &program[..])).to_vec();
    let kinds = [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo];
    for kind in
        kinds.into_iter().chain([EntryType::Directory, EntryType::XGlobalHeader, EntryType::Continuous])
    {
        entries.push((&elf, kind, b""));
    }
    assert_eq!(stack(&entries), whole(unnamed));
    entries.push((&elf, regular, &program));
    assert_eq!(stack(&entries), whole(named));
    assert!(!Path::new("/tmp/stallgraph-escaped").exists());
    // Only the names of the last folder and of the file count.
    for folder in ["..", "/srv/../..", &"folder/".repeat(40)] {
        assert_eq!(stack(&[(&format!("{folder}/{id}/elf"), regular, &program)]), whole(named));
    }
    // Entries that describe the next entry, where none follows.
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::GNUSparse] {
        let (stdout, stderr) = stack(&[(&elf, regular, &program), (&elf, kind, b"x")]);
        assert!(stdout == named && stderr.contains(CUT), "{kind:?} {stderr}");
    }
    // Names in the form of pax.
    let path = format!("path={}/{elf}\n", "folder/".repeat(20));
    let record = format!("{} {path}", path.len() + 4);
    assert_eq!(
        stack(&[("x", EntryType::XHeader, record.as_bytes()), ("x", regular, &program)]),
        whole(named)
    );
    // A sparse file that claims 2^60 bytes and has none.
    let mut tar = Vec::new();
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..elf.len()].copy_from_slice(elf.as_bytes());
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(0);
    let gnu = header.as_gnu_mut().expect("it is one");
    gnu.set_real_size(1 << 60);
    gnu.sparse[0].set_offset(1 << 60);
    gnu.sparse[0].set_length(0);
    header.set_cksum();
    tar.extend(header.as_bytes());
    add_entry(&mut tar, &elf, regular, &program);
    scene.put_beside(&pack(&tar));
    assert_eq!(scene.there(&["collapse"]).code, Some(0));
    // An entry whose claimed size exceeds the file.
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::MAX >> 1);
    header.set_cksum();
    scene.put_beside(&pack(&[&header.as_bytes()[..], b"x"].concat()));
    assert!(scene.there(&["collapse"]).stderr.contains(CUT));
}

#[test]
fn damage_gives_no_wrong_names() {
    let forms = Scene::forms();
    let expected = names(&forms.here(&["collapse"]));
    // Several blocks of 100 kB: one program's file is noise, which does not compress.
    let noise = Dice::new(1).bytes(150_000);
    for name in ["linked", "installed"] {
        let program = testdata(&format!("names/symfs/srv/names/{name}"));
        let path = format!("srv/names/{name}");
        add_to_cache(&forms.at("here/cache"), &hex(&build_id(&program)), &path, "probes", &noise);
    }
    let mut tar = Vec::new();
    bzip2::read::BzDecoder::new(&forms.archive()[..]).read_to_end(&mut tar).expect("it unpacks");
    let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    packer.write_all(&tar).expect("memory");
    let whole = packer.finish().expect("memory");
    forms.put_beside(&whole);
    assert_eq!(names(&forms.there(&["collapse"])), expected);
    let (mut partly, mut cut) = (0, 0);
    let mut check = |bytes: &[u8]| {
        forms.put_beside(bytes);
        let run = forms.there(&["collapse"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let is_wrong = |name: &&String| !expected.contains(*name) && !name.starts_with('[');
        assert_eq!(names(&run).iter().find(is_wrong), None);
        cut += usize::from(run.stderr.contains(CUT));
        partly += usize::from(run.stderr.contains(CUT) && has_program(&run));
    };
    for part in 0..20 {
        check(&whole[..whole.len() * part / 20]);
    }
    for at in (0..whole.len()).step_by(whole.len() / 50) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        check(&bytes);
    }
    assert!(cut > 60 && partly > 15, "{cut} {partly}");
}

#[test]
fn bombs_end_soon() {
    let scene = of_program(&program());
    let elf = format!("srv/program/{}/elf", hex(&build_id(&program())));
    let header = |name: &str, kind, size| {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    // Endless streams of zeros: as a file that is needed, as another, as a name, as padding.
    let zeros = pack(&vec![0; 1 << 20]).repeat(1 << 12);
    let over = "the memory that is allowed is used up before its end; allow more with --max-memory";
    for (name, kind) in [
        (elf.as_str(), EntryType::Regular),
        ("other", EntryType::Regular),
        ("name", EntryType::GNULongName),
        ("name", EntryType::XHeader),
        ("folder", EntryType::Directory),
    ] {
        let start = Instant::now();
        scene.put_beside(&[pack(&header(name, kind, 1 << 40)), zeros.clone()].concat());
        let run = scene.there(&["collapse", "--max-memory", "16M"]);
        assert!(run.code == Some(0) && run.stderr.contains(over), "{name} {run:?}");
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
    scene.put_beside(&[pack(&[0; 1024]), zeros].concat());
    let run = scene.there(&["collapse", "--max-memory", "16M"]);
    assert!(run.code == Some(0) && run.stderr.contains(over), "{run:?}");
    // Thousands of entries, all of the same name.
    let mut tar = Vec::new();
    for number in 0..10_000 {
        add_entry(&mut tar, &format!("srv/{number}/elf"), EntryType::Regular, b"x");
        add_entry(&mut tar, &elf, EntryType::Regular, b"x");
    }
    scene.put_beside(&pack(&tar));
    let run = scene.there(&["collapse", "--max-memory", "64M"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    // Thousands of streams.
    scene.put_beside(&pack(b"").repeat(20_000));
    assert_eq!(scene.there(&["collapse"]).code, Some(0));
    // Either --max-memory is enough, or the report says how much to allow.
    scene.put_beside(&of_entries(&[(&elf, EntryType::Regular, &program())]));
    let run = scene.there(&["collapse", "--max-memory", "10K"]);
    assert!(run.stdout == "tool;[program] 1\n" && run.stderr.contains(over), "{run:?}");
    let run = scene.there(&["collapse", "--max-memory", "64K"]);
    assert!(run.stdout == "tool;inner_work 1\n" && run.stderr.is_empty(), "{run:?}");
}

#[test]
fn that_a_large_archive_takes_time_is_said() {
    let scene = of_program(&program());
    let elf = format!("srv/program/{}/elf", hex(&build_id(&program())));
    scene.put_beside(&of_entries(&[(&elf, EntryType::Regular, &program())]));
    // A hole follows the archive, and is skipped.
    let file =
        fs::File::options().write(true).open(scene.at("there/perf.data.tar.bz2")).expect("it is there");
    file.set_len((64 << 20) + 1).expect("a sparse file");
    let run = scene.there(&["collapse"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "tool;inner_work 1\n"));
    assert!(
        run.stderr.contains("takes seconds to unpack, each time; make a pack: stallgraph pack"),
        "{run:?}"
    );
}
