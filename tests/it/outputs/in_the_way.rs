//! What has the name of a result already: links, FIFOs and devices, of this user and of others.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use super::{STRANGER, Scene, WRITERS, all_into, give_away};
use crate::support::{copy_program, make_fifo, run};

/// As root, `collapse --split /tmp/stacks` wrote through a link that another user had put there.
#[test]
fn a_link_is_replaced_and_never_followed() {
    for (words, name) in all_into("out") {
        let scene = Scene::new();
        fs::write(scene.at("precious"), "precious").expect("a file");
        symlink("../precious", scene.at("out").join(&name)).expect("a link");
        give_away(&scene.at("out").join(&name));
        let run = run(&mut scene.command(&words));
        assert!(matches!(run.code, Some(0 | 1)), "{words}: {run:?}");
        assert_eq!(fs::read_to_string(scene.at("precious")).expect("the file"), "precious", "{words}");
        let written = fs::symlink_metadata(scene.at("out").join(&name)).expect("the result");
        assert!(written.is_file() && written.len() > 0, "{words}");
    }
}

/// A hard link to another file is only a name: that file keeps its content under its other names.
#[test]
fn a_file_with_another_name_keeps_its_content() {
    for (words, name) in all_into("out") {
        let scene = Scene::new();
        fs::write(scene.at("precious"), "precious").expect("a file");
        fs::hard_link(scene.at("precious"), scene.at("out").join(&name)).expect("a link");
        let run = run(&mut scene.command(&words));
        assert!(matches!(run.code, Some(0 | 1)), "{words}: {run:?}");
        assert_eq!(fs::read_to_string(scene.at("precious")).expect("the file"), "precious", "{words}");
        assert_ne!(fs::read(scene.at("out").join(&name)).expect("the result"), b"precious", "{words}");
    }
}

/// In a folder in which everybody may make files, a folder that is a link of another user leads
/// where that user wants.
#[test]
fn a_link_of_another_user_to_a_folder_is_not_followed() {
    for (words, _) in all_into("shared/link") {
        let scene = Scene::new();
        fs::create_dir(scene.at("shared")).expect("a folder");
        fs::set_permissions(scene.at("shared"), fs::Permissions::from_mode(0o1777)).expect("it is ours");
        symlink("../out", scene.at("shared/link")).expect("a link");
        if !give_away(&scene.at("shared/link")) {
            return;
        }
        scene.refuse(&words, "shared/link");
        assert!(scene.names("out").is_empty(), "{words}: {:?}", scene.names("out"));
        // One's own link may lead anywhere.
        fs::remove_file(scene.at("shared/link")).expect("the link");
        symlink("../out", scene.at("shared/link")).expect("a link");
        let run = run(&mut scene.command(&words));
        assert!(matches!(run.code, Some(0 | 1)), "{words}: {run:?}");
        assert!(!scene.names("out").is_empty(), "{words}");
    }
}

/// `pack -o` gave everything to whoever read the FIFO.
#[test]
fn a_fifo_of_another_user_gets_nothing() {
    let scene = Scene::new();
    let fifo = scene.at("out/file");
    make_fifo(&fifo);
    if !give_away(&fifo) {
        return;
    }
    for words in WRITERS {
        scene.refuse(&words.replace("OUT", "out/file"), "a FIFO or a device of another user");
    }
    assert!(fs::symlink_metadata(&fifo).expect("the FIFO").file_type().is_fifo());
    assert_eq!(scene.names("out"), ["file"]);
}

#[test]
fn ones_own_fifo_gets_the_result() {
    let scene = Scene::new();
    let expected = scene.succeed("collapse perf.data").stdout;
    let fifo = scene.at("out/file");
    make_fifo(&fifo);
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::read_to_string(fifo).expect("the stacks")
    });
    scene.succeed("collapse perf.data -o out/file");
    assert_eq!(reader.join().expect("it ends"), expected);
    assert!(fs::symlink_metadata(&fifo).expect("the FIFO").file_type().is_fifo());
}

#[test]
fn a_device_stays_a_device() {
    let scene = Scene::new();
    for words in WRITERS {
        scene.succeed(&words.replace("OUT", "/dev/null"));
    }
    assert!(fs::metadata("/dev/null").expect("it is there").file_type().is_char_device());
    let full = run(&mut scene.command("collapse perf.data -o /dev/full"));
    assert_eq!(full.code, Some(2), "{full:?}");
    assert!(full.stderr.contains("/dev/full: "), "{full:?}");
    scene.refuse("collapse perf.data -o out", "Is a directory");
    scene.refuse("collapse perf.data -o out/", "Is a directory");
    scene.refuse("collapse perf.data -o out/missing/", "Is a directory");
}

#[test]
fn standard_output_and_open_files_have_names() {
    let scene = Scene::new();
    let expected = scene.succeed("collapse perf.data").stdout;
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        assert_eq!(scene.succeed(&format!("collapse perf.data -o {name}")).stdout, expected, "{name}");
    }
    // As with >(COMMAND) in a shell.
    let mut command = scene.command("collapse perf.data -o /dev/fd/2");
    let piped = command.stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&piped.stderr), expected);
    // Opened again, a file would be written from its start.
    let log = fs::File::create(scene.at("log")).expect("a file");
    let opened = scene.command("collapse perf.data -o /dev/fd/2").stderr(log).output().expect("it runs");
    assert_eq!(opened.status.code(), Some(2));
}

/// Not as root, who may do anything.
#[test]
fn another_user_replaces_nothing_that_is_not_theirs() {
    let scene = Scene::new();
    let everybody = fs::Permissions::from_mode(0o777);
    for folder in ["", "out"] {
        fs::set_permissions(scene.at(folder), everybody.clone()).expect("it is ours");
    }
    let program = scene.at("program");
    copy_program(&program);
    fs::set_permissions(&program, everybody).expect("it is ours");
    fs::write(scene.at("out/file"), "precious").expect("a file");
    fs::set_permissions(scene.at("out/file"), fs::Permissions::from_mode(0o644)).expect("it is ours");
    let as_stranger = |words: &str| {
        let id = STRANGER.to_string();
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(&program);
        run(command.args(words.split(' ')).current_dir(scene.at("")))
    };
    if as_stranger("--version").code != Some(0) {
        eprintln!("SKIPPED a run as another user: no setpriv, or not as root");
        return;
    }
    let refused = as_stranger("collapse perf.data -o out/file");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
    assert_eq!(fs::read_to_string(scene.at("out/file")).expect("the file"), "precious");
    // A FIFO of root is another user's too; what is written to /dev/null nobody reads.
    make_fifo(&scene.at("out/fifo"));
    fs::set_permissions(scene.at("out/fifo"), fs::Permissions::from_mode(0o666)).expect("it is ours");
    let refused = as_stranger("collapse perf.data -o out/fifo");
    assert!(refused.stderr.contains("a FIFO or a device of another user"), "{refused:?}");
    assert_eq!(as_stranger("collapse perf.data -o /dev/null").code, Some(0));
    assert_eq!(as_stranger("collapse perf.data -o out/own").code, Some(0));
    assert_eq!(fs::metadata(scene.at("out/own")).expect("the result").uid(), STRANGER);
    assert!(Path::new("/dev/null").exists());
}
