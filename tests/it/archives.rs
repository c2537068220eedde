//! Archives of `perf archive`: the same names as from the build-id cache that they were made of, and that nothing in one is believed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::support::archive::{add_entry, add_to_cache, of_cache, of_entries, pack};
use crate::support::builder::{Builder, Mmap, Sample};
use crate::support::{Run, run, stallgraph};
use object::Object;
use tar::EntryType;
use tempfile::TempDir;

/// Commands and options whose output must not depend on where the names come from.
const COMMANDS: [&[&str]; 7] = [
    &["window"],
    &["window", "--format", "json"],
    &["collapse"],
    &["collapse", "--inline"],
    &["chart"],
    &["stalls"],
    &["info"],
];
/// The kernel of `testdata/post`.
const KERNEL: &str = "e4f18d9dc1d0e6fc2b17e93e885a647b3c0a6fc1";
const NOTHING: &str = "stallgraph: warning: perf.data.tar.bz2 holds nothing of what was recorded; give what perf archive made of this \
                       recording; perf archive --all packs that as perf.symbols.tar.bz2\n";
const CUT: &str = "not all of perf.data.tar.bz2 could be read: it is cut short or damaged; copy it again";

/// A folder with a recording as `here/perf.data` and the build-id cache of its machine, and the same recording as `there/perf.data`,
/// where there is none.
struct Scene {
    folder: TempDir,
}

fn testdata_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn testdata(name: &str) -> Vec<u8> {
    let path = testdata_path(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn build_id(program: &[u8]) -> Vec<u8> {
    let elf = object::File::parse(program).expect("an ELF file");
    elf.build_id().expect("notes").expect("a build id").to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Scene {
    fn with(recording: &[u8]) -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        for place in ["here", "there"] {
            fs::create_dir_all(scene.at(place).join("none")).expect("a folder");
            scene.put(&format!("{place}/perf.data"), recording);
        }
        fs::create_dir(scene.at("here/cache")).expect("a folder");
        scene
    }

    /// Programs with symbols of their own, and with separate debug information.
    fn forms() -> Scene {
        let packed = testdata("names/forms.data.zst");
        let scene = Scene::with(&zstd::decode_all(packed.as_slice()).expect("it unpacks"));
        for name in ["full", "inlined", "installed", "linked", "packed", "stripped"] {
            scene.cache(&format!("srv/names/{name}"), &testdata(&format!("names/symfs/srv/names/{name}")));
        }
        let id = hex(&build_id(&testdata("names/symfs/srv/names/linked")));
        let debug = testdata("names/symfs/srv/names/.debug/linked.debug");
        add_to_cache(&scene.at("here/cache"), &id, "srv/names/linked", "debug", &debug);
        // The path is longer than what the header of an entry has room for.
        let folder = "srv/names/of/a/folder/that/lies/further/down/than/others";
        let cached = "names/symfs/.debug/srv/names/cached/d4761342f5e72143fe40110349dfb2387adba2e3/elf";
        scene.cache(&format!("{folder}/cached"), &testdata(cached));
        scene
    }

    /// A kernel, with the names of its functions in the cache.
    fn post() -> Scene {
        let scene = Scene::with(&testdata("post/perf.data"));
        let kallsyms = testdata("post/kallsyms");
        add_to_cache(&scene.at("here/cache"), KERNEL, "[kernel.kallsyms]", "kallsyms", &kallsyms);
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.at(name), bytes).expect("a file");
    }

    fn cache(&self, path: &str, program: &[u8]) {
        add_to_cache(&self.at("here/cache"), &hex(&build_id(program)), path, "elf", program);
    }

    fn archive(&self) -> Vec<u8> {
        of_cache(&self.at("here/cache"))
    }

    /// Puts an archive beside the recording.
    fn put_beside(&self, archive: &[u8]) {
        self.put("there/perf.data.tar.bz2", archive);
    }

    fn here(&self, arguments: &[&str]) -> Run {
        self.run("here", &[arguments, &["perf.data", "--buildid-dir", "cache"]].concat())
    }

    fn there(&self, arguments: &[&str]) -> Run {
        self.run("there", &[arguments, &["perf.data"]].concat())
    }

    /// With no file of this machine.
    #[track_caller]
    fn run(&self, place: &str, arguments: &[&str]) -> Run {
        let run = run(stallgraph().args(arguments).args(["--symfs", "none"]).current_dir(self.at(place)));
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        run
    }

    /// That all commands print the same as from the cache.
    #[track_caller]
    fn is_the_same(&self, options: &[&str]) {
        for arguments in COMMANDS {
            let (here, there) = (self.here(arguments), self.there(&[arguments, options].concat()));
            assert_eq!((here.code, &here.stderr), (there.code, &there.stderr), "{arguments:?}");
            assert!(here.stdout == there.stdout, "{arguments:?}: {}\n{}", here.stdout, there.stdout);
        }
    }
}

/// The names in folded stacks.
fn names(run: &Run) -> BTreeSet<String> {
    let frames = run.stdout.lines().filter_map(|line| Some(line.rsplit_once(' ')?.0));
    frames.flat_map(|frames| frames.split(';').skip(1)).map(str::to_owned).collect()
}

fn has_program(run: &Run) -> bool {
    run.stdout.contains(";exported_work;inner_work ")
}

#[test]
fn an_archive_beside_the_recording_is_as_good_as_the_cache() {
    let forms = Scene::forms();
    assert!(!has_program(&forms.there(&["collapse"])));
    forms.put_beside(&forms.archive());
    forms.is_the_same(&[]);
    let run = forms.there(&["collapse"]);
    for comm in ["full", "linked", "packed", "cached"] {
        let is_named = |line: &&str| line.starts_with(&format!("{comm};")) && line.ends_with(";inner_work 1");
        assert!(run.stdout.lines().filter(is_named).count() > 90, "{comm}");
    }
    assert!(forms.there(&["collapse", "--inline"]).stdout.contains("inner_work (inlined)"));
    let post = Scene::post();
    post.put_beside(&post.archive());
    post.is_the_same(&[]);
    assert!(post.there(&["window"]).stdout.contains("seq_lseek;traverse"));
    // Whatever lies elsewhere, and however often it is in it.
    let archive = post.archive();
    post.put("there/else.tar.bz2", &archive);
    fs::remove_file(post.at("there/perf.data.tar.bz2")).expect("it is there");
    assert!(!post.there(&["window"]).stdout.contains("seq_lseek"));
    symlink("else.tar.bz2", post.at("there/perf.data.tar.bz2")).expect("a link");
    post.is_the_same(&[]);
    // As tools write it that pack on several CPUs, and with something behind it, as bzip2 takes it.
    let (first, second) = (testdata("post/kallsyms"), Vec::new());
    let mut tar = Vec::new();
    add_entry(&mut tar, &format!("[kernel.kallsyms]/{KERNEL}/kallsyms"), EntryType::Regular, &first);
    tar.resize(tar.len() + 1024, 0);
    let (one, two) = tar.split_at(tar.len() / 2);
    post.put("there/else.tar.bz2", &[pack(one), pack(two), pack(&second), b"something".to_vec()].concat());
    post.is_the_same(&[]);
}

#[test]
fn an_archive_can_be_named() {
    let forms = Scene::forms();
    forms.put("there/else.tar.bz2", &forms.archive());
    forms.is_the_same(&["--buildid-dir", "else.tar.bz2"]);
    // A stream has nothing beside it.
    forms.put("there/-.tar.bz2", &forms.archive());
    let stdin = |options: &[&str]| {
        let mut command = stallgraph();
        command.args(["collapse", "-", "--symfs", "none"]).args(options).current_dir(forms.at("there"));
        run(command.stdin(fs::File::open(forms.at("there/perf.data")).expect("the recording")))
    };
    assert!(!has_program(&stdin(&[])));
    assert_eq!(stdin(&["--buildid-dir", "else.tar.bz2"]).stdout, forms.here(&["collapse"]).stdout);
    // A pack without the programs.
    let packed = forms.run("there", &["pack", "perf.data", "-o", "pack"]);
    assert_eq!(packed.code, Some(0), "{packed:?}");
    assert!(!has_program(&forms.run("there", &["collapse", "pack"])));
    let named = forms.run("there", &["collapse", "pack", "--buildid-dir", "else.tar.bz2"]);
    assert_eq!(named.stdout, forms.here(&["collapse"]).stdout);
    // A pack that was made with it has them.
    forms.run("there", &["pack", "perf.data", "-o", "pack", "--buildid-dir", "else.tar.bz2"]);
    assert!(has_program(&forms.run("there", &["collapse", "pack"])));
    // What is neither.
    let made = Command::new("mkfifo").arg(forms.at("there/fifo")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    forms.put("there/short", b"BZ");
    for (name, said) in [
        ("absent", "there is no such folder or archive"),
        ("perf.data", "it is neither a folder nor an archive that perf archive made"),
        ("short", "it is neither a folder nor an archive that perf archive made"),
        ("fifo", "it is neither a folder nor an archive that perf archive made"),
    ] {
        let run = forms.there(&["collapse", "--buildid-dir", name]);
        assert_eq!((run.code, run.stderr), (Some(2), format!("stallgraph: --buildid-dir {name}: {said}\n")));
    }
}

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
    // The pack of it is that of the recording and its cache.
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
    // tar takes the files of a folder in any order.
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
    // It is seen at the beginning: what follows does not matter.
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
        let is_known = |name: &&String| !all.contains(*name) && !name.starts_with('[');
        assert_eq!(names(&run).iter().find(is_known), None);
    }
    assert!(used > 10 && refused > 0, "{used} {refused}");
}

/// A recording with a sample in `program`, which it calls `/srv/program`.
fn of_program(program: &[u8]) -> Scene {
    of_program_at(Some(&build_id(program)), entry_of(program, "inner_work"))
}

/// Like [`of_program`], with the sample at this offset, and this build id.
fn of_program_at(build_id: Option<&[u8]>, offset: u64) -> Scene {
    let mut file = Builder::new();
    file.hostname("node7").arch("x86_64").comm((42, 42), "tool");
    let map = Mmap::new(42, "/srv/program", 0x40_0000, 0x10_0000);
    file.mmap2(match build_id {
        Some(build_id) => map.build_id(build_id),
        None => map,
    });
    file.at(0, 1_000_000).sample(Sample::new((42, 42)).user(&[0x40_0000 + offset]));
    Scene::with(&file.build())
}

/// Where in the file a function is.
fn entry_of(program: &[u8], name: &str) -> u64 {
    use object::{ObjectSegment, ObjectSymbol};
    let elf = object::File::parse(program).expect("an ELF file");
    let symbol = elf.symbols().find(|symbol| symbol.name() == Ok(name)).expect("a symbol");
    let holds = |segment: &object::Segment| {
        (segment.address()..segment.address() + segment.size()).contains(&symbol.address())
    };
    let segment = elf.segments().find(holds).expect("a segment");
    symbol.address() - segment.address() + segment.file_range().0 + 1
}

fn program() -> Vec<u8> {
    testdata("names/symfs/srv/names/full")
}

#[test]
fn an_archive_is_not_unpacked_if_all_is_found_elsewhere() {
    let scene = of_program(&program());
    let expect = |options: &[&str], code: i32, stdout: &str, has_note: bool| {
        let run = scene.there(&[&["collapse"], options].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), stdout), "{options:?} {run:?}");
        assert_eq!(run.stderr.contains(CUT), has_note, "{options:?} {run:?}");
    };
    let (named, unnamed) = ("tool;inner_work 1\n", "tool;[program] 1\n");
    // Nothing that could be unpacked: if that was tried, it is said.
    scene.put_beside(b"BZh9 garbage");
    expect(&[], 0, unnamed, true);
    expect(&["--no-symbols"], 0, unnamed, false);
    scene.put_beside(b"garbage");
    expect(&[], 0, unnamed, false);
    scene.put_beside(b"BZh9 garbage");
    scene.cache("srv/program", &program());
    expect(&["--buildid-dir", "../here/cache"], 0, named, false);
    fs::create_dir(scene.at("there/none/srv")).expect("a folder");
    scene.put("there/none/srv/program", &program());
    expect(&[], 0, named, false);
    // A stripped program, of which the cache has all that its machine had; and one without a recorded build id, which is in no archive.
    let stripped = testdata("names/symfs/srv/names/stripped");
    let scene = of_program_at(Some(&build_id(&stripped)), 0x1010);
    scene.put_beside(b"BZh9 garbage");
    scene.cache("srv/program", &stripped);
    let run = scene.there(&["collapse", "--buildid-dir", "../here/cache"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let scene = of_program_at(None, 0x1010);
    scene.put_beside(b"BZh9 garbage");
    fs::create_dir(scene.at("there/none/srv")).expect("a folder");
    scene.put("there/none/srv/program", &stripped);
    let run = scene.there(&["collapse"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    // What is no regular file is not there.
    let scene = of_program(&program());
    for kind in ["fifo", "folder", "link"] {
        let beside = scene.at("there/perf.data.tar.bz2");
        match kind {
            "fifo" => _ = Command::new("mkfifo").arg(&beside).status().expect("mkfifo"),
            "folder" => fs::create_dir(&beside).expect("a folder"),
            _ => symlink("/dev/zero", &beside).expect("a link"),
        }
        let run = scene.there(&["collapse"]);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), unnamed, ""), "{kind}");
        let is_gone = fs::remove_file(&beside).or_else(|_| fs::remove_dir(&beside));
        is_gone.expect("it can be removed");
    }
}

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
    // As perf before 4.11 had it.
    assert_eq!(stack(&[(&format!("srv/program/{id}"), regular, &program)]), whole(named));
    // Another program, under the recorded build id; then what is right comes too late, as for a folder.
    assert_eq!(stack(&[(&elf, regular, &other)]), whole(unnamed));
    assert_eq!(stack(&[(&elf, regular, &other), (&elf, regular, &program)]), whole(unnamed));
    assert_eq!(stack(&[(&elf, regular, &program), (&elf, regular, &other)]), whole(named));
    assert_eq!(stack(&[(&elf, regular, b""), (&in_cache("vdso"), regular, &program)]), whole(named));
    assert_eq!(stack(&[(&in_cache("probes"), regular, &program)]), whole(unnamed));
    assert_eq!(scene.there(&["collapse"]).stderr, NOTHING);
    // What else is in it is passed over, whatever it is called.
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
    // Nothing but the names of folder and file counts.
    for folder in ["..", "/srv/../..", &"folder/".repeat(40)] {
        assert_eq!(stack(&[(&format!("{folder}/{id}/elf"), regular, &program)]), whole(named));
    }
    // What says something of the next entry and is not followed by one.
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::GNUSparse] {
        let (stdout, stderr) = stack(&[(&elf, regular, &program), (&elf, kind, b"x")]);
        assert!(stdout == named && stderr.contains(CUT), "{kind:?} {stderr}");
    }
    // Names as pax has them.
    let path = format!("path={}/{elf}\n", "folder/".repeat(20));
    let record = format!("{} {path}", path.len() + 4);
    assert_eq!(
        stack(&[("x", EntryType::XHeader, record.as_bytes()), ("x", regular, &program)]),
        whole(named)
    );
    // A sparse file of 2^60 bytes, of which none is there.
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
    // A size that is not there.
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::MAX >> 1);
    header.set_cksum();
    scene.put_beside(&pack(&[&header.as_bytes()[..], b"x"].concat()));
    assert!(scene.there(&["collapse"]).stderr.contains(CUT));
}

#[test]
fn a_kallsyms_in_an_archive_must_be_the_recorded_kernels() {
    let post = Scene::post();
    let text = testdata("post/kallsyms");
    let put = |text: &[u8]| {
        let name = format!("[kernel.kallsyms]/{KERNEL}/kallsyms");
        post.put_beside(&of_entries(&[(&name, EntryType::Regular, text)]));
        post.there(&["collapse"])
    };
    assert!(put(&text).stdout.contains("do_syscall_64"));
    let text = String::from_utf8(text).expect("text");
    // Longer code, and hidden addresses.
    let end = text.lines().find(|line| line.ends_with(" _etext")).expect("its end");
    let longer = text.replace(end, "ffffffff822190c8 T _etext");
    assert!(longer != text);
    let hidden: String = text.lines().map(|line| format!("{:016x}{}\n", 0, &line[16..])).collect();
    for (text, why) in [(&longer, "another kernel's"), (&hidden, "addresses are all 0")] {
        let run = put(text.as_bytes());
        assert!(!run.stdout.contains("do_syscall_64") && run.stderr.contains(why), "{run:?}");
    }
}

#[test]
fn damage_gives_no_wrong_names() {
    let forms = Scene::forms();
    let expected = names(&forms.here(&["collapse"]));
    // Blocks of 100 kB, of which there are several: what one program has is noise.
    let mut noise = 1u32;
    let mut byte = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let noise: Vec<u8> = (0..150_000).map(|_| byte()).collect();
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
    // Streams of zeros without end: of a wanted file, of another, of a name, of nothing.
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
    // Thousands of entries, and of the same one.
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
    // What is allowed is enough, or the remedy is said.
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
    // A hole is behind it, which is passed over.
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

#[test]
fn what_perf_itself_archives_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("none")).expect("a folder");
    let perf = |arguments: &[&str]| {
        let mut perf = Command::new("perf");
        perf.arg("--buildid-dir").arg(at("cache")).args(arguments).current_dir(folder.path());
        perf.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    };
    // A program that has names, and works for a tenth of a second.
    let program = at("program");
    fs::copy(testdata_path("names/symfs/srv/names/full"), &program).expect("a program");
    let program = program.to_str().expect("UTF-8");
    let is_recorded =
        perf(&["record", "-o", "perf.data", "-g", "-F", "999", "-e", "cpu-clock", "--", program]);
    if !is_recorded || !perf(&["archive", "perf.data"]) || !at("perf.data.tar.bz2").exists() {
        eprintln!(
            "SKIPPED archive of perf itself: perf, perf archive or bzip2 is missing, or may not record"
        );
        return;
    }
    let command = |subcommand: &str, options: &[&str]| {
        let mut command = stallgraph();
        command.args([subcommand, "perf.data", "--symfs", "none"]).args(options).current_dir(folder.path());
        run(&mut command)
    };
    let with = |options: &[&str]| ["collapse", "info"].map(|subcommand| command(subcommand, options));
    let beside = with(&[]);
    assert!(!beside.iter().any(|run| run.stderr.contains("could not be read")), "{beside:?}");
    assert!(has_program(&beside[0]), "{beside:?}");
    let archive = fs::read(at("perf.data.tar.bz2")).expect("it is there");
    fs::remove_file(at("perf.data.tar.bz2")).expect("it is there");
    let unpacked = tar::Archive::new(bzip2::read::BzDecoder::new(&archive[..])).unpack(at("unpacked"));
    unpacked.expect("it unpacks");
    for (beside, cached) in beside.iter().zip(&with(&["--buildid-dir", "unpacked"])) {
        assert_eq!((beside.code, &beside.stdout), (cached.code, &cached.stdout));
    }
    assert!(!has_program(&command("collapse", &[])));
}
