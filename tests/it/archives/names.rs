//! An archive gives the same names as the build-id cache that it was made of.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::support::archive::{add_entry, of_entries, pack};
use crate::support::elf::build_id;
use crate::support::{make_fifo, run, stallgraph};
use tar::EntryType;

use super::scene::{
    CUT, KERNEL, Scene, has_program, of_program, of_program_at, program, testdata, testdata_path,
};

#[test]
fn an_archive_beside_the_recording_is_as_good_as_the_cache() {
    let forms = Scene::forms();
    assert!(!has_program(&forms.there(&["collapse"])));
    forms.put_beside(&forms.archive());
    forms.is_the_same(&[]);
    let run = forms.there(&["collapse"]);
    for comm in ["full", "linked", "packed", "cached"] {
        let is_named = |line: &&str| line.starts_with(&format!("{comm};")) && line.ends_with(";inner_work 1");
        assert!(run.stdout.lines().filter(is_named).count() > 90, "{comm}");
    }
    assert!(forms.there(&["collapse", "--inline"]).stdout.contains("inner_work (inlined)"));
    let post = Scene::post();
    post.put_beside(&post.archive());
    post.is_the_same(&[]);
    assert!(post.there(&["window"]).stdout.contains("seq_lseek;traverse"));
    // An archive of another name is not used, but one that a link leads to is.
    let archive = post.archive();
    post.put("there/else.tar.bz2", &archive);
    fs::remove_file(post.at("there/perf.data.tar.bz2")).expect("it is there");
    assert!(!post.there(&["window"]).stdout.contains("seq_lseek"));
    symlink("else.tar.bz2", post.at("there/perf.data.tar.bz2")).expect("a link");
    post.is_the_same(&[]);
    // In several streams, as parallel compressors write them, with garbage after the end, which
    // bzip2 accepts.
    let (first, second) = (testdata("post/kallsyms"), Vec::new());
    let mut tar = Vec::new();
    add_entry(&mut tar, &format!("[kernel.kallsyms]/{KERNEL}/kallsyms"), EntryType::Regular, &first);
    tar.resize(tar.len() + 1024, 0);
    let (one, two) = tar.split_at(tar.len() / 2);
    post.put("there/else.tar.bz2", &[pack(one), pack(two), pack(&second), b"something".to_vec()].concat());
    post.is_the_same(&[]);
}

#[test]
fn an_archive_can_be_named() {
    let forms = Scene::forms();
    forms.put("there/else.tar.bz2", &forms.archive());
    forms.is_the_same(&["--buildid-dir", "else.tar.bz2"]);
    // Nothing lies beside a stream.
    forms.put("there/-.tar.bz2", &forms.archive());
    let stdin = |options: &[&str]| {
        let mut command = stallgraph();
        command.args(["collapse", "-", "--symfs", "none"]).args(options).current_dir(forms.at("there"));
        run(command.stdin(fs::File::open(forms.at("there/perf.data")).expect("the recording")))
    };
    assert!(!has_program(&stdin(&[])));
    assert_eq!(stdin(&["--buildid-dir", "else.tar.bz2"]).stdout, forms.here(&["collapse"]).stdout);
    // A pack made without the archive has no programs.
    let packed = forms.run("there", &["pack", "perf.data", "-o", "pack"]);
    assert_eq!(packed.code, Some(0), "{packed:?}");
    assert!(!has_program(&forms.run("there", &["collapse", "pack"])));
    let named = forms.run("there", &["collapse", "pack", "--buildid-dir", "else.tar.bz2"]);
    assert_eq!(named.stdout, forms.here(&["collapse"]).stdout);
    // A pack made with the archive has them.
    forms.run("there", &["pack", "perf.data", "-o", "pack", "--buildid-dir", "else.tar.bz2"]);
    assert!(has_program(&forms.run("there", &["collapse", "pack"])));
    // Neither a folder nor an archive.
    make_fifo(&forms.at("there/fifo"));
    forms.put("there/short", b"BZ");
    for (name, said) in [
        ("absent", "there is no such folder or archive"),
        ("perf.data", "it is neither a folder nor an archive that perf archive made"),
        ("short", "it is neither a folder nor an archive that perf archive made"),
        ("fifo", "it is neither a folder nor an archive that perf archive made"),
    ] {
        let run = forms.there(&["collapse", "--buildid-dir", name]);
        assert_eq!((run.code, run.stderr), (Some(2), format!("stallgraph: --buildid-dir {name}: {said}\n")));
    }
}

#[test]
fn an_archive_is_not_unpacked_if_all_is_found_elsewhere() {
    let scene = of_program(&program());
    let expect = |options: &[&str], code: i32, stdout: &str, has_note: bool| {
        let run = scene.there(&[&["collapse"], options].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), stdout), "{options:?} {run:?}");
        assert_eq!(run.stderr.contains(CUT), has_note, "{options:?} {run:?}");
    };
    let (named, unnamed) = ("tool;inner_work 1\n", "tool;[program] 1\n");
    // This cannot be unpacked: the report says so if that was tried.
    scene.put_beside(b"BZh9 garbage");
    expect(&[], 0, unnamed, true);
    expect(&["--no-symbols"], 0, unnamed, false);
    scene.put_beside(b"garbage");
    expect(&[], 0, unnamed, false);
    scene.put_beside(b"BZh9 garbage");
    scene.cache("srv/program", &program());
    expect(&["--buildid-dir", "../here/cache"], 0, named, false);
    fs::create_dir(scene.at("there/none/srv")).expect("a folder");
    scene.put("there/none/srv/program", &program());
    expect(&[], 0, named, false);
    // A stripped program, of which the cache has all that its machine had; and a program without a
    // recorded build id, which no archive can have.
    let stripped = testdata("names/symfs/srv/names/stripped");
    let scene = of_program_at(Some(&build_id(&stripped)), 0x1010);
    scene.put_beside(b"BZh9 garbage");
    scene.cache("srv/program", &stripped);
    let run = scene.there(&["collapse", "--buildid-dir", "../here/cache"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let scene = of_program_at(None, 0x1010);
    scene.put_beside(b"BZh9 garbage");
    fs::create_dir(scene.at("there/none/srv")).expect("a folder");
    scene.put("there/none/srv/program", &stripped);
    let run = scene.there(&["collapse"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    // Only a regular file counts.
    let scene = of_program(&program());
    for kind in ["fifo", "folder", "link"] {
        let beside = scene.at("there/perf.data.tar.bz2");
        match kind {
            "fifo" => make_fifo(&beside),
            "folder" => fs::create_dir(&beside).expect("a folder"),
            _ => symlink("/dev/zero", &beside).expect("a link"),
        }
        let run = scene.there(&["collapse"]);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), unnamed, ""), "{kind}");
        let is_gone = fs::remove_file(&beside).or_else(|_| fs::remove_dir(&beside));
        is_gone.expect("it can be removed");
    }
}

#[test]
fn a_kallsyms_in_an_archive_must_be_the_recorded_kernels() {
    let post = Scene::post();
    let text = testdata("post/kallsyms");
    let put = |text: &[u8]| {
        let name = format!("[kernel.kallsyms]/{KERNEL}/kallsyms");
        post.put_beside(&of_entries(&[(&name, EntryType::Regular, text)]));
        post.there(&["collapse"])
    };
    assert!(put(&text).stdout.contains("do_syscall_64"));
    let text = String::from_utf8(text).expect("text");
    // Code of another length, and hidden addresses.
    let end = text.lines().find(|line| line.ends_with(" _etext")).expect("its end");
    let longer = text.replace(end, "ffffffff822190c8 T _etext");
    assert!(longer != text);
    let hidden: String = text.lines().map(|line| format!("{:016x}{}\n", 0, &line[16..])).collect();
    for (text, why) in [(&longer, "another kernel's"), (&hidden, "addresses are all 0")] {
        let run = put(text.as_bytes());
        assert!(!run.stdout.contains("do_syscall_64") && run.stderr.contains(why), "{run:?}");
    }
}

#[test]
fn what_perf_itself_archives_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("none")).expect("a folder");
    let perf = |arguments: &[&str]| {
        let mut perf = Command::new("perf");
        perf.arg("--buildid-dir").arg(at("cache")).args(arguments).current_dir(folder.path());
        perf.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    };
    // A program with symbols, which works for a tenth of a second.
    let program = at("program");
    fs::copy(testdata_path("names/symfs/srv/names/full"), &program).expect("a program");
    let program = program.to_str().expect("UTF-8");
    let is_recorded =
        perf(&["record", "-o", "perf.data", "-g", "-F", "999", "-e", "cpu-clock", "--", program]);
    if !is_recorded || !perf(&["archive", "perf.data"]) || !at("perf.data.tar.bz2").exists() {
        eprintln!(
            "SKIPPED archive of perf itself: perf, perf archive or bzip2 is missing, or may not record"
        );
        return;
    }
    let command = |subcommand: &str, options: &[&str]| {
        let mut command = stallgraph();
        command.args([subcommand, "perf.data", "--symfs", "none"]).args(options).current_dir(folder.path());
        run(&mut command)
    };
    let with = |options: &[&str]| ["collapse", "info"].map(|subcommand| command(subcommand, options));
    let beside = with(&[]);
    assert!(!beside.iter().any(|run| run.stderr.contains("could not be read")), "{beside:?}");
    assert!(has_program(&beside[0]), "{beside:?}");
    let archive = fs::read(at("perf.data.tar.bz2")).expect("it is there");
    fs::remove_file(at("perf.data.tar.bz2")).expect("it is there");
    let unpacked = tar::Archive::new(bzip2::read::BzDecoder::new(&archive[..])).unpack(at("unpacked"));
    unpacked.expect("it unpacks");
    for (beside, cached) in beside.iter().zip(&with(&["--buildid-dir", "unpacked"])) {
        assert_eq!((beside.code, &beside.stdout), (cached.code, &cached.stdout));
    }
    assert!(!has_program(&command("collapse", &[])));
}
