//! Files beside a recording, which another user may have put there: only those of this user, root
//! or the recording's owner count.

use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::PathBuf;

use crate::support::builder::{Builder, Kernel, Mmap, Sample};
use crate::support::{Run, run, stallgraph};
use tempfile::TempDir;

const TASK: (u32, u32) = (42, 42);
const STACK: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read;seq_lseek";
const FORGED: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;vfs_read;nvidia_poll_hw";
const BUILD_ID: [u8; 20] = [7; 20];
/// Two users who are neither this one nor root.
const STRANGER: u32 = 12345;
const RECORDER: u32 = 12346;
/// All users without an id in a user namespace.
const NOBODY: u32 = 65534;

/// A recording in a folder like /tmp.
struct Scene {
    folder: TempDir,
    kallsyms: String,
}

impl Scene {
    fn new() -> Scene {
        let mut kernel = Kernel::new();
        let mut file = Builder::new();
        file.hostname("elsewhere.example").arch("x86_64").kernel_map(&kernel).kernel_build_id(&BUILD_ID);
        file.comm(TASK, "worker")
            .mmap2(Mmap::new(TASK.0, "/bin/tool", 0x7000_0000, 0x1000).build_id(&[9; 20]));
        let stack = kernel.stack(STACK);
        file.at(0, 1_000_000).sample(Sample::new(TASK).kernel(&stack).user(&[0x7000_0100]));
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).expect("it is ours");
        let scene = Scene { folder, kallsyms: kernel.kallsyms() };
        fs::write(scene.at("perf.data"), file.build()).expect("a file");
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A kallsyms with a name that a stranger chose.
    fn forge(&self, name: &str) {
        fs::write(self.at(name), self.kallsyms.replace("seq_lseek", "nvidia_poll_hw")).expect("a file");
    }

    /// Gives a file, or a link itself, to a user; `false`, with a note, if this user may not.
    fn give(&self, name: &str, user: u32) -> bool {
        match lchown(self.at(name), Some(user), Some(user)) {
            Ok(()) => true,
            Err(why) => {
                eprintln!("SKIPPED files of other users: {why}");
                false
            }
        }
    }

    fn run(&self, words: &str) -> Run {
        let mut command = stallgraph();
        command.args(words.split(' ')).current_dir(self.folder.path()).env("HOME", self.at("home"));
        run(&mut command)
    }

    /// The text of `info`, as one line.
    fn info(&self, options: &str) -> String {
        let run = self.run(&format!("info perf.data{options}"));
        run.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn assert_stack(&self, stack: &str) {
        let run = self.run("collapse perf.data");
        assert_eq!(run.stdout, format!("worker;[tool];{stack} 1\n"), "{}", run.stderr);
    }

    /// Checks that the kallsyms beside the recording is not used, and that this is said.
    #[track_caller]
    fn assert_refused(&self, why: &str) {
        let unnamed = ["[[kernel.kallsyms]]"; 5].join(";");
        self.assert_stack(&unnamed);
        for command in ["collapse perf.data", "window perf.data"] {
            let run = self.run(command);
            let said = format!("kallsyms is not used: {why}");
            let text = [run.stdout, run.stderr].concat().split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&said), "{command}: {text}");
            assert!(text.contains("--kallsyms uses it all the same"), "{command}: {text}");
        }
    }
}

/// It was believed before all other sources, so that another user could choose the culprit.
#[test]
fn a_kallsyms_of_another_user_is_not_believed() {
    let scene = Scene::new();
    scene.forge("kallsyms");
    if !scene.give("kallsyms", STRANGER) {
        return;
    }
    let why = "it belongs to user 12345, who is neither you, root nor the recording's owner";
    scene.assert_refused(why);
    // Another source has its turn, and the report says which one and why not the first.
    let cache = scene.at("home/.debug/.build-id/07/07070707070707070707070707070707070707");
    fs::create_dir_all(&cache).expect("a folder");
    fs::write(cache.join("kallsyms"), &scene.kallsyms).expect("a file");
    scene.assert_stack(STACK);
    let info = scene.info("");
    assert!(info.contains("symbols the kernel's are from kallsyms in the build-id cache"), "{info}");
    assert!(info.contains(&format!("kallsyms is not used for names of the kernel: {why}")), "{info}");
    let json: serde_json::Value =
        serde_json::from_str(&scene.run("info perf.data --format json").stdout).expect("JSON");
    let expected = serde_json::json!([
        { "file": "kallsyms in the build-id cache", "place": "build_id_cache", "option": null }
    ]);
    assert_eq!(json["kernel_names"], expected);
    // Who names the file believes it, and the report says so.
    let named = scene.run("collapse perf.data --kallsyms kallsyms");
    assert_eq!(named.stdout, format!("worker;[tool];{FORGED} 1\n"), "{}", named.stderr);
    let info = scene.info(" --kallsyms kallsyms");
    let said = "symbols the kernel's are from kallsyms, which --kallsyms names, so no other file counts";
    assert!(info.contains(said), "{info}");
}

/// Who owns the recording can make it say anything.
#[test]
fn a_kallsyms_of_the_recordings_owner_counts() {
    let scene = Scene::new();
    scene.forge("kallsyms");
    if !scene.give("kallsyms", RECORDER) || !scene.give("perf.data", RECORDER) {
        return;
    }
    scene.assert_stack(FORGED);
    assert!(scene.info("").contains("symbols the kernel's are from kallsyms, beside the recording"));
    scene.give("kallsyms", STRANGER);
    scene.assert_refused("it belongs to user 12345");
    // root's and one's own count for any recording.
    scene.give("kallsyms", 0);
    scene.assert_stack(FORGED);
    // Nobody is not one user.
    scene.give("kallsyms", NOBODY);
    scene.give("perf.data", NOBODY);
    scene.assert_refused("it belongs to user 65534");
}

/// A link is a name that its owner chose, and so is a hard link.
#[test]
fn a_link_to_ones_own_file_counts_if_it_is_ones_own() {
    let scene = Scene::new();
    fs::create_dir(scene.at("private")).expect("a folder");
    fs::set_permissions(scene.at("private"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    scene.forge("private/old");
    symlink("private/old", scene.at("kallsyms")).expect("a link");
    scene.assert_stack(FORGED);
    if scene.give("kallsyms", STRANGER) {
        scene.assert_refused("it belongs to user 12345");
    }
    fs::remove_file(scene.at("kallsyms")).expect("the link");
    fs::hard_link(scene.at("private/old"), scene.at("kallsyms")).expect("a link");
    scene.assert_refused("it has several names (hard links), and others can make files in its folder");
    // Where nobody else can make files, it is one's own doing.
    fs::set_permissions(scene.at(""), fs::Permissions::from_mode(0o755)).expect("it is ours");
    scene.assert_stack(FORGED);
}

#[test]
fn an_archive_of_another_user_is_not_unpacked() {
    let scene = Scene::new();
    fs::write(scene.at("kallsyms"), &scene.kallsyms).expect("a file");
    fs::write(scene.at("perf.data.tar.bz2"), b"BZh91AY&SY no archive").expect("a file");
    assert!(scene.run("collapse perf.data").stderr.contains("not all of perf.data.tar.bz2 could be read"));
    if !scene.give("perf.data.tar.bz2", STRANGER) {
        return;
    }
    let run = scene.run("collapse perf.data");
    let why = "perf.data.tar.bz2 is not used: it belongs to user 12345, who is neither you, root nor the recording's owner";
    assert!(run.stderr.contains(why), "{run:?}");
    assert!(run.stderr.contains("--buildid-dir perf.data.tar.bz2 uses it all the same"), "{run:?}");
}
