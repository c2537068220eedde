//! Code made at run time, named by perf maps.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use crate::support::builder::{Mmap, Sample};
use crate::support::{make_fifo, no_process};

use super::scene::{Scene, forms, generated_code};

const MAP: &str = "\
70000000 40 LazyCompile:~main /app/server.js:1:1
70000040 40 stale
70000040 40 LazyCompile:*parse;json /app/server.js:9:3
";

/// A perf map in `/tmp`, removed with the value.
struct InTmp(PathBuf);

impl InTmp {
    fn path(pid: u32) -> InTmp {
        InTmp(PathBuf::from(format!("/tmp/perf-{pid}.map")))
    }

    fn write(pid: u32, text: &str) -> InTmp {
        let map = InTmp::path(pid);
        fs::write(&map.0, text).expect("/tmp can be written to");
        map
    }
}

impl Drop for InTmp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn code_made_at_run_time_has_the_names_of_its_perf_map() {
    let pid = no_process();
    let scene = Scene::write(&mut generated_code(pid, &[0x7000_0010, 0x7000_0050, 0x7000_0090]));
    let unnamed = "[anon];[anon];[anon]";
    assert_eq!(scene.stack(&[]), unnamed);
    let map = InTmp::write(pid, MAP);
    let named = "LazyCompile:~main /app/server.js:1:1;LazyCompile:*parse:json /app/server.js:9:3;[anon]";
    assert_eq!(scene.stack(&[]), named);
    // With --symfs only files below it count.
    assert_eq!(scene.stack(&["--symfs", "symfs"]), unnamed);
    drop(map);
    scene.add(&format!("symfs/tmp/perf-{pid}.map"), MAP.as_bytes());
    assert_eq!(scene.stack(&["--symfs", "symfs"]), named);
    assert_eq!(scene.stack(&[]), unnamed);
    let said = scene.unnamed(&[]);
    assert!(said.contains(&format!("/tmp/perf-{pid}.map")) && said.contains("--perf-basic-prof"), "{said}");
}

#[test]
fn another_process_has_another_perf_map() {
    let (one, two) = (no_process(), no_process());
    let mut file = generated_code(one, &[0x7000_0010]);
    file.mmap2(Mmap::new(two, "//anon", 0x7000_0000, 0x1000).inode(0, 0, 0, 0));
    file.sample(Sample::new((two, two)).user(&[0x7000_0010]));
    let scene = Scene::write(&mut file);
    scene.add(&format!("symfs/tmp/perf-{one}.map"), b"70000000 100 of_one\n");
    scene.add(&format!("symfs/tmp/perf-{two}.map"), b"70000000 100 of_two\n");
    let stacks = scene.run("collapse", &["--symfs", "symfs"]).stdout;
    let leaves: Vec<&str> = stacks.lines().map(|line| line.rsplit_once(';').expect("a frame").1).collect();
    assert_eq!(leaves, ["of_one 1", "of_two 1"]);
}

#[test]
fn a_perf_map_that_cannot_be_believed_is_refused_and_that_is_said() {
    let pid = no_process();
    let scene = Scene::write(&mut generated_code(pid, &[0x7000_0010]));
    let refused = |why: &str| {
        assert_eq!(scene.stack(&[]), "[anon]", "{why}");
        let said = scene.unnamed(&[]);
        assert!(said.contains(why), "{said}");
    };
    let map = InTmp::path(pid);
    // A link to a good file.
    let elsewhere = scene.add("elsewhere.map", MAP.as_bytes());
    symlink(&elsewhere, &map.0).expect("a link");
    refused("no regular file");
    fs::remove_file(&map.0).expect("it is there");
    // A FIFO: to open it is to wait.
    make_fifo(&map.0);
    refused("no regular file");
    fs::remove_file(&map.0).expect("it is there");
    // Written in another boot, where the same process id was another process.
    fs::write(&map.0, MAP).expect("/tmp can be written to");
    let touch = Command::new("touch").args(["-d", "@1000000000"]).arg(&map.0).status();
    assert!(touch.is_ok_and(|status| status.success()), "touch");
    refused("in another boot");
    // Larger than any perf map, most of it a hole.
    fs::write(&map.0, MAP).expect("/tmp can be written to");
    fs::File::options()
        .write(true)
        .open(&map.0)
        .and_then(|file| file.set_len(10 << 30))
        .expect("a sparse file");
    refused("longer than 1 GiB");
    // Owned by another user.
    fs::write(&map.0, MAP).expect("/tmp can be written to");
    assert_eq!(scene.stack(&[]), "LazyCompile:~main /app/server.js:1:1");
    match std::os::unix::fs::chown(&map.0, Some(65534), Some(65534)) {
        Ok(()) => refused(&format!("chown root /tmp/perf-{pid}.map")),
        Err(why) => eprintln!("SKIPPED a perf map of another user: {why}"),
    }
}

#[test]
fn no_perf_map_is_looked_for_if_the_recording_is_of_another_host() {
    let pid = no_process();
    let scene = Scene::write(generated_code(pid, &[0x7000_0010]).hostname("elsewhere.example"));
    let map = InTmp::write(pid, MAP);
    assert_eq!(scene.stack(&[]), "[anon]");
    assert!(scene.unnamed(&[]).contains("recorded on another host"));
    assert!(map.0.exists());
}

#[test]
fn code_that_node_made_has_the_names_of_its_perf_map() {
    let scene = forms("node");
    let stacks = scene.run("collapse", &["--symfs", "symfs"]).stdout;
    let inner = |line: &&str| line.ends_with(";JS:*innerWork /srv/names/made.js:1:19 1");
    assert!(stacks.lines().filter(inner).count() > 100, "{stacks}");
}
