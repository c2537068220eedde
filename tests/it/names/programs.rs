//! Programs and libraries, named by their own symbols or by separate debug information.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::builder::{Builder, Mmap, Sample};
use crate::support::elf::build_id;
use crate::support::{hostname, run, stallgraph};
use object::{Object, ObjectSymbol};

use super::scene::forms;

/// A file below `folder`, whose name ends in `end`.
fn find(folder: &Path, end: &str) -> PathBuf {
    let output = Command::new("find").arg(folder).args(["-type", "f", "-name", &format!("*{end}")]).output();
    let text = String::from_utf8(output.expect("find").stdout).expect("a path");
    PathBuf::from(text.lines().next().unwrap_or_else(|| panic!("no *{end} below {}", folder.display())))
}

#[test]
fn each_form_of_a_program_has_its_names() {
    let scene = forms("forms");
    for form in ["full", "linked", "installed", "packed", "cached"] {
        let named = scene.ending_in(form, "inner_work", &[]);
        assert!(named > 90, "{form}: {named} samples");
    }
    // A stripped program has the names that it exports.
    assert!(scene.ending_in("stripped", "[stripped]", &[]) > 90);
    assert!(scene.unnamed(&["--symfs", "symfs"]).contains("in /srv/names/stripped: "));
}

#[test]
fn separate_debug_information_of_another_build_is_refused() {
    let scene = forms("forms");
    let other = fs::read(find(&scene.file("usr"), ".debug")).expect("debug information");
    fs::write(scene.file("srv/names/.debug/linked.debug"), other).expect("it can be written to");
    assert!(scene.ending_in("linked", "[linked]", &[]) > 90);
    let of_linked = fs::read(scene.file("srv/names/full")).expect("a program");
    fs::write(find(&scene.file("usr"), ".debug"), of_linked).expect("it can be written to");
    assert!(scene.ending_in("installed", "[installed]", &[]) > 90);
    let cached = find(&scene.file(".debug"), "elf");
    fs::copy(scene.file("srv/names/full"), cached).expect("it can be written to");
    assert_eq!(scene.ending_in("cached", "inner_work", &[]), 0);
    // The same path, but another build: refused, and the report says so.
    fs::copy(scene.file("srv/names/packed"), scene.file("srv/names/full")).expect("it can be written to");
    assert_eq!(scene.ending_in("full", "inner_work", &[]), 0);
    let said = scene.unnamed(&["--symfs", "symfs"]);
    assert!(said.contains("in /srv/names/full: the file here is another build"), "{said}");
}

#[test]
fn debug_information_alone_names_a_program_if_it_tells_where_its_code_lay() {
    let scene = forms("forms");
    let program = scene.file("srv/names/installed");
    let collapsed =
        |options: &[&str]| scene.run("collapse", &[&["--symfs", "symfs"], options].concat()).stdout;
    let (named, inlined) = (collapsed(&[]), collapsed(&["--inline"]));
    let bytes = fs::read(&program).expect("a program");
    fs::remove_file(&program).expect("it is there");
    assert!(scene.ending_in("installed", "inner_work", &[]) > 90);
    assert!(collapsed(&[]) == named && collapsed(&["--inline"]) == inlined);
    // A pack holds the debug information.
    let packed = scene.run("pack", &["--symfs", "symfs", "-o", "pack"]);
    assert_eq!(packed.code, Some(0), "{packed:?}");
    let mut of_pack = stallgraph();
    assert_eq!(run(of_pack.args(["collapse"]).arg(scene.at("pack"))).stdout, named);

    // If code of another length or several parts of the file were mapped, nothing says where they
    // lay.
    let build_id = build_id(&bytes);
    let inner = fs::read(find(&scene.file("usr"), ".debug")).expect("debug information");
    let inner = object::File::parse(&*inner).expect("ELF");
    let inner =
        inner.symbols().find(|symbol| symbol.name() == Ok("inner_work")).expect("the function").address();
    let recorded = |maps: &[(u64, u64)]| {
        let mut file = Builder::new();
        file.hostname("elsewhere").arch("x86_64").comm((42, 42), "tool");
        for &(offset, length) in maps {
            let map = Mmap::new(42, "/srv/names/installed", 0x40_0000 + offset, length);
            file.mmap2(map.pgoff(offset).build_id(&build_id));
        }
        file.at(0, 1_000_000).sample(Sample::new((42, 42)).user(&[0x40_0000 + inner]));
        fs::write(scene.at("perf.data"), file.build()).expect("the folder can be written to");
        scene.stack(&["--symfs", "symfs"])
    };
    assert_eq!(recorded(&[(0x1000, 0x1000)]), "inner_work");
    assert_eq!(recorded(&[(0x1000, 0x2000)]), "[installed]");
    assert_eq!(recorded(&[(0x1000, 0x1000), (0x3000, 0x1000)]), "[installed]");
    assert_eq!(recorded(&[(0x800, 0x1000)]), "[installed]");
}

/// While any event wants build ids, the kernel marks the records of all recordings.
#[test]
fn a_mark_without_a_build_id_is_not_believed() {
    let scene = forms("forms");
    let program = fs::read(scene.file("srv/names/full")).expect("a program");
    let inner = object::File::parse(&*program).expect("ELF");
    let inner = inner.symbols().find(|symbol| symbol.name() == Ok("inner_work")).expect("the function");
    let address = 0x40_0000 + inner.address();
    let named = |map: Mmap| {
        let mut file = Builder::new();
        file.hostname(&hostname()).arch("x86_64").comm((42, 42), "tool").mmap2(map);
        file.at(0, 1_000_000).sample(Sample::new((42, 42)).user(&[address]));
        fs::write(scene.at("perf.data"), file.build()).expect("the folder can be written to");
        scene.stack(&["--symfs", "symfs"])
    };
    let map = || Mmap::new(42, "/srv/names/full", 0x40_1000, 0x1000).pgoff(0x1000);
    assert_eq!(named(map()), "inner_work");
    for major in [8, 253, 259, 20 << 8] {
        assert_eq!(named(map().inode(major, 1, 77, 1).marked()), "inner_work", "device {major}");
    }
    assert_eq!(named(map().build_id(&build_id(&program))), "inner_work");
    for length in [16, 20] {
        assert_eq!(named(map().build_id(&vec![7; length])), "[full]", "another build");
    }
}

#[test]
fn a_debug_link_without_build_ids_is_believed_if_its_checksum_is_right() {
    let scene = forms("forms");
    let program = scene.file("srv/names/linked");
    let debug = scene.file("srv/names/.debug/linked.debug");
    // Without its build id only the checksum says which program the debug information belongs to.
    let bytes = fs::read(&debug).expect("debug information");
    let mut anonymous = bytes.clone();
    memchr::memmem::find_iter(&bytes, b"GNU\0").for_each(|at| anonymous[at] = b'X');
    fs::write(&debug, &anonymous).expect("it can be written to");
    assert!(scene.ending_in("linked", "[linked]", &[]) > 90, "the checksum is wrong now");
    let mut linking = fs::read(&program).expect("a program");
    let link = memchr::memmem::find(&linking, b"linked.debug\0").expect("a link");
    linking[link + 16..link + 20].copy_from_slice(&crc32fast::hash(&anonymous).to_le_bytes());
    fs::write(&program, linking).expect("it can be written to");
    assert!(scene.ending_in("linked", "inner_work", &[]) > 90, "and now it is right");
}

#[test]
fn the_build_id_cache_names_recordings_of_any_host() {
    let scene = forms("forms");
    fs::rename(scene.file(".debug"), scene.at("cache")).expect("the same folder");
    fs::remove_dir_all(scene.at("symfs")).expect("it is there");
    fs::create_dir(scene.at("symfs")).expect("a folder");
    assert_eq!(scene.ending_in("cached", "inner_work", &[]), 0);
    assert!(scene.ending_in("cached", "inner_work", &["--buildid-dir", "cache"]) > 90);
    // The user's own cache is used without being named: HOME is the folder.
    fs::rename(scene.at("cache"), scene.at(".debug")).expect("the same folder");
    let stacks = scene.run("collapse", &[]).stdout;
    assert!(stacks.lines().filter(|line| line.ends_with(";exported_work;inner_work 1")).count() > 90);
    // A cache whose links lead outside.
    let link = only_build_id(&scene.at(".debug/.build-id"));
    let folder = link.canonicalize().expect("a folder");
    fs::rename(&folder, scene.at("outside")).expect("the same file system");
    if link.is_symlink() {
        fs::remove_file(&link).expect("a link");
    }
    symlink(scene.at("outside"), &link).expect("a link");
    assert!(!scene.run("collapse", &[]).stdout.contains("inner_work"));
    let run = scene.run("collapse", &["--buildid-dir", "absent"]);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(2), "stallgraph: --buildid-dir absent: there is no such folder or archive\n")
    );
}

/// The size of the most whole symbols that fit between `offset` and the end of 10 GB.
fn whole_minus(offset: usize) -> u64 {
    ((10 << 30) - offset as u64) / 24 * 24
}

/// The entry of the only build id in a cache. It is a link, but in a published package, which holds
/// no links, a folder.
fn only_build_id(folder: &Path) -> PathBuf {
    let depth = ["-mindepth", "2", "-maxdepth", "2"];
    let output = Command::new("find").arg(folder).args(depth).output().expect("find");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").lines().next().expect("a link"))
}

#[test]
fn files_that_are_made_to_cost_time_do_not() {
    let scene = forms("forms");
    let full = scene.file("srv/names/full");
    // A hole of 10 GB after the program, and a program that is only a header and a hole.
    let append =
        |bytes: u64| fs::File::options().write(true).open(&full).and_then(|file| file.set_len(bytes));
    append(10 << 30).expect("a sparse file");
    assert!(scene.ending_in("full", "inner_work", &[]) > 90);
    let program = fs::read(forms("forms").file("srv/names/full")).expect("a program");
    // Section headers that claim the whole file: those of symbols, then all, then notes.
    const SYMBOLS: [u32; 2] = [2, 11];
    const NOTES: u32 = 4;
    let word = |at: usize| u64::from_le_bytes(program[at..at + 8].try_into().expect("8 bytes")) as usize;
    let half = |at: usize| u16::from_le_bytes([program[at], program[at + 1]]) as usize;
    let kind = |at: usize| u32::from_le_bytes(program[at..at + 4].try_into().expect("4 bytes"));
    let (mut symbols, mut all, mut notes) = (program.clone(), program.clone(), program.clone());
    let whole = ((10u64 << 30) / 24 * 24).to_le_bytes();
    for section in (1..half(0x3c)).map(|number| word(0x28) + number * 64) {
        all[section + 24..section + 32].fill(0);
        all[section + 32..section + 40].copy_from_slice(&whole);
        if SYMBOLS.contains(&kind(section + 4)) {
            symbols[section + 32..section + 40]
                .copy_from_slice(&(whole_minus(word(section + 24))).to_le_bytes());
        }
    }
    for segment in (0..half(0x38)).map(|number| word(0x20) + number * 56) {
        if kind(segment) == NOTES {
            notes[segment + 8..segment + 16].copy_from_slice(&(1u64 << 20).to_le_bytes());
            notes[segment + 32..segment + 40].copy_from_slice(&(9u64 << 30).to_le_bytes());
        }
    }
    for bytes in [&symbols[..], &all, &notes, &program[..64], &program[..4]] {
        fs::write(&full, bytes).expect("it can be written to");
        append(10 << 30).expect("a sparse file");
        let start = std::time::Instant::now();
        let run = scene.run("collapse", &["--symfs", "symfs"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}

#[test]
fn inlined_functions_are_shown_and_marked_if_they_are_asked_for() {
    let scene = forms("forms");
    let inlined = "outer_work (inlined);inner_work (inlined)";
    assert_eq!(scene.ending_in("inlined", inlined, &[]), 0);
    assert_eq!(scene.ending_in("inlined", inlined, &["--inline", "--no-inline"]), 0);
    assert!(scene.ending_in("inlined", inlined, &["--inline"]) > 90);
    // Nothing else changes.
    let stacks = |options: &[&str]| scene.run("collapse", &[&["--symfs", "symfs"], options].concat()).stdout;
    let without: String = stacks(&["--inline"])
        .lines()
        .map(|line| {
            let count = line.rsplit_once(' ').expect("a count").1;
            let frames = line.rsplit_once(' ').expect("a count").0.split(';');
            let kept: Vec<&str> = frames.filter(|frame| !frame.ends_with(" (inlined)")).collect();
            format!("{} {count}\n", kept.join(";"))
        })
        .collect();
    assert_eq!(without, stacks(&[]));
}
