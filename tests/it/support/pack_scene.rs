//! A recording, its pack, and the two folders where they are.

use std::fs;
use std::path::{Path, PathBuf};

use tar::EntryType;
use tempfile::TempDir;

use super::archive::add_entry;
use super::program::{Run, run, stallgraph};

/// A folder with a recording as `here/perf.data`, a kallsyms beside it, and room for its pack as
/// `there/perf.data`, so that the same name is typed for both.
pub struct Scene {
    folder: TempDir,
    /// The folder of programs and libraries.
    pub symfs: PathBuf,
}

impl Scene {
    /// A recording of testdata, compressed by zstd or not.
    pub fn of(recording: &str, kallsyms: Option<&str>, symfs: &str) -> Scene {
        let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
        let scene = Scene { folder: tempfile::tempdir().expect("a folder"), symfs: testdata.join(symfs) };
        for name in ["here", "there"] {
            fs::create_dir(scene.at(name)).expect("a folder");
        }
        let copy = |from: &Path, to: &Path| {
            let bytes = fs::read(from).expect("a file of testdata");
            let is_packed = from.extension().is_some_and(|extension| extension == "zst");
            let bytes = if is_packed { zstd::decode_all(&bytes[..]).expect("it unpacks") } else { bytes };
            fs::write(to, bytes).expect("a file");
        };
        let from = testdata.join(recording);
        let to = scene.at("here/perf.data");
        if from.is_dir() {
            fs::create_dir(&to).expect("a folder");
            for entry in fs::read_dir(&from).expect("the folder") {
                let entry = entry.expect("a file").path();
                copy(&entry, &to.join(entry.file_stem().expect("a name")));
            }
        } else {
            copy(&from, &to);
        }
        if let Some(kallsyms) = kallsyms {
            copy(&testdata.join(kallsyms), &scene.at("here/kallsyms"));
        }
        scene
    }

    /// A recording with these bytes, and the names of its kernel.
    pub fn made(recording: &[u8], kallsyms: &str) -> Scene {
        let scene = Scene { folder: tempfile::tempdir().expect("a folder"), symfs: "no-files".into() };
        for name in ["here", "there"] {
            fs::create_dir(scene.at(name)).expect("a folder");
        }
        fs::create_dir(scene.at("here/no-files")).expect("a folder");
        fs::write(scene.at("here/perf.data"), recording).expect("a file");
        fs::write(scene.at("here/kallsyms"), kallsyms).expect("a file");
        scene
    }

    /// The recording of the post.
    pub fn post() -> Scene {
        Scene::of("post/perf.data", Some("post/kallsyms"), "post/symfs")
    }

    /// A path in the folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command on the recording, with its programs and libraries.
    pub fn here(&self, arguments: &[&str]) -> Run {
        let mut command = stallgraph();
        command.args(arguments).arg("perf.data").arg("--symfs").arg(&self.symfs);
        run(command.current_dir(self.at("here")).env("HOME", self.folder.path()))
    }

    /// Runs a command as on another machine: no home, no other file.
    pub fn there(&self, arguments: &[&str]) -> Run {
        let mut command = stallgraph();
        command.args(arguments).arg("perf.data").current_dir(self.at("there")).env_remove("HOME");
        run(&mut command)
    }

    /// Packs the recording.
    #[track_caller]
    pub fn pack(&self, options: &[&str]) {
        let run = self.here(&[&["pack", "-o", "../there/perf.data"], options].concat());
        assert!(matches!(run.code, Some(0 | 3)) && run.stdout.starts_with("packed "), "{run:?}");
    }

    /// Writes other bytes in place of the pack.
    pub fn put(&self, pack: &[u8]) {
        fs::write(self.at("there/perf.data"), pack).expect("a file");
    }

    /// The pack.
    pub fn packed(&self) -> Vec<u8> {
        fs::read(self.at("there/perf.data")).expect("the pack")
    }

    /// Checks that commands print the same for the pack as for the recording.
    #[track_caller]
    pub fn is_the_same_there(&self, commands: &[&[&str]]) {
        for arguments in commands {
            let (here, there) = (self.here(arguments), self.there(arguments));
            assert_eq!((here.code, &here.stderr), (there.code, &there.stderr), "{arguments:?}");
            let here = as_from_pack(&here.stdout);
            assert!(here == there.stdout, "{arguments:?}: {here}\n{}", there.stdout);
        }
    }
}

/// What `info` prints of a pack in place of this: there the names of the kernel come from the pack.
pub fn as_from_pack(stdout: &str) -> String {
    stdout
        .replace("kallsyms, beside the recording", "kallsyms, in the pack")
        .replace("beside_recording", "pack")
}

/// The entries of a pack: name, kind, bytes.
pub fn entries(pack: &[u8]) -> Vec<(String, EntryType, Vec<u8>)> {
    let tar = zstd::decode_all(pack).expect("it unpacks");
    let mut archive = tar::Archive::new(&tar[..]);
    let read = |mut entry: tar::Entry<&[u8]>| {
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).expect("an entry");
        let name = String::from_utf8(entry.path_bytes().into_owned()).expect("a name");
        (name, entry.header().entry_type(), bytes)
    };
    archive.entries().expect("entries").map(|entry| read(entry.expect("an entry"))).collect()
}

/// A pack of these entries, whatever their names are.
pub fn repack(entries: &[(String, EntryType, Vec<u8>)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, kind, bytes) in entries {
        add_entry(&mut tar, name, *kind, bytes);
    }
    tar.resize(tar.len() + 1024, 0);
    zstd::encode_all(&tar[..], 1).expect("it packs")
}
