//! Names of kernel modules from their own files, where no kallsyms has them: where their sections
//! are loaded, and in which forms the files are found.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::builder::{Builder, Mmap, Sample};
use crate::support::elf::{Section, kernel_module};
use crate::support::{Run, compressed, run, stallgraph};
use tempfile::TempDir;

const TASK: (u32, u32) = (42, 42);
const BUILD_ID: [u8; 20] = [7; 20];
const START: u64 = 0xffff_ffff_c042_a000;
const FILE: &str = "/lib/modules/6.1.0-test/kernel/net/some-thing.ko";
const VERMAGIC: &str = "6.1.0-test SMP preempt mod_unload modversions ";

/// The module's sections: one that is loaded apart, one that only unloading needs, and one after
/// that, which has to be aligned.
const SECTIONS: [Section; 4] = [
    Section {
        name: ".text",
        size: 0x105,
        alignment: 16,
        functions: &[("receive", 0, 0x80), ("send", 0x80, 0x85)],
    },
    Section { name: ".init.text", size: 0x40, alignment: 16, functions: &[("init_module", 0, 0x40)] },
    Section { name: ".exit.text", size: 0x21, alignment: 1, functions: &[("cleanup_module", 0, 0x21)] },
    Section { name: ".text.unlikely", size: 0x30, alignment: 8, functions: &[("receive.cold", 0, 0x30)] },
];
/// Addresses of samples in the module, and what is there.
const PLACES: [(u64, &str); 5] = [
    (0x10, "receive"),
    (0x104, "send"),
    (0x110, "cleanup_module"),
    // .exit.text begins at 0x105 and ends at 0x126; 8 divides 0x128.
    (0x128, "receive.cold"),
    (0x157, "receive.cold"),
];
const NONE: [&str; 5] = ["[some-thing.ko]"; 5];

/// A recording of another host, in which a module was hit, without kallsyms.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new(path: &str) -> Scene {
        let mut file = Builder::new();
        file.hostname("elsewhere.example").arch("x86_64").os_release("6.1.0-test");
        file.mmap2(Mmap::kernel_module(path, START, 0x4000).build_id(&BUILD_ID)).comm(TASK, "worker");
        for (number, (place, _)) in (1..).zip(PLACES) {
            file.at(0, number * 1_000_000).sample(Sample::new(TASK).kernel(&[START + place]));
        }
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        scene.add("perf.data", &file.build());
        scene
    }

    fn add(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be written to");
        fs::write(&path, bytes).expect("the folder can be written to");
    }

    fn run(&self, subcommand: &str, options: &[&str]) -> Run {
        let mut command = stallgraph();
        command.current_dir(self.folder.path()).env("HOME", self.folder.path().join("home"));
        run(command.arg(subcommand).args(options))
    }

    /// The names that `collapse` prints for the addresses.
    #[track_caller]
    fn assert_names(&self, options: &[&str], names: &[&str; 5]) {
        let run = self.run("collapse", options);
        let leaf = |line: &str| line.rsplit_once(';').map(|(_, leaf)| leaf.replace(" 1", ""));
        let leaves: Vec<String> = run.stdout.lines().filter_map(leaf).collect();
        assert_eq!(leaves, names, "{options:?}: {}", run.stderr);
    }

    /// The module's file below a folder, as `bytes`.
    #[track_caller]
    fn assert_named_by(&self, bytes: &[u8], names: &[&str; 5]) {
        self.add(&format!("symfs{FILE}"), bytes);
        self.assert_names(&["--symfs", "symfs", "perf.data"], names);
    }
}

fn names() -> [&'static str; 5] {
    PLACES.map(|(_, name)| name)
}

/// The recording is of a machine with Debian's kernel 6.1; so are the modules' symbols in the pack.
/// What kallsyms had in that boot is beside it.
#[test]
fn real_modules_have_the_names_that_kallsyms_gives_them() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/names");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kallsyms = folder.path().join("kallsyms");
    let text = fs::read(data.join("modules.kallsyms.zst")).expect("testdata");
    fs::write(&kallsyms, zstd::decode_all(&text[..]).expect("it unpacks")).expect("it can be written");
    let stacks = |options: &[&str]| {
        let mut command = stallgraph();
        command.arg("collapse").args(options).arg(data.join("modules.stall.tar.zst"));
        let run = run(&mut command);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stdout
    };
    let from_files = stacks(&[]);
    let from_kallsyms = stacks(&["--kallsyms", kallsyms.to_str().expect("a path")]);
    let frames = |text: &str| -> Vec<String> { text.split([';', '\n']).map(str::to_owned).collect() };
    let (from_files, from_kallsyms) = (frames(&from_files), frames(&from_kallsyms));
    assert_eq!(from_files.len(), from_kallsyms.len());
    // The kernel itself has no names in the pack.
    let is_of_kernel = |frame: &str| frame.starts_with("[[kernel.kallsyms]]");
    let mut in_modules = std::collections::BTreeMap::new();
    for (ours, theirs) in from_files.iter().zip(&from_kallsyms).filter(|(ours, _)| !is_of_kernel(ours)) {
        assert_eq!(ours, theirs);
        let module = ["ext4_", "loop_", "lo_"].into_iter().find(|prefix| ours.contains(prefix));
        *in_modules.entry(module.unwrap_or_default()).or_insert(0) += 1;
    }
    assert!(in_modules["ext4_"] > 200 && in_modules["loop_"] > 10, "{in_modules:?}");
}

#[test]
fn functions_are_where_the_kernel_puts_their_sections() {
    let scene = Scene::new(FILE);
    scene.assert_names(&["perf.data"], &NONE);
    scene.assert_named_by(&kernel_module(&BUILD_ID, VERMAGIC, &SECTIONS), &names());
}

/// A kernel of another configuration discards `.exit.text`, and moves what follows it.
#[test]
fn what_is_loaded_nobody_knows_where_has_no_name() {
    let scene = Scene::new(FILE);
    let module = "[some-thing.ko]";
    let until_exit = ["receive", "send", module, module, module];
    scene.assert_named_by(&kernel_module(&BUILD_ID, "6.1.0-test SMP no_mod_unload ", &SECTIONS), &until_exit);
    let [text, init, exit, unlikely] = SECTIONS;
    // On arm64 the loader makes it as long as it needs.
    let plt = Section { name: ".plt", size: 1, alignment: 1, functions: &[] };
    scene.assert_named_by(
        &kernel_module(&BUILD_ID, VERMAGIC, &[text, init, plt, exit, unlikely]),
        &until_exit,
    );
    let [text, ..] = SECTIONS;
    let got = Section { name: ".got", size: 1, alignment: 1, functions: &[] };
    scene.assert_named_by(&kernel_module(&BUILD_ID, VERMAGIC, &[got, text]), &NONE);
}

#[test]
fn another_build_of_a_module_is_refused() {
    let scene = Scene::new(FILE);
    scene.assert_named_by(&kernel_module(&[8; 20], VERMAGIC, &SECTIONS), &NONE);
    let info = scene.run("info", &["--symfs", "symfs", "perf.data"]).stdout;
    assert!(info.contains("cat /proc/kallsyms > kallsyms"), "{info}");
}

/// The files are found in the build-id cache, as perf fills it, and compressed as distributions do,
/// also where perf has no path.
#[test]
fn modules_are_found_packed_and_in_the_build_id_cache() {
    let file = kernel_module(&BUILD_ID, VERMAGIC, &SECTIONS);
    for form in ["zst", "xz", "gz"] {
        let path = format!("{FILE}.{form}");
        let scene = Scene::new(&path);
        scene.add(&format!("symfs{path}"), &compressed(form, &file));
        scene.assert_names(&["--symfs", "symfs", "perf.data"], &names());
        scene.add(&format!("symfs{path}"), &compressed(form, &file)[..200]);
        let unnamed = format!("[some-thing.ko.{form}]");
        scene.assert_names(&["--symfs", "symfs", "perf.data"], &[unnamed.as_str(); 5]);
    }
    let place = format!("home/.debug/.build-id/07/{}/elf", "07".repeat(19));
    for form in ["", "zst"] {
        let scene = Scene::new("[some_thing]");
        scene.add(&place, &if form.is_empty() { file.clone() } else { compressed(form, &file) });
        scene.assert_names(&["perf.data"], &names());
    }
}

/// A pack holds only what names need.
#[test]
fn a_pack_has_the_symbols_of_modules() {
    let scene = Scene::new(FILE);
    scene.add(&format!("symfs{FILE}"), &kernel_module(&BUILD_ID, VERMAGIC, &SECTIONS));
    for options in [&[][..], &["--redact"]] {
        let all = [options, &["--symfs", "symfs", "-o", "p.stall.tar.zst", "perf.data"]].concat();
        assert_eq!(scene.run("pack", &all).code, Some(0));
        let there = Scene { folder: tempfile::tempdir().expect("a temporary folder") };
        there.add("p.stall.tar.zst", &fs::read(scene.folder.path().join("p.stall.tar.zst")).expect("a pack"));
        there.assert_names(&["p.stall.tar.zst"], &names());
        fs::remove_file(scene.folder.path().join("p.stall.tar.zst")).expect("a pack");
    }
}

/// 4 GB of zeros are not unpacked to the end.
#[test]
fn a_bomb_is_no_module() {
    let path = format!("{FILE}.zst");
    let scene = Scene::new(&path);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("an encoder");
    let zeros = vec![0; 1 << 20];
    (0..4096).for_each(|_| encoder.write_all(&zeros).expect("memory"));
    scene.add(&format!("symfs{path}"), &encoder.finish().expect("memory"));
    let start = Instant::now();
    scene.assert_names(&["--symfs", "symfs", "perf.data"], &["[some-thing.ko.zst]"; 5]);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
