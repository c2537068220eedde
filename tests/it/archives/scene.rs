//! A recording on two machines: one has a build-id cache, the other at most an archive.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::archive::{add_to_cache, of_cache};
use crate::support::builder::{Builder, Mmap, Sample};
use crate::support::elf::{build_id, position_of};
use crate::support::{Run, run, stallgraph};
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
pub const KERNEL: &str = "e4f18d9dc1d0e6fc2b17e93e885a647b3c0a6fc1";

pub const NOTHING: &str = "stallgraph: warning: perf.data.tar.bz2 holds nothing of what was recorded; give what perf archive made of this \
                       recording; perf archive --all packs that as perf.symbols.tar.bz2\n";

pub const CUT: &str = "not all of perf.data.tar.bz2 could be read: it is cut short or damaged; copy it again";

/// A folder with a recording as `here/perf.data` and the build-id cache of its machine, and the
/// same recording as `there/perf.data` without a cache.
pub struct Scene {
    pub folder: TempDir,
}

pub fn testdata_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

pub fn testdata(name: &str) -> Vec<u8> {
    let path = testdata_path(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Scene {
    pub fn with(recording: &[u8]) -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        for place in ["here", "there"] {
            fs::create_dir_all(scene.at(place).join("none")).expect("a folder");
            scene.put(&format!("{place}/perf.data"), recording);
        }
        fs::create_dir(scene.at("here/cache")).expect("a folder");
        scene
    }

    /// Programs with symbols of their own, and with separate debug information.
    pub fn forms() -> Scene {
        let packed = testdata("names/forms.data.zst");
        let scene = Scene::with(&zstd::decode_all(packed.as_slice()).expect("it unpacks"));
        for name in ["full", "inlined", "installed", "linked", "packed", "stripped"] {
            scene.cache(&format!("srv/names/{name}"), &testdata(&format!("names/symfs/srv/names/{name}")));
        }
        let id = hex(&build_id(&testdata("names/symfs/srv/names/linked")));
        let debug = testdata("names/symfs/srv/names/.debug/linked.debug");
        add_to_cache(&scene.at("here/cache"), &id, "srv/names/linked", "debug", &debug);
        // The path is longer than the header of an entry has room for.
        let folder = "srv/names/of/a/folder/that/lies/further/down/than/others";
        let cached = "names/symfs/.debug/srv/names/cached/d4761342f5e72143fe40110349dfb2387adba2e3/elf";
        scene.cache(&format!("{folder}/cached"), &testdata(cached));
        scene
    }

    /// A kernel, with the names of its functions in the cache.
    pub fn post() -> Scene {
        let scene = Scene::with(&testdata("post/perf.data"));
        let kallsyms = testdata("post/kallsyms");
        add_to_cache(&scene.at("here/cache"), KERNEL, "[kernel.kallsyms]", "kallsyms", &kallsyms);
        scene
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.at(name), bytes).expect("a file");
    }

    pub fn cache(&self, path: &str, program: &[u8]) {
        add_to_cache(&self.at("here/cache"), &hex(&build_id(program)), path, "elf", program);
    }

    pub fn archive(&self) -> Vec<u8> {
        of_cache(&self.at("here/cache"))
    }

    /// Writes an archive beside the recording.
    pub fn put_beside(&self, archive: &[u8]) {
        self.put("there/perf.data.tar.bz2", archive);
    }

    pub fn here(&self, arguments: &[&str]) -> Run {
        self.run("here", &[arguments, &["perf.data", "--buildid-dir", "cache"]].concat())
    }

    pub fn there(&self, arguments: &[&str]) -> Run {
        self.run("there", &[arguments, &["perf.data"]].concat())
    }

    /// Runs a command that can use no file of this machine.
    #[track_caller]
    pub fn run(&self, place: &str, arguments: &[&str]) -> Run {
        let run = run(stallgraph().args(arguments).args(["--symfs", "none"]).current_dir(self.at(place)));
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        run
    }

    /// Checks that all commands print the same as with the cache.
    #[track_caller]
    pub fn is_the_same(&self, options: &[&str]) {
        for arguments in COMMANDS {
            let (here, there) = (self.here(arguments), self.there(&[arguments, options].concat()));
            assert_eq!((here.code, &here.stderr), (there.code, &there.stderr), "{arguments:?}");
            assert!(here.stdout == there.stdout, "{arguments:?}: {}\n{}", here.stdout, there.stdout);
        }
    }
}

/// The names in folded stacks.
pub fn names(run: &Run) -> BTreeSet<String> {
    let frames = run.stdout.lines().filter_map(|line| Some(line.rsplit_once(' ')?.0));
    frames.flat_map(|frames| frames.split(';').skip(1)).map(str::to_owned).collect()
}

pub fn has_program(run: &Run) -> bool {
    run.stdout.contains(";exported_work;inner_work ")
}

/// A recording with a sample in `program`, which it calls `/srv/program`.
pub fn of_program(program: &[u8]) -> Scene {
    of_program_at(Some(&build_id(program)), position_of(program, "inner_work") + 1)
}

/// Like [`of_program`], with the sample at this offset, and this build id.
pub fn of_program_at(build_id: Option<&[u8]>, offset: u64) -> Scene {
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

pub fn program() -> Vec<u8> {
    testdata("names/symfs/srv/names/full")
}
