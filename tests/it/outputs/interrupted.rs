//! A result that does not become whole: nothing of it is left, and what was there before stays.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Scene;
use crate::support::run;

/// `pack` of a stream, which has its temporary file and waits for more of the recording.
fn packing(scene: &Scene, shell: &str) -> Child {
    // What runs the tests may ignore signals, as a shell does for what it runs in the background.
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP,INT,QUIT,TERM", "sh", "-c"]);
    command.arg(format!("{shell} exec \"$0\" pack - -o out/file"));
    command.arg(env!("CARGO_BIN_EXE_stallgraph")).current_dir(scene.at(""));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let bytes = fs::read(scene.at("perf.data")).expect("the recording");
    child.stdin.as_mut().expect("a pipe").write_all(&bytes[..1000]).expect("it is read");
    let end = Instant::now() + Duration::from_secs(60);
    while !scene.names("out").iter().any(|name| name.starts_with(".stallgraph-")) {
        assert!(Instant::now() < end, "there is no temporary file");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn a_signal_leaves_no_temporary_file() {
    for (signal, number) in [("TERM", 15), ("HUP", 1), ("QUIT", 3)] {
        let scene = Scene::new();
        fs::write(scene.at("out/file"), "before").expect("a file");
        let mut child = packing(&scene, "ulimit -c 0;");
        // The stream does not end meanwhile: `wait` would close it.
        let _pipe = child.stdin.take();
        send(&child, signal);
        let status = child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(number), "{signal}: {status:?}");
        assert_eq!(scene.names("out"), ["file"], "{signal}");
        assert_eq!(fs::read_to_string(scene.at("out/file")).expect("the file"), "before");
    }
}

/// The first Ctrl-C ends what writes the stream, and the second this program.
#[test]
fn the_second_interrupt_leaves_no_temporary_file() {
    let scene = Scene::new();
    let mut child = packing(&scene, "");
    let _pipe = child.stdin.take();
    send(&child, "INT");
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().expect("a child").is_none(), "the first does not end it");
    send(&child, "INT");
    assert_eq!(child.wait().expect("it ends").signal(), Some(2));
    assert!(scene.names("out").is_empty());
}

/// As under nohup.
#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let scene = Scene::new();
    let mut child = packing(&scene, "trap '' HUP;");
    send(&child, "HUP");
    std::thread::sleep(Duration::from_millis(200));
    assert!(child.try_wait().expect("a child").is_none(), "it goes on");
    let bytes = fs::read(scene.at("perf.data")).expect("the recording");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&bytes[1000..]).expect("it is read");
    drop(pipe);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(scene.names("out"), ["file"]);
}

/// SIGXFSZ, which a write beyond the limit sends, ended the program in the middle of the file.
#[test]
fn a_limit_of_the_size_of_files_leaves_no_temporary_file() {
    let scene = Scene::new();
    for options in ["collapse perf.data -o out/file", "pack perf.data -o out/file"] {
        fs::write(scene.at("out/file"), "before").expect("a file");
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -f 16; exec \"$0\" {options}"));
        let run = run(command.arg(env!("CARGO_BIN_EXE_stallgraph")).current_dir(scene.at("")));
        assert_eq!(run.code, Some(2), "{options}: {run:?}");
        assert!(run.stderr.contains("out/file: File too large"), "{options}: {run:?}");
        assert_eq!(scene.names("out"), ["file"], "{options}");
        assert_eq!(fs::read_to_string(scene.at("out/file")).expect("the file"), "before");
    }
}

#[test]
fn a_full_disk_leaves_no_temporary_file() {
    let scene = Scene::new();
    for (options, left) in [
        ("collapse perf.data -o out/file", "file\n"),
        ("export perf.data --format firefox -o out/file", "file\n"),
        ("pack perf.data -o out/file", "file\n"),
        ("collapse perf.data --split out", "file\n"),
    ] {
        let script = format!(
            "mount -t tmpfs -o size=32k none out || exit 77; echo before > out/file; \"$0\" {options}; \
             echo code $?; ls -A out; cat out/file"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).arg(env!("CARGO_BIN_EXE_stallgraph"));
        let run = run(command.current_dir(scene.at("")));
        if !run.stdout.contains("code ") {
            eprintln!("SKIPPED a full disk: no mount in a namespace of its own: {}", run.stderr);
            return;
        }
        assert_eq!(run.stdout, format!("code 2\n{left}before\n"), "{options}: {run:?}");
        assert!(run.stderr.contains(": No space left on device"), "{options}: {run:?}");
    }
}
