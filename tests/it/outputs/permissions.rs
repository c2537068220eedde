//! Who may read a result.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{Scene, all_into, give_away};
use crate::support::run;

/// Runs a command with this umask.
#[track_caller]
fn run_with_umask(scene: &Scene, umask: &str, words: &str) {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("umask {umask}; exec \"$0\" {words}"));
    let run = run(command.arg(env!("CARGO_BIN_EXE_stallgraph")).current_dir(scene.at("")));
    assert!(matches!(run.code, Some(0 | 1)), "{words}: {run:?}");
}

fn mode(scene: &Scene, name: &str) -> u32 {
    fs::metadata(scene.at("out").join(name)).expect("the result").permissions().mode() & 0o7777
}

#[test]
fn a_new_file_is_as_the_umask_says() {
    for (umask, usual) in [("022", 0o644), ("077", 0o600), ("002", 0o664)] {
        let scene = Scene::new();
        for (words, name) in all_into("out") {
            run_with_umask(&scene, umask, &words);
            let expected = match words.split(' ').next() {
                // It holds addresses of the kernel, so only its owner may read it.
                Some("pack") => 0o600,
                // node_exporter is another user.
                Some("check") => 0o644,
                _ => usual,
            };
            assert_eq!(mode(&scene, &name), expected, "umask {umask}: {words}");
            fs::remove_file(scene.at("out").join(name)).expect("the result");
        }
    }
}

#[test]
fn who_could_read_a_file_can_read_what_replaces_it() {
    let scene = Scene::new();
    for (old, new) in [(0o600, 0o600), (0o640, 0o640), (0o4755, 0o755)] {
        fs::write(scene.at("out/file"), "before").expect("a file");
        fs::set_permissions(scene.at("out/file"), fs::Permissions::from_mode(old)).expect("it is ours");
        run_with_umask(&scene, "022", "collapse perf.data -o out/file");
        assert_eq!(mode(&scene, "file"), new);
    }
    // Not if another user made the file, so that all can read it.
    fs::set_permissions(scene.at("out/file"), fs::Permissions::from_mode(0o666)).expect("it is ours");
    if give_away(&scene.at("out/file")) {
        run_with_umask(&scene, "077", "collapse perf.data -o out/file");
        assert_eq!(mode(&scene, "file"), 0o600);
    }
}
