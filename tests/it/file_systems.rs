//! Paths that a recording names lead to files only on file systems that hold programs. Each test
//! mounts file systems in a namespace of its own, and says that it is skipped where it may not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::confinement::calls;
use crate::support::{Run, run};
use tempfile::TempDir;

/// A recording of programs in `/srv/names`, a folder for `--symfs` without that folder, and the
/// programs in another one, `kept`.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/names");
        let packed = fs::read(from.join("forms.data.zst")).expect("the recording");
        let bytes = zstd::decode_all(packed.as_slice()).expect("it unpacks");
        fs::write(scene.at("perf.data"), bytes).expect("a file");
        fs::create_dir_all(scene.at("symfs/srv/names")).expect("a folder");
        let copied =
            Command::new("cp").arg("-a").args([from.join("symfs/srv/names"), scene.at("kept")]).status();
        assert!(copied.is_ok_and(|status| status.success()), "cp");
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script of the shell, to which `$0` is the program, where it may mount file systems;
    /// `None`, with a note, if it ends with code 77.
    fn in_namespace(&self, script: &str) -> Option<Run> {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(env!("CARGO_BIN_EXE_stallgraph"));
        let run = run(command.current_dir(self.folder.path()));
        if matches!(run.code, Some(1 | 77)) && run.stdout.is_empty() {
            eprintln!("SKIPPED: no such mount here: {script}: {}", run.stderr);
            return None;
        }
        Some(run)
    }
}

const COLLAPSE: &str = "exec \"$0\" collapse perf.data --symfs symfs";

fn is_named(run: &Run) -> bool {
    run.stdout.lines().filter(|line| line.ends_with(";inner_work 1")).count() > 90
}

#[test]
fn programs_may_be_on_another_file_system_than_the_root() {
    let scene = Scene::new();
    let unnamed = run(Command::new("sh")
        .args(["-c", COLLAPSE, env!("CARGO_BIN_EXE_stallgraph")])
        .current_dir(scene.at("")));
    assert!(!is_named(&unnamed), "{unnamed:?}");
    for mount in [
        "mount --bind kept symfs/srv/names",
        "mount -t tmpfs none symfs/srv && cp -a kept symfs/srv/names",
        "mount -t ramfs none symfs/srv && cp -a kept symfs/srv/names",
        "mount -t tmpfs none symfs/srv && mkdir symfs/srv/a symfs/srv/b symfs/srv/names && \
         mount -t overlay -o lowerdir=kept,upperdir=symfs/srv/a,workdir=symfs/srv/b none symfs/srv/names",
        // As containers have it: a volume in a volume.
        "mount -t tmpfs none symfs/srv && mkdir symfs/srv/names && mount --bind kept symfs/srv/names",
    ] {
        let Some(run) = scene.in_namespace(&format!("({mount}) || exit 77; {COLLAPSE}")) else { continue };
        assert!(is_named(&run), "{mount}: {run:?}");
    }
}

/// As root, `info` opened `/sys/kernel/btf/vmlinux` by a path that a container can make.
#[test]
fn what_the_kernel_shows_as_files_is_not_opened() {
    let scene = Scene::new();
    for mount in [
        "cp -a kept/. symfs/srv/names && mount --bind /sys/kernel/btf/vmlinux symfs/srv/names/full",
        "cp -a kept/. symfs/srv/names && mount --bind /proc/config.gz symfs/srv/names/full",
        "mount -t proc none symfs/srv && ln -s /srv/self/exe symfs/full",
        "mount -t sysfs none symfs/srv/names",
        "mount -t debugfs none symfs/srv/names",
        "mount -t tracefs none symfs/srv/names",
        "mount -t cgroup2 none symfs/srv/names",
        "mount -t bpf none symfs/srv/names",
        "mount -t devpts none symfs/srv/names",
        "mount -t hugetlbfs none symfs/srv/names && touch symfs/srv/names/full && truncate -s 2M symfs/srv/names/full",
    ] {
        let script = format!(
            "({mount}) || exit 77; \
             strace -f -qq -y -e trace=open,openat,openat2 -o log \"$0\" info perf.data --symfs symfs"
        );
        let Some(run) = scene.in_namespace(&script) else { continue };
        assert_eq!(run.code, Some(0), "{mount}: {run:?}");
        let info = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(info.contains("on a file system that is not looked into"), "{mount}: {info}");
        let log = fs::read_to_string(scene.at("log")).expect("strace writes it");
        let real = scene.at("symfs").canonicalize().expect("a folder");
        let reached = |line: &&str| {
            let opened = line.rsplit_once(" = ").map(|(_, result)| result).unwrap_or_default();
            !line.contains("O_PATH") && (opened.contains("/srv/names/full") || opened.contains("/btf/"))
        };
        let calls = calls(&log);
        let reached: Vec<&str> = calls.iter().map(String::as_str).filter(reached).collect();
        assert!(reached.is_empty(), "{mount}: {reached:?}");
        assert!(log.contains(&*real.to_string_lossy()), "{mount}: {log}");
    }
}

/// To look up a name in a folder of autofs is to mount something there, which takes as long as
/// whoever mounts it.
#[test]
fn nothing_is_mounted() {
    for kind in ["indirect", "direct"] {
        let scene = Scene::new();
        let script = format!(
            "mkfifo pipe; cat pipe > asked & exec 4> pipe; \
             mount -t autofs -o fd=4,minproto=5,maxproto=5,{kind} none symfs/srv || exit 77; \
             setsid timeout 20 \"$0\" info perf.data --symfs symfs; code=$?; exec 4>&-; \
             umount -l symfs/srv; wait; exit $code"
        );
        let Some(run) = scene.in_namespace(&script) else { return };
        assert_eq!(run.code, Some(0), "{kind}: {run:?}");
        assert_eq!(fs::read(scene.at("asked")).expect("what autofs asks for"), b"", "{kind}");
    }
}
