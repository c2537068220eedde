//! No file that was read is a place for the result, whatever name it has there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{FILLERS, Scene, WRITERS};
use crate::support::elf::vmlinux;
use crate::support::run;

/// A hard link to the recording destroyed it, and the exit code was 0.
#[test]
fn the_recording_is_not_written_over_under_any_name() {
    let scene = Scene::new();
    let before = fs::read(scene.at("perf.data")).expect("the recording");
    fs::hard_link(scene.at("perf.data"), scene.at("out/hard")).expect("a link");
    symlink("../perf.data", scene.at("out/soft")).expect("a link");
    for words in WRITERS {
        for name in ["perf.data", "./out/../perf.data", "out/hard", "out/soft"] {
            scene.refuse(&words.replace("OUT", name), "that is the recording itself");
        }
    }
    for (words, name) in FILLERS.iter().filter(|(words, _)| words.contains("perf.data")) {
        fs::hard_link(scene.at("perf.data"), scene.at("out").join(name)).expect("a link");
        scene.refuse(&words.replace("DIR", "out"), "that is the recording itself");
    }
    assert!(fs::read(scene.at("perf.data")).expect("the recording") == before);
    assert_eq!(scene.names("out").len(), 4, "{:?}", scene.names("out"));
}

#[test]
fn a_recording_on_standard_input_is_not_written_over() {
    let scene = Scene::new();
    let file = || fs::File::open(scene.at("perf.data")).expect("the recording");
    let mut command = scene.command("collapse - -o perf.data");
    let output = command.stdin(file()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("that is the recording itself"), "{output:?}");
}

/// `-o perf.data/data` wrote over a part of a recording that is a folder.
#[test]
fn no_part_of_a_folder_is_written_over_or_added() {
    let scene = Scene::new();
    fs::create_dir(scene.at("folder")).expect("a folder");
    fs::rename(scene.at("perf.data"), scene.at("folder/data")).expect("it is moved");
    fs::rename(scene.at("folder"), scene.at("perf.data")).expect("it is moved");
    let before = fs::read(scene.at("perf.data/data")).expect("the recording");
    fs::hard_link(scene.at("perf.data/data"), scene.at("out/hard")).expect("a link");
    for words in WRITERS {
        for name in ["perf.data/data", "out/hard", "out/../perf.data/data"] {
            scene.refuse(&words.replace("OUT", name), "that is the recording itself");
        }
        scene.refuse(&words.replace("OUT", "perf.data/data.0"), "would take that for a part of itself");
    }
    assert_eq!(scene.names("perf.data"), ["data"]);
    assert!(fs::read(scene.at("perf.data/data")).expect("the recording") == before);
}

/// `pack -o kallsyms` replaced the kallsyms in use.
#[test]
fn no_file_that_names_come_from_is_written_over() {
    let scene = Scene::new();
    let kallsyms = fs::read(scene.at("kallsyms")).expect("it is there");
    fs::rename(scene.at("kallsyms"), scene.at("named")).expect("it is moved");
    fs::hard_link(scene.at("named"), scene.at("out/hard")).expect("a link");
    for words in WRITERS {
        for name in ["named", "out/hard"] {
            let words = format!("{} --kallsyms named", words.replace("OUT", name));
            scene.refuse(&words, "that is a file that the names of functions come from");
        }
    }
    // The same of one that no option names.
    fs::rename(scene.at("named"), scene.at("kallsyms")).expect("it is moved");
    for words in WRITERS {
        for name in ["kallsyms", "out/hard"] {
            let why = "that is a file that the names of functions come from";
            scene.refuse(&words.replace("OUT", name), why);
        }
    }
    assert!(fs::read(scene.at("kallsyms")).expect("it is there") == kallsyms);
    let elf = vmlinux(Some(&[7; 20]), &[("_text".to_owned(), 0x1000)]);
    fs::write(scene.at("vmlinux"), elf).expect("a file");
    scene.refuse("collapse perf.data -k vmlinux -o vmlinux", "vmlinux");
    assert_eq!(scene.names("out"), ["hard"]);
}

/// The same of programs, which samples hit.
#[test]
fn no_program_that_names_come_from_is_written_over() {
    let scene = Scene::new();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post/symfs");
    let copied = Command::new("cp").arg("-a").arg(testdata).arg(scene.at("symfs")).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp");
    let found = Command::new("find").args(["symfs", "-type", "f"]).current_dir(scene.at("")).output();
    let found = String::from_utf8(found.expect("find").stdout).expect("UTF-8");
    let mut is_refused = 0;
    for program in found.lines() {
        fs::hard_link(scene.at(program), scene.at("out/hard")).expect("a link");
        let run = run(&mut scene.command("collapse perf.data --symfs symfs -o out/hard"));
        is_refused += i32::from(run.stderr.contains("that is a file that the names of functions come from"));
        fs::remove_file(scene.at("out/hard")).expect("the link, or the result");
    }
    assert!(is_refused > 0, "{found}");
}

/// A pack is read as a recording is.
#[test]
fn a_pack_that_is_read_is_not_written_over() {
    let scene = Scene::new();
    scene.succeed("pack perf.data -o out/pack");
    for words in &WRITERS[..3] {
        let words = words.replace("perf.data", "out/pack").replace("OUT", "out/pack");
        scene.refuse(&words, "that is the recording itself");
    }
}
