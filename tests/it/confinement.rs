//! Which files the program opens, as strace sees it. It opens files that a recording names only if
//! the recording is of this host and this user, and never any outside `--symfs`. Says that it is
//! skipped where strace is missing or may not trace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::builder::{Builder, Kernel, Mmap, Sample};
use crate::support::{hostname, make_fifo};
use tempfile::TempDir;

/// What the program reads of the system: which host and kernel this is, its symbols, and when it
/// was booted, to see whether a list of functions is of the recording's boot.
const KERNEL_FILES: [&str; 5] = [
    "/proc/kallsyms",
    "/proc/stat",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/osrelease",
    "/sys/kernel/notes",
];
const TASK: (u32, u32) = (42, 42);
/// Bytes of each map.
const LENGTH: u64 = 0x10_0000;

/// A folder with a recording in it that names files.
struct Scene {
    folder: TempDir,
    /// A FIFO without a writer: to open it is to wait for ever.
    fifo: PathBuf,
    /// A regular ELF file.
    program: PathBuf,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("fifo");
        make_fifo(&fifo);
        let program = PathBuf::from(env!("CARGO_BIN_EXE_stallgraph"));
        Scene { folder, fifo, program }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn recording(&self) -> PathBuf {
        self.at("perf.data")
    }

    /// Writes a recording of the host `hostname` with a sample in each of these modules.
    fn record(&self, hostname: &str, modules: &[&Path]) {
        let mut kernel = Kernel::new();
        let mut file = Builder::new();
        file.hostname(hostname).arch("x86_64").kernel_map(&kernel).comm(TASK, "worker");
        for (module, number) in modules.iter().zip(1u64..) {
            let start = number * 0x1000_0000;
            file.mmap2(Mmap::new(TASK.0, &module.to_string_lossy(), start, LENGTH));
            file.at(0, number * 1_000_000);
            let stack = kernel.stack("entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read");
            file.sample(Sample::new(TASK).kernel(&stack).user(&[start + 0x1000]));
        }
        fs::write(self.recording(), file.build()).expect("the folder can be written to");
    }

    /// Names that must not be followed, and a program that exists.
    fn hostile(&self) -> Vec<&Path> {
        let mut names: Vec<&Path> = [
            "../../../../etc/shadow",
            "/../../../../etc/shadow",
            "/usr/../etc/shadow",
            "/dev/zero",
            "/dev/stdin",
            "/proc/self/mem",
            "/proc/self/exe",
            "/proc/self/root/bin/sh",
            "/sys/kernel/btf/vmlinux",
            "/sys/kernel/notes",
            "/etc",
            "//anon",
            "[vdso]",
            "/memfd:x (deleted)",
        ]
        .map(Path::new)
        .to_vec();
        names.push(&self.fifo);
        names
    }
}

/// Whether strace is installed and may trace; prints a note if not.
fn can_trace() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "trace=openat", "-o", "/dev/null", "true"]);
    let is_able = strace.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !is_able {
        eprintln!("SKIPPED confinement test: no strace that may trace");
    }
    is_able
}

/// Runs the program and returns the files that it opened or tried to open, with links resolved
/// where they lead to a file.
#[track_caller]
fn opened(scene: &Scene, arguments: &[&str]) -> BTreeSet<PathBuf> {
    let log = scene.at("strace.txt");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-y", "-s", "4096", "-e", "trace=open,openat,openat2,creat,execve", "-o"])
        .arg(&log);
    strace
        .arg(env!("CARGO_BIN_EXE_stallgraph"))
        .arg(arguments[0])
        .arg(scene.recording())
        .args(&arguments[1..]);
    strace.current_dir(scene.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = strace.spawn().expect("strace, which has just run");
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if start.elapsed() > Duration::from_secs(30) {
            // strace detaches from its tracee when it is killed; a writer of the FIFO lets the
            // tracee end.
            child.kill().expect("it is there");
            let _ = fs::OpenOptions::new().read(true).write(true).open(&scene.fifo);
            panic!("{arguments:?} hangs; its log ends in {:?}", fs::read_to_string(&log).map(last_line));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // Which of 0, 1 and 3 does not matter here: the kernel's symbols may be missing, and so on.
    assert!(matches!(status.code(), Some(0 | 1 | 3)), "{arguments:?}: {status}");
    let text = fs::read_to_string(&log).expect("strace writes it");
    let paths: BTreeSet<PathBuf> =
        calls(&text).iter().filter_map(|call| path_of(call)).map(|path| real(scene, &path)).collect();
    assert!(paths.contains(&real(scene, &scene.recording())), "strace sees what is opened: {text}");
    paths
}

fn last_line(text: String) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}

/// The lines of strace, each with a whole call: strace cuts one in two where another thread's comes
/// between.
pub(crate) fn calls(text: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let process = line.split(' ').next().unwrap_or_default();
        if let Some(start) = line.strip_suffix("<unfinished ...>") {
            begun.insert(process, start);
        } else if line.contains("<... ") {
            let end = line.split_once("resumed>").expect("its end").1;
            calls.push(format!("{}{end}", begun.remove(process).expect("its start")));
        } else {
            calls.push(line.to_owned());
        }
    }
    calls
}

/// The path that a call opened, or tried to open: `123 openat(AT_FDCWD</here>, "/etc/ld.so.cache",
/// O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>`. O_PATH opens nothing.
fn path_of(call: &str) -> Option<PathBuf> {
    if call.contains("O_PATH") {
        return None;
    }
    let named = call.split('"').nth(1);
    assert!(named.is_some() || !call.contains("open"), "a call without a path: {call}");
    let opened = || call.rsplit_once(" = ")?.1.split_once('<')?.1.strip_suffix('>');
    // What was only named before is opened by its descriptor.
    match named.filter(|path| path.starts_with("/proc/self/fd/")) {
        Some(descriptor) => Some(opened().unwrap_or(descriptor)),
        None => named,
    }
    .map(PathBuf::from)
}

fn real(scene: &Scene, path: &Path) -> PathBuf {
    let path = scene.folder.path().join(path);
    path.canonicalize().unwrap_or(path)
}

/// The files that all commands open beyond those that they open without names.
#[track_caller]
fn opened_for_names(scene: &Scene, options: &[&str]) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for command in ["window", "collapse", "info"] {
        let with = opened(scene, &[&[command], options].concat());
        let without = opened(scene, &[command, "--no-symbols"]);
        for name in scene.hostile() {
            assert!(!without.contains(&real(scene, name)), "{command} --no-symbols opens {}", name.display());
        }
        assert!(!without.contains(&real(scene, &scene.program)) || is_own_start(scene), "{without:?}");
        all.extend(with.difference(&without).cloned());
    }
    let is_kernels = |path: &PathBuf| KERNEL_FILES.iter().any(|name| path == Path::new(name));
    all.retain(|path| !is_kernels(path) && *path != real(scene, &scene.at("kallsyms")));
    all
}

/// The program's own execve names it too.
fn is_own_start(scene: &Scene) -> bool {
    scene.program == Path::new(env!("CARGO_BIN_EXE_stallgraph"))
}

#[test]
fn nothing_that_a_strange_recording_names_is_opened() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new();
    // A copy, since starting the program opens the program itself.
    let copy = scene.at("program");
    fs::copy(&scene.program, &copy).expect("the folder can be written to");
    scene.program = copy;
    let map = scene.at("perf-42.map");
    fs::write(&map, "10000000 100000 jitted\n").expect("the folder can be written to");
    let dump = scene.at("jit-42.dump");
    fs::write(&dump, "JiTD").expect("the folder can be written to");
    let program = scene.program.clone();
    let mut modules = scene.hostile();
    modules.extend([program.as_path(), &map, &dump, Path::new("/bin/sh")]);

    scene.record("elsewhere.example", &modules);
    let none = BTreeSet::new();
    assert_eq!(opened_for_names(&scene, &[]), none, "the recording is another host's");

    // The recording is of this host and this user: the program is read, but still only regular
    // files.
    scene.record(&hostname(), &modules);
    let own = opened_for_names(&scene, &[]);
    assert!(own.contains(&real(&scene, &program)), "this test sees what is opened: {own:?}");
    let regular = [program.as_path(), &map, &dump, Path::new("/bin/sh")].map(|path| real(&scene, path));
    let may_be = |path: &&PathBuf| regular.contains(path) || path.starts_with("/usr/lib/debug");
    let strange: Vec<_> = own.iter().filter(|path| !may_be(path)).collect();
    assert!(strange.is_empty(), "no regular files: {strange:?}");

    // The recording is of this host, but written by another user.
    let nobody = 65534;
    match std::os::unix::fs::chown(scene.recording(), Some(nobody), Some(nobody)) {
        Ok(()) => assert_eq!(opened_for_names(&scene, &[]), none, "the recording is another user's"),
        Err(why) => eprintln!("SKIPPED a recording of another user: {why}"),
    }
}

#[test]
fn nothing_outside_symfs_is_opened() {
    if !can_trace() {
        return;
    }
    let mut scene = Scene::new();
    let symfs = scene.at("symfs");
    let inside = symfs.join("usr/bin/program");
    fs::create_dir_all(inside.parent().expect("a folder")).expect("the folder can be written to");
    fs::copy(&scene.program, &inside).expect("the folder can be written to");
    scene.program = inside.clone();
    let outside = scene.at("outside");
    fs::copy(&inside, &outside).expect("the folder can be written to");
    symlink(&outside, symfs.join("leaves")).expect("a link");
    symlink("../outside", symfs.join("climbs")).expect("a link");
    symlink(scene.folder.path(), symfs.join("folder")).expect("a link");
    symlink(&scene.fifo, symfs.join("fifo")).expect("a link");
    symlink("usr/bin/program", symfs.join("stays")).expect("a link");
    let mut modules = scene.hostile();
    let below =
        ["/usr/bin/program", "/stays", "/leaves", "/climbs", "/folder/outside", "/fifo", "/../outside"];
    modules.extend(below.map(Path::new));
    modules.extend([outside.as_path(), Path::new("/bin/sh")]);

    for host in [hostname(), "elsewhere.example".to_owned()] {
        scene.record(&host, &modules);
        let opened = opened_for_names(&scene, &["--symfs", "symfs"]);
        assert!(opened.contains(&real(&scene, &inside)), "this test sees what is opened: {opened:?}");
        let root = real(&scene, &symfs);
        let strange: Vec<_> = opened.iter().filter(|path| !path.starts_with(&root)).collect();
        assert!(strange.is_empty(), "{host}: outside --symfs: {strange:?}");
    }
}
