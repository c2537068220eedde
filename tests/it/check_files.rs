//! `stallgraph check` and files: recordings that cannot be read or are of another time, and the
//! page for node_exporter.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::check::assert_valid;
use crate::support::{Run, run, stallgraph};

fn check_file(file: &Path, arguments: &[&str]) -> Run {
    run(stallgraph().arg("check").arg(file).args(arguments))
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let damaged = folder.path().join("damaged.data");
    fs::write(&damaged, b"PERFILE2 and no more").expect("a file");
    for (file, says) in [
        (folder.path().join("absent.data"), "No such file"),
        (damaged, ""),
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), "is a text file"),
    ] {
        let checked = check_file(&file, &[]);
        assert_eq!(checked.code, Some(2), "{checked:?}");
        let lines: Vec<&str> = checked.stdout.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("unknown: ") && lines[0].len() <= 80, "{checked:?}");
        assert!(checked.stderr.contains(says), "the whole of it: {checked:?}");
    }
}

#[test]
fn the_file_for_node_exporter_is_replaced_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().to_str().expect("a path");
    let target = folder.path().join("stallgraph.prom");
    fs::write(&target, "stallgraph_stalling 1\n").expect("a file of before");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).expect("its permissions");
    let checked = check_file(&folder.path().join("absent.data"), &["--textfile", directory]);
    assert_eq!(checked.code, Some(2));
    let page = fs::read_to_string(&target).expect("the page");
    assert_valid(&page);
    assert!(
        page.ends_with("stallgraph_check_conclusive 0\n") && !page.contains("stallgraph_stalling"),
        "{page}"
    );
    let mode = fs::metadata(&target).expect("the page").permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "node_exporter may read it");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing else is left there");
}

#[test]
fn a_file_that_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent");
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post/perf.data");
    let checked = check_file(&recording, &["--textfile", absent.to_str().expect("a path")]);
    assert_eq!(checked.code, Some(2), "{checked:?}");
    assert!(checked.stdout.starts_with("unknown: cannot write "), "{checked:?}");
    assert!(checked.stderr.contains("stallgraph.prom: No such file"), "{checked:?}");
    // A folder of that name is already there.
    fs::create_dir_all(folder.path().join("stallgraph.prom/x")).expect("a folder");
    let checked = check_file(&recording, &["--textfile", folder.path().to_str().expect("a path")]);
    assert_eq!(checked.code, Some(2), "{checked:?}");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing else is left there");
}

#[test]
fn a_recording_of_long_ago_is_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("perf.data");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post/perf.data"), &file).expect("a copy");
    let fresh = check_file(&file, &["--max-age", "1h"]);
    assert!(!fresh.stdout.contains("old"), "{fresh:?}");
    let copy = fs::File::options().append(true).open(&file).expect("the copy");
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    copy.set_modified(then).expect("its time");
    let old = check_file(&file, &["--max-age", "1h"]);
    assert_eq!(old.code, Some(2), "{old:?}");
    assert!(old.stdout.starts_with("unknown: the recording is 2h"), "{old:?}");
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3 * 3600 + 30);
    copy.set_modified(later).expect("its time");
    let future = check_file(&file, &["--max-age", "5h"]);
    assert_eq!(future.code, Some(2), "{future:?}");
    assert!(future.stdout.starts_with("unknown: the recording is 3h"), "{future:?}");
    assert!(future.stdout.contains("ahead of this machine's clock"), "{future:?}");
    let absent = check_file(&folder.path().join("absent"), &["--max-age", "1h"]);
    assert!(absent.code == Some(2) && absent.stdout.contains("No such file"), "{absent:?}");
}

#[test]
fn the_labels_of_a_page_are_bounded_over_its_life() {
    let post = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/post");
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("stallgraph.prom");
    let check = || {
        let mut check = stallgraph();
        check.arg("check").arg(post.join("perf.data")).arg("--kallsyms").arg(post.join("kallsyms"));
        let checked = run(check.arg("--textfile").arg(folder.path()));
        assert_eq!(checked.code, Some(1), "{checked:?}");
        fs::read_to_string(&page).expect("a page")
    };
    let first = check();
    assert!(first.contains("\n# known culprit comm=\"node_exporter\",syscall=\"lseek\"\n"), "{first}");
    assert_eq!(check(), first, "it is known already");
    // Processes of many names were culprits before.
    let others: String =
        (0..50).map(|at| format!("# known culprit comm=\"x{at}\",syscall=\"read\"\n")).collect();
    fs::write(&page, &others).expect("a page");
    let later = check();
    assert!(
        later.contains("stallgraph_culprit_stalls{cpu=\"1\",comm=\"other\",syscall=\"other\"} 8"),
        "{later}"
    );
    assert!(!later.contains("node_exporter") && later.matches("# known culprit ").count() == 50, "{later}");
    // What is no page says nothing.
    fs::remove_file(&page).expect("the page");
    std::os::unix::fs::symlink("/dev/zero", &page).expect("a link");
    assert_eq!(check(), first);
}
