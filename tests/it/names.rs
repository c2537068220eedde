//! Names of user space: where they come from, which are refused, and that the reason is said.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::builder::{Builder, Kernel, Mmap, Sample};
use crate::support::{Run, run, stallgraph};
use object::{Object, ObjectSegment, ObjectSymbol};
use tempfile::TempDir;

/// A process id that no process can have (PID_MAX_LIMIT is 2^22), and no two tests at the same time.
fn no_process(number: u32) -> u32 {
    (1 << 23) + std::process::id() * 16 + number
}

fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux has it").trim().to_owned()
}

/// A recording in a folder of its own, and a folder for `--symfs` beside it.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn write(file: &mut Builder) -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        fs::write(scene.at("perf.data"), file.build()).expect("the folder can be written to");
        scene.add("symfs/empty", b"");
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be written to");
        fs::write(&path, bytes).expect("the folder can be written to");
        path
    }

    fn command(&self, subcommand: &str, options: &[&str]) -> Command {
        let mut command = stallgraph();
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.args([subcommand, "perf.data"]).args(options);
        command
    }

    #[track_caller]
    fn run(&self, subcommand: &str, options: &[&str]) -> Run {
        let run = run(&mut self.command(subcommand, options));
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }

    /// The frames of the only stack, root first.
    #[track_caller]
    fn stack(&self, options: &[&str]) -> String {
        let run = self.run("collapse", options);
        let stack =
            run.stdout.trim_end().strip_suffix(" 1").map(|line| line.split_once(';').expect("a comm").1);
        stack.unwrap_or_else(|| panic!("{run:?}")).to_owned()
    }

    /// What info says of the frames without a name, as one line.
    #[track_caller]
    fn unnamed(&self, options: &[&str]) -> String {
        let run = self.run("info", options);
        let lines = run.stdout.lines().skip_while(|line| !line.starts_with("names "));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        words.join(" ")
    }
}

/// A recording of this host in which process `pid` ran code at `addresses` of memory without a file.
fn generated_code(pid: u32, addresses: &[u64]) -> Builder {
    let task = (pid, pid);
    let mut file = Builder::new();
    file.hostname(&hostname()).arch("x86_64").kernel_map(&Kernel::new()).comm(task, "node");
    file.mmap2(Mmap::new(pid, "//anon", 0x7000_0000, 0x10_0000).pgoff(0x7000_0000).inode(0, 0, 0, 0));
    file.at(0, 1_000_000).sample(Sample::new(task).user(addresses));
    file
}

const MAP: &str = "\
70000000 40 LazyCompile:~main /app/server.js:1:1
70000040 40 stale
70000040 40 LazyCompile:*parse;json /app/server.js:9:3
";

/// A perf map in `/tmp`, which goes with the value.
struct InTmp(PathBuf);

impl InTmp {
    fn path(pid: u32) -> InTmp {
        InTmp(PathBuf::from(format!("/tmp/perf-{pid}.map")))
    }

    fn write(pid: u32, text: &str) -> InTmp {
        let map = InTmp::path(pid);
        fs::write(&map.0, text).expect("/tmp can be written to");
        map
    }
}

impl Drop for InTmp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn code_made_at_run_time_has_the_names_of_its_perf_map() {
    let pid = no_process(0);
    let scene = Scene::write(&mut generated_code(pid, &[0x7000_0010, 0x7000_0050, 0x7000_0090]));
    let unnamed = "[anon];[anon];[anon]";
    assert_eq!(scene.stack(&[]), unnamed);
    let map = InTmp::write(pid, MAP);
    let named = "LazyCompile:~main /app/server.js:1:1;LazyCompile:*parse:json /app/server.js:9:3;[anon]";
    assert_eq!(scene.stack(&[]), named);
    // Below --symfs only what is there counts.
    assert_eq!(scene.stack(&["--symfs", "symfs"]), unnamed);
    drop(map);
    scene.add(&format!("symfs/tmp/perf-{pid}.map"), MAP.as_bytes());
    assert_eq!(scene.stack(&["--symfs", "symfs"]), named);
    assert_eq!(scene.stack(&[]), unnamed);
    let said = scene.unnamed(&[]);
    assert!(said.contains(&format!("/tmp/perf-{pid}.map")) && said.contains("--perf-basic-prof"), "{said}");
}

#[test]
fn another_process_has_another_perf_map() {
    let (one, two) = (no_process(1), no_process(2));
    let mut file = generated_code(one, &[0x7000_0010]);
    file.mmap2(Mmap::new(two, "//anon", 0x7000_0000, 0x1000).inode(0, 0, 0, 0));
    file.sample(Sample::new((two, two)).user(&[0x7000_0010]));
    let scene = Scene::write(&mut file);
    scene.add(&format!("symfs/tmp/perf-{one}.map"), b"70000000 100 of_one\n");
    scene.add(&format!("symfs/tmp/perf-{two}.map"), b"70000000 100 of_two\n");
    let stacks = scene.run("collapse", &["--symfs", "symfs"]).stdout;
    let leaves: Vec<&str> = stacks.lines().map(|line| line.rsplit_once(';').expect("a frame").1).collect();
    assert_eq!(leaves, ["of_one 1", "of_two 1"]);
}

#[test]
fn a_perf_map_that_cannot_be_believed_is_refused_and_that_is_said() {
    let pid = no_process(3);
    let scene = Scene::write(&mut generated_code(pid, &[0x7000_0010]));
    let refused = |why: &str| {
        assert_eq!(scene.stack(&[]), "[anon]", "{why}");
        let said = scene.unnamed(&[]);
        assert!(said.contains(why), "{said}");
    };
    let map = InTmp::path(pid);
    // A link, to a file that would do.
    let elsewhere = scene.add("elsewhere.map", MAP.as_bytes());
    symlink(&elsewhere, &map.0).expect("a link");
    refused("no regular file");
    fs::remove_file(&map.0).expect("it is there");
    // A FIFO: whoever opens it waits.
    assert!(Command::new("mkfifo").arg(&map.0).status().is_ok_and(|status| status.success()), "mkfifo");
    refused("no regular file");
    fs::remove_file(&map.0).expect("it is there");
    // Written in another boot: process ids begin anew in each.
    fs::write(&map.0, MAP).expect("/tmp can be written to");
    let touch = Command::new("touch").args(["-d", "@1000000000"]).arg(&map.0).status();
    assert!(touch.is_ok_and(|status| status.success()), "touch");
    refused("in another boot");
    // Larger than any, most of it a hole.
    fs::write(&map.0, MAP).expect("/tmp can be written to");
    fs::File::options()
        .write(true)
        .open(&map.0)
        .and_then(|file| file.set_len(10 << 30))
        .expect("a sparse file");
    refused("longer than 1 GiB");
    // Of somebody else.
    fs::write(&map.0, MAP).expect("/tmp can be written to");
    assert_eq!(scene.stack(&[]), "LazyCompile:~main /app/server.js:1:1");
    match std::os::unix::fs::chown(&map.0, Some(65534), Some(65534)) {
        Ok(()) => refused(&format!("chown root /tmp/perf-{pid}.map")),
        Err(why) => eprintln!("SKIPPED a perf map of another user: {why}"),
    }
}

#[test]
fn no_perf_map_is_looked_for_if_the_recording_is_of_another_host() {
    let pid = no_process(4);
    let scene = Scene::write(generated_code(pid, &[0x7000_0010]).hostname("elsewhere.example"));
    let _map = InTmp::write(pid, MAP);
    assert_eq!(scene.stack(&[]), "[anon]");
    assert!(scene.unnamed(&[]).contains("recorded on another host"));
    assert!(Path::new(&_map.0).exists());
}

/// A recording of `testdata/names`, which `scripts/record-names` made, in a folder of its own, and its `symfs` copied beside it.
fn forms(name: &str) -> Scene {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/names");
    let packed = fs::read(from.join(format!("{name}.data.zst"))).expect("the recording");
    let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
    scene.add("perf.data", &zstd::decode_all(packed.as_slice()).expect("it unpacks"));
    let copied = Command::new("cp").arg("-a").args([from.join("symfs"), scene.at("symfs")]).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp");
    scene
}

impl Scene {
    /// How many samples of `comm` end in this function.
    #[track_caller]
    fn ending_in(&self, comm: &str, leaf: &str, options: &[&str]) -> usize {
        let stacks = self.run("collapse", &[&["--symfs", "symfs"], options].concat()).stdout;
        let is_one = |line: &&str| {
            line.starts_with(&format!("{comm};")) && line.ends_with(&format!(";exported_work;{leaf} 1"))
        };
        stacks.lines().filter(is_one).count()
    }

    fn file(&self, path: &str) -> PathBuf {
        self.at("symfs").join(path)
    }
}

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
    // What is stripped has the names that it exports.
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
    // The same path, another build: refused, and said.
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
    // A pack holds it.
    let packed = scene.run("pack", &["--symfs", "symfs", "-o", "pack"]);
    assert_eq!(packed.code, Some(0), "{packed:?}");
    let mut of_pack = stallgraph();
    assert_eq!(run(of_pack.args(["collapse"]).arg(scene.at("pack"))).stdout, named);

    // Code of another length was mapped, or several parts of the file: where they lay, nothing tells.
    let code = object::File::parse(&*bytes).expect("ELF");
    let build_id = code.build_id().expect("notes").expect("a build id").to_vec();
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

#[test]
fn a_debug_link_without_build_ids_is_believed_if_its_checksum_is_right() {
    let scene = forms("forms");
    let program = scene.file("srv/names/linked");
    let debug = scene.file("srv/names/.debug/linked.debug");
    // Without its build id nothing but the checksum tells which file the debug information belongs to.
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
    // The user's own is taken without being named: HOME is the folder.
    fs::rename(scene.at("cache"), scene.at(".debug")).expect("the same folder");
    let stacks = scene.run("collapse", &[]).stdout;
    assert!(stacks.lines().filter(|line| line.ends_with(";exported_work;inner_work 1")).count() > 90);
    // A cache whose links lead out of it.
    let link = find_link(&scene.at(".debug/.build-id"));
    let folder = link.canonicalize().expect("a folder");
    fs::rename(&folder, scene.at("outside")).expect("the same file system");
    fs::remove_file(&link).expect("a link");
    symlink(scene.at("outside"), &link).expect("a link");
    assert!(!scene.run("collapse", &[]).stdout.contains("inner_work"));
    let run = scene.run("collapse", &["--buildid-dir", "absent"]);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(2), "stallgraph: --buildid-dir absent: there is no such folder or archive\n")
    );
}

/// The most bytes of whole symbols between `offset` and the end of 10 GB.
fn whole_minus(offset: usize) -> u64 {
    ((10 << 30) - offset as u64) / 24 * 24
}

fn find_link(folder: &Path) -> PathBuf {
    let output = Command::new("find").arg(folder).args(["-type", "l"]).output().expect("find");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").lines().next().expect("a link"))
}

#[test]
fn code_that_node_made_has_the_names_of_its_perf_map() {
    let scene = forms("node");
    let stacks = scene.run("collapse", &["--symfs", "symfs"]).stdout;
    let inner = |line: &&str| line.ends_with(";JS:*innerWork /srv/names/made.js:1:19 1");
    assert!(stacks.lines().filter(inner).count() > 100, "{stacks}");
}

#[test]
fn files_that_are_made_to_cost_time_do_not() {
    let scene = forms("forms");
    let full = scene.file("srv/names/full");
    // A hole of 10 GB behind the program, and a program that is nothing but a hole behind its header.
    let append =
        |bytes: u64| fs::File::options().write(true).open(&full).and_then(|file| file.set_len(bytes));
    append(10 << 30).expect("a sparse file");
    assert!(scene.ending_in("full", "inner_work", &[]) > 90);
    let program = fs::read(forms("forms").file("srv/names/full")).expect("a program");
    // Sections that claim the whole file: those of symbols, and all; and notes that do.
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

/// A program that does nothing, running with `root` as its root; killed with the value.
struct Contained {
    child: std::process::Child,
}

impl Contained {
    /// `None` where this user may not change the root of a process, or nothing can be compiled for it.
    fn start(scene: &Scene) -> Option<Contained> {
        let source = scene.add(
            "work.c",
            b"void container_work(void) { for (;;) __asm__ volatile(\"syscall\" : : \"a\"(34) : \"rcx\", \"r11\"); }\n\
              void _start(void) { container_work(); }\n",
        );
        scene.add("root/app/.keep", b"");
        scene.add("root/tmp/.keep", b"");
        let mut compiler = Command::new("cc");
        compiler.args(["-O0", "-nostdlib", "-static", "-Wl,--build-id", "-o"]).arg(scene.at("root/app/work"));
        let is_compiled = compiler.arg(source).stderr(Stdio::null()).status().is_ok_and(|it| it.success());
        let mut chroot = Command::new("chroot");
        chroot.arg(scene.at("root")).arg("/app/work").stderr(Stdio::null());
        let mut child = is_compiled.then(|| chroot.spawn().ok()).flatten()?;
        // chroot has become the program once its executable is.
        let exe = format!("/proc/{}/exe", child.id());
        for _ in 0..500 {
            if fs::read_link(&exe).is_ok_and(|path| path.ends_with("app/work")) {
                return Some(Contained { child });
            }
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = child.kill();
        None
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn files_of_a_container_are_found_at_the_root_of_their_process() {
    let scene = Scene::write(&mut Builder::new());
    let Some(contained) = Contained::start(&scene).filter(|_| cfg!(target_arch = "x86_64")) else {
        eprintln!("SKIPPED container test: needs root, a C compiler and x86-64");
        return;
    };
    let pid = contained.child.id();
    let bytes = fs::read(scene.at("root/app/work")).expect("the program");
    let elf = object::File::parse(bytes.as_slice()).expect("an ELF file");
    let symbol = elf.symbols().find(|symbol| symbol.name() == Ok("container_work")).expect("a symbol");
    let holds = |segment: &object::Segment| {
        (segment.address()..segment.address() + segment.size()).contains(&symbol.address())
    };
    let segment = elf.segments().find(holds).expect("a segment");
    let position = symbol.address() - segment.address() + segment.file_range().0;
    let build_id = elf.build_id().expect("notes").expect("a build id");

    let mut file = generated_code(pid, &[0x6000_0000 + position, 0x7000_0010]);
    // The later map of the same code is the one that counts.
    file.mmap2(Mmap::new(pid, "/app/work", 0x6000_0000, 0x10_0000).build_id(build_id));
    file.at(0, 2_000_000).sample(Sample::new((pid, pid)).user(&[0x6000_0000 + position, 0x7000_0010]));
    fs::write(scene.at("perf.data"), file.build()).expect("it can be written to");
    // It calls itself by its id in its own process namespace, which here is ours.
    scene.add(&format!("root/tmp/perf-{pid}.map"), b"70000000 100 made_in_container\n");
    let last = |options: &[&str]| {
        let stacks = scene.run("collapse", options).stdout;
        stacks.lines().last().expect("a stack").to_owned()
    };
    assert_eq!(last(&[]), "node;[work];[anon] 1");
    assert_eq!(last(&["--container-root"]), "node;container_work;made_in_container 1");
    // A link there leads nowhere but into the container.
    fs::remove_file(scene.at("root/app/work")).expect("it is there");
    symlink(scene.at("elsewhere"), scene.at("root/app/work")).expect("a link");
    scene.add("elsewhere", &bytes);
    assert_eq!(last(&["--container-root"]), "node;[work];made_in_container 1");
}
