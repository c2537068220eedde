//! The options of every command: how much is said, and in which colours.

use crate::support::{Recording, Run, compressed, run, stallgraph};

fn collapse(options: &[&str]) -> Run {
    let file = Recording::open("post").file;
    run(stallgraph()
        .arg("collapse")
        .arg(file)
        .args(["-c", "node_exporter,absent", "--no-symbols"])
        .args(options))
}

#[test]
fn quiet_leaves_errors() {
    let usual = collapse(&[]);
    assert!(usual.stderr.contains("absent"), "{}", usual.stderr);
    for option in ["-q", "--quiet"] {
        let quiet = collapse(&[option]);
        assert_eq!((quiet.stderr.as_str(), quiet.code), ("", usual.code));
        assert_eq!(quiet.stdout, usual.stdout);
    }
    let failed = run(stallgraph().args(["-q", "window", "absent.data"]));
    assert!(failed.code == Some(2) && failed.stderr.contains("absent.data"), "{}", failed.stderr);
}

#[test]
fn verbose_tells_stages() {
    let file = Recording::open("post").file;
    let verbose = run(stallgraph().args(["window", "-v"]).arg(&file));
    for expected in ["making stacks took 0.", "looking up names took 0."] {
        assert!(verbose.stderr.contains(expected), "{expected}: {}", verbose.stderr);
    }
    assert_eq!(verbose.stdout, run(stallgraph().arg("window").arg(&file)).stdout);
    let folder = tempfile::tempdir().expect("a folder");
    let packed = folder.path().join("perf.data.xz");
    let bytes = std::fs::read(&file).expect("the recording");
    std::fs::write(&packed, compressed("xz", &bytes)).expect("written");
    let verbose = run(stallgraph().args(["window", "-v"]).arg(&packed));
    assert!(verbose.stderr.contains("unpacking took 0."), "{}", verbose.stderr);
    assert_eq!(run(stallgraph().args(["window", "-v", "-q"]).arg(&file)).code, Some(2));
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let file = Recording::open("post").file;
    let window = |when: &str, no_color: bool| {
        let mut command = stallgraph();
        command.arg("window").arg(&file).args(["--color", when]);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        run(&mut command).stdout
    };
    let plain = window("auto", false);
    assert!(!plain.contains('\x1b'));
    assert_eq!(window("never", false), plain);
    let coloured = window("always", true);
    assert!(coloured.contains("\x1b[1;31mculprit\x1b[0m   node_exporter"), "{coloured}");
    let mut without = coloured;
    for code in ["\x1b[1;31m", "\x1b[1m", "\x1b[33m", "\x1b[32m", "\x1b[0m"] {
        without = without.replace(code, "");
    }
    assert_eq!(without, plain);
}
