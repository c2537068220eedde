//! Names of the kernel: which files they come from, which files are refused, and code that the
//! kernel made at run time.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::builder::{Builder, Kernel, Mmap, Sample};
use crate::support::elf::vmlinux;
use crate::support::{Run, make_fifo, run, stallgraph};
use object::{Object, ObjectSymbol};
use tempfile::TempDir;

const TASK: (u32, u32) = (42, 42);
const BUILD_ID: [u8; 20] = [7; 20];
const STACK: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read";
/// Where KASLR put the kernel in the boot that was recorded.
const MOVED: u64 = 0xffff_ffff_9a00_0000;

/// A recording of another host's kernel, and files beside it.
struct Scene {
    folder: TempDir,
    kernel: Kernel,
}

impl Scene {
    /// A sample of `STACK`, and one in a module.
    fn new(build_id: Option<&[u8]>) -> Scene {
        let mut kernel = Kernel::at(MOVED);
        let mut file = Builder::new();
        file.hostname("elsewhere.example").arch("x86_64").os_release("6.1.0-test").kernel_map(&kernel);
        if let Some(id) = build_id {
            file.kernel_build_id(id);
        }
        file.comm(TASK, "worker").at(0, 1_000_000);
        let stack = kernel.stack(STACK);
        file.sample(Sample::new(TASK).kernel(&stack));
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder"), kernel };
        scene.add("perf.data", &file.build());
        scene
    }

    fn add(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be written to");
        fs::write(&path, bytes).expect("the folder can be written to");
    }

    /// The kernel's symbols as its ELF file has them: at the addresses it was linked for, not at
    /// those that KASLR gave it.
    fn linked(&self) -> Vec<(String, u64)> {
        let text = self.kernel.kallsyms_at(Kernel::DEFAULT_TEXT);
        let lines = text.lines().map(|line| line.split_once(' ').expect("a line of kallsyms"));
        let symbol = |(address, rest): (&str, &str)| {
            (rest[2..].to_owned(), u64::from_str_radix(address, 16).expect("an address"))
        };
        lines.filter(|(_, rest)| rest.starts_with('T')).map(symbol).collect()
    }

    fn run(&self, subcommand: &str, options: &[&str]) -> Run {
        let mut command = stallgraph();
        command.current_dir(self.folder.path()).env("HOME", self.folder.path().join("home"));
        run(command.args([subcommand, "perf.data"]).args(options))
    }

    #[track_caller]
    fn assert_named(&self, options: &[&str]) {
        let run = self.run("collapse", options);
        assert_eq!((run.code, run.stdout), (Some(0), format!("worker;{STACK} 1\n")), "{}", run.stderr);
    }

    /// Checks that a file that an option names cannot be used, and that the one line says why.
    #[track_caller]
    fn assert_unusable(&self, options: &[&str], why: &str) {
        let run = self.run("collapse", options);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains(why) && run.stderr.contains("--vmlinux takes"), "{why}: {}", run.stderr);
    }

    /// Checks that there are no names, and that the report says why.
    #[track_caller]
    fn assert_refused(&self, options: &[&str], why: &str) {
        let run = self.run("collapse", options);
        let unnamed = "worker;[[kernel.kallsyms]];[[kernel.kallsyms]];[[kernel.kallsyms]] 1\n";
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), unnamed), "{}", run.stderr);
        let line = run.stderr.lines().find(|line| line.contains("kernel functions have no names"));
        assert!(line.is_some_and(|line| line.contains(why)), "{why}: {}", run.stderr);
    }
}

#[test]
fn a_vmlinux_of_the_recorded_build_names_the_kernel_wherever_kaslr_put_it() {
    let scene = Scene::new(Some(&BUILD_ID));
    scene.assert_refused(&[], "no kallsyms or vmlinux of the recorded kernel was found");
    scene.add("vmlinux", &vmlinux(Some(&BUILD_ID), &scene.linked()));
    scene.assert_named(&["-k", "vmlinux"]);
    scene.assert_named(&["--vmlinux", "vmlinux"]);
}

/// Reads from a pipe, as in `--kallsyms <(ssh node cat /proc/kallsyms)`, whose first byte may take
/// long to come.
#[test]
fn a_kallsyms_may_come_through_a_pipe() {
    let scene = Scene::new(None);
    let text = scene.kernel.kallsyms();
    let mut child = stallgraph()
        .args(["collapse", "--kallsyms", "/dev/stdin", "perf.data"])
        .current_dir(scene.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    for half in [&text[..text.len() / 2], &text[text.len() / 2..]] {
        std::thread::sleep(Duration::from_millis(200));
        pipe.write_all(half.as_bytes()).expect("it is read");
    }
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("worker;{STACK} 1\n"));
}

/// A FIFO without a writer, a file without end and a file too long for memory are refused at once,
/// unread.
#[test]
fn a_kallsyms_that_is_no_text_of_a_kernel_is_not_read() {
    let scene = Scene::new(None);
    let fifo = scene.folder.path().join("fifo");
    make_fifo(&fifo);
    let long = fs::File::create(scene.folder.path().join("long")).expect("the folder can be written to");
    long.set_len(10 << 30).expect("a sparse file");
    for (file, why) in [
        ("fifo", "it is a pipe that nobody writes into"),
        ("/dev/zero", "it is neither a regular file nor a pipe"),
        ("long", "it is longer than 1 GiB"),
    ] {
        let run = scene.run("collapse", &["--kallsyms", file]);
        assert_eq!(run.code, Some(2), "{file}: {}", run.stderr);
        assert!(run.stderr.contains(why), "{file}: {}", run.stderr);
    }
}

#[test]
fn a_vmlinux_of_another_build_is_refused() {
    let scene = Scene::new(Some(&BUILD_ID));
    scene.add("other", &vmlinux(Some(&[8; 20]), &scene.linked()));
    scene.assert_unusable(&["-k", "other"], "its build id is 0808080808080808080808080808080808080808");
    scene.add("stripped", &vmlinux(Some(&BUILD_ID), &[]));
    scene.assert_unusable(&["-k", "stripped"], "it holds no symbols");
    scene.add("text", b"ffffffff81000000 T _text\n");
    scene.assert_unusable(&["-k", "text"], "it is not an ELF file");
    scene.add("empty", b"");
    scene.assert_unusable(&["-k", "empty"], "it is not an ELF file");
    for absent in ["absent", "/dev/null", "."] {
        let run = scene.run("collapse", &["-k", absent]);
        assert_eq!(run.code, Some(2), "{absent}: {}", run.stderr);
        assert!(run.stderr.contains("--vmlinux takes"), "{}", run.stderr);
    }
}

#[test]
fn a_file_that_is_written_while_it_is_read_is_said() {
    let scene = Scene::new(Some(&BUILD_ID));
    let mut symbols = scene.linked();
    let end = symbols.last().expect("_etext").1;
    symbols.extend((0..200_000).map(|number| (format!("function_{number}"), end + number)));
    let bytes = vmlinux(Some(&BUILD_ID), &symbols);
    // Reading so many symbols takes long enough to write the file meanwhile, but for rare cases.
    let is_said = (0..10).any(|attempt| {
        scene.add("large", &bytes);
        let mut command = stallgraph();
        command.current_dir(scene.folder.path()).args(["collapse", "perf.data", "-k", "large"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let path = scene.folder.path().join("large");
        let is_large = |entry: std::io::Result<fs::DirEntry>| {
            entry.is_ok_and(|entry| fs::read_link(entry.path()).is_ok_and(|file| file == path))
        };
        let open_files = format!("/proc/{}/fd", child.id());
        while fs::read_dir(&open_files).is_ok_and(|mut files| !files.any(is_large)) {}
        let file = fs::File::options().write(true).open(&path).expect("it can be written to");
        match attempt % 2 {
            0 => file.set_len(bytes.len() as u64 - 1).expect("it can be cut"),
            _ => file.write_all_at(&[0xff; 64], bytes.len() as u64 / 2).expect("it can be written to"),
        }
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 2)), "{stderr}");
        output.status.code() == Some(2) && stderr.contains("large: it was written or cut while it was read")
    });
    assert!(is_said);
}

#[test]
fn without_build_ids_a_vmlinux_counts_if_its_code_is_as_long() {
    let scene = Scene::new(None);
    scene.add("vmlinux", &vmlinux(None, &scene.linked()));
    scene.assert_named(&["-k", "vmlinux"]);
    let mut longer = scene.linked();
    longer.last_mut().expect("_etext").1 += 0x1000;
    scene.add("longer", &vmlinux(Some(&BUILD_ID), &longer));
    scene.assert_unusable(&["-k", "longer"], "it is another kernel's");
}

#[test]
fn the_build_id_cache_has_the_kernels_symbols() {
    let hex = "07".repeat(20);
    let scene = Scene::new(Some(&BUILD_ID));
    let place = format!(".build-id/07/{}", &hex[2..]);
    scene.add(&format!("home/.debug/{place}/kallsyms"), scene.kernel.kallsyms().as_bytes());
    scene.assert_named(&[]);
    // Another kernel's, although the folder's name says otherwise: its code has another length.
    let other = scene.kernel.kallsyms().replace(&format!("{:x}", MOVED + 0x10_0000), "ffffffff9a200000");
    scene.add(&format!("home/.debug/{place}/kallsyms"), other.as_bytes());
    scene.assert_refused(&[], "kallsyms in the build-id cache is not used: it is another kernel's");
    scene.add(&format!("home/.debug/{place}/elf"), &vmlinux(Some(&BUILD_ID), &scene.linked()));
    scene.assert_named(&[]);
    // As old versions of perf made it: the file itself.
    let cache = scene.folder.path().join("home/.debug");
    fs::remove_dir_all(cache.join(&place)).expect("a folder");
    scene.add(&format!("home/.debug/{place}"), scene.kernel.kallsyms().as_bytes());
    scene.assert_named(&[]);
}

/// A file that was refused is named, with the reason, although another one gives the names.
#[test]
fn a_kallsyms_that_is_not_used_is_named() {
    let scene = Scene::new(Some(&BUILD_ID));
    let other = scene.kernel.kallsyms().replace(&format!("{:x}", MOVED + 0x10_0000), "ffffffff9a200000");
    scene.add("kallsyms", other.as_bytes());
    scene.add(
        "home/.debug/.build-id/07/07070707070707070707070707070707070707/elf",
        &vmlinux(Some(&BUILD_ID), &scene.linked()),
    );
    scene.assert_named(&[]);
    let info = scene.run("info", &[]);
    let text = info.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let note = "note kallsyms is not used for names of the kernel: it is another kernel's: its code is 0x200000 bytes, \
                the recorded kernel's 0x100000";
    assert!(text.contains(note), "{text}");
}

/// perf before 6.6 on arm64, where `_etext` is no function: the kernel's map goes on to the last
/// address, or to the next module.
#[test]
fn without_the_length_of_the_kernel_its_address_tells_whose_kallsyms_it_is() {
    let mut kernel = Kernel::at(0xffff_db3d_8661_0000);
    let module = kernel.text() + 0x400_0000;
    for length in [u64::MAX - kernel.text(), module - kernel.text()] {
        let mut file = Builder::new();
        file.arch("aarch64").kernel_map_of(&kernel, length);
        file.mmap2(Mmap::kernel_module("[veth]", module, 0x4000));
        file.comm(TASK, "worker").at(0, 1_000_000);
        let stack = kernel.stack("el0t_64_sync_handler;el0_svc;__arm64_sys_read");
        file.sample(Sample::new(TASK).kernel(&[&stack[..], &[module + 0x1234]].concat()));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scene = Scene { folder, kernel: kernel.clone() };
        scene.add("perf.data", &file.build());
        let kallsyms = |text| {
            let etext = kernel.kallsyms_at(text).replace("T _etext", "D _etext");
            etext + &format!("{:x} t veth_xmit\t[veth]\n", module + 0x1200)
        };
        scene.add("kallsyms", kallsyms(kernel.text()).as_bytes());
        let run = scene.run("collapse", &[]);
        let named = "worker;el0t_64_sync_handler;el0_svc;__arm64_sys_read;veth_xmit 1\n";
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), named), "{}", run.stderr);
        // Of another boot of the same kernel.
        scene.add("kallsyms", kallsyms(kernel.text() + 0x20_0000).as_bytes());
        let info = scene.run("info", &[]);
        let text = info.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = "kallsyms is not used: it is another kernel's or boot's: _text is at 0xffffdb3d86810000, the recorded kernel's \
                   at 0xffffdb3d86610000";
        assert!(text.contains(why), "{text}");
    }
}

/// A recording of this machine's kernel with a sample in a module, and a cache with a kallsyms that
/// perf put there, in the recorded boot or in an earlier one. perf keeps the first that it sees of
/// each build (build_id_cache__add_s, tools/perf/util/build-id.c).
struct CachedScene {
    scene: Scene,
    module: u64,
}

impl CachedScene {
    const STACK: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64";

    fn new(hostname: &str, release: &str) -> CachedScene {
        let (mut kernel, module) = (Kernel::at(MOVED), 0xffff_ffff_c040_0000);
        let mut file = Builder::new();
        file.hostname(hostname).arch("x86_64").os_release(release).kernel_map(&kernel);
        file.kernel_build_id(&BUILD_ID).mmap2(Mmap::kernel_module("[veth]", module, 0x4000));
        file.mmap2(Mmap::kernel_module("[bridge]", module + 0x10_0000, 0x4000));
        file.comm(TASK, "worker").at(0, 1_000_000);
        let stack = [&kernel.stack(Self::STACK)[..], &[module + 0x1234]].concat();
        file.sample(Sample::new(TASK).kernel(&stack));
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder"), kernel };
        scene.add("perf.data", &file.build());
        CachedScene { scene, module }
    }

    /// A kallsyms with the kernel, `veth` and `bridge` moved by these many bytes from where they
    /// were recorded.
    fn kallsyms(&self, kernel: u64, veth: u64, bridge: u64) -> String {
        let (veth, bridge) = (self.module.wrapping_add(veth), self.module + 0x10_0000 + bridge);
        let line = |address: u64, name, module| format!("{address:x} t {name}\t[{module}]\n");
        let veth = line(veth + 0x20, "veth_open", "veth") + &line(veth + 0x1200, "veth_xmit", "veth");
        self.scene.kernel.kallsyms_at(MOVED + kernel) + &veth + &line(bridge, "br_xmit", "bridge")
    }

    fn cache(&self, kallsyms: &str) {
        let name = format!("home/.debug/.build-id/07/{}/kallsyms", "07".repeat(19));
        self.scene.add(&name, kallsyms.as_bytes());
    }

    #[track_caller]
    fn assert_leaf(&self, leaf: &str, files: &[&str]) {
        let run = self.scene.run("collapse", &[]);
        let stack = if files.is_empty() { "[[kernel.kallsyms]];[[kernel.kallsyms]]" } else { Self::STACK };
        let expected = format!("worker;{stack};{leaf} 1\n");
        assert_eq!((run.code, run.stdout), (Some(0), expected), "{}", run.stderr);
        let info = self.scene.run("info", &["--format", "json"]).stdout;
        let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
        let named = info["kernel_names"].as_array().expect("files").iter();
        assert_eq!(named.map(|file| file["file"].as_str().expect("a file")).collect::<Vec<_>>(), files);
    }
}

#[test]
fn a_cached_kallsyms_of_the_recorded_boot_names_modules_too() {
    let scene = CachedScene::new("elsewhere.example", "6.1.0-test");
    scene.cache(&scene.kallsyms(0, 0, 0));
    scene.assert_leaf("veth_xmit", &["kallsyms in the build-id cache"]);
}

#[test]
fn the_cache_that_perfs_configuration_names_is_searched() {
    let scene = CachedScene::new("elsewhere.example", "6.1.0-test");
    let name = format!("elsewhere/.build-id/07/{}/kallsyms", "07".repeat(19));
    scene.scene.add(&name, scene.kallsyms(0, 0, 0).as_bytes());
    scene.assert_leaf("[[veth]]", &[]);
    let folder = scene.scene.folder.path().join("elsewhere");
    scene.scene.add("home/.perfconfig", format!("[buildid]\n\tdir = {}\n", folder.display()).as_bytes());
    scene.assert_leaf("veth_xmit", &["kallsyms in the build-id cache"]);
}

#[test]
fn a_cached_kallsyms_of_another_boot_names_no_modules() {
    let scene = CachedScene::new("elsewhere.example", "6.1.0-test");
    // The kernel proper is the same build, wherever KASLR put it.
    for (kernel, veth, bridge) in [
        (0x20_0000, 0x10_0000, 0),
        (0, 0x1000, 0x1000),
        // With the code of both boots in the map.
        (0x20_0000, 0x1000, 0),
        (0, 0x1000, 0x10_0000),
        (0, 0u64.wrapping_sub(0x1000), 0),
    ] {
        scene.cache(&scene.kallsyms(kernel, veth, bridge));
        scene.assert_leaf("[[veth]]", &["kallsyms in the build-id cache"]);
    }
    // The kallsyms beside the recording is of its boot.
    scene.scene.add("kallsyms", scene.kallsyms(0, 0, 0).as_bytes());
    scene.assert_leaf("veth_xmit", &["kallsyms"]);
    // Neither is: the first that belongs to the build counts.
    scene.scene.add("kallsyms", scene.kallsyms(0x40_0000, 0x10_0000, 0).as_bytes());
    scene.assert_leaf("[[veth]]", &["kallsyms"]);
    // Each names what it can.
    scene.cache(&scene.kallsyms(0, 0, 0));
    scene.assert_leaf("veth_xmit", &["kallsyms", "kallsyms in the build-id cache"]);
}

#[test]
fn an_installed_vmlinux_of_the_recorded_build_is_found_below_symfs() {
    let scene = Scene::new(Some(&BUILD_ID));
    let path = "symfs/usr/lib/debug/boot/vmlinux-6.1.0-test";
    scene.add(path, &vmlinux(Some(&[8; 20]), &scene.linked()));
    scene.assert_refused(&["--symfs", "symfs"], "no kallsyms or vmlinux");
    scene.add(path, &vmlinux(Some(&BUILD_ID), &scene.linked()));
    scene.assert_named(&["--symfs", "symfs"]);
    assert!(Path::new(&scene.folder.path().join(path)).exists());
}

#[test]
fn bpf_programs_are_named_as_they_were_at_the_time() {
    let mut kernel = Kernel::new();
    let entry = kernel.stack("entry_SYSCALL_64_after_hwframe;do_syscall_64");
    let place = 0xffff_ffff_c000_1000;
    let mut file = Builder::new();
    file.hostname("elsewhere.example").arch("x86_64").kernel_map(&kernel).comm(TASK, "worker");
    let sample = |file: &mut Builder, ms: u64| {
        let stack = [&entry[..], &[place + 0x20]].concat();
        file.at(0, ms * 1_000_000).sample(Sample::new(TASK).kernel(&stack));
    };
    file.at(0, 1_000_000).ksymbol("bpf_prog_1_first", place, 0x100, false);
    sample(&mut file, 2);
    file.at(0, 3_000_000).ksymbol("bpf_prog_1_first", place, 0x100, true);
    sample(&mut file, 4);
    file.at(0, 5_000_000).ksymbol("bpf_prog_2_\x1b[2Jsecond", place, 0x80, false);
    sample(&mut file, 6);
    sample(&mut file, 2);
    let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder"), kernel };
    scene.add("perf.data", &file.build());
    scene.add("kallsyms", scene.kernel.kallsyms().as_bytes());
    let run = scene.run("collapse", &[]);
    let leaves: Vec<&str> =
        run.stdout.lines().map(|line| line.rsplit_once(';').expect("a frame").1).collect();
    assert_eq!(
        leaves,
        ["bpf_prog_1_first 1", "bpf_prog_1_first 1", "[[kernel.kallsyms]] 1", "bpf_prog_2_?[2Jsecond 1"]
    );
    // They are named even without any other symbols of the kernel.
    fs::remove_file(scene.folder.path().join("kallsyms")).expect("it is there");
    assert_eq!(scene.run("collapse", &[]).stdout.matches("bpf_prog_").count(), 3);
}

/// This process's `[vdso]`, with its build id and the offset of one of its functions; `None` where
/// there is none.
fn own_vdso() -> Option<(Vec<u8>, u64)> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).expect("an address");
    let mut bytes = vec![0; (number(end) - number(start)) as usize];
    fs::File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, number(start)).ok()?;
    let elf = object::File::parse(bytes.as_slice()).expect("an ELF file");
    let symbol =
        elf.dynamic_symbols().find(|symbol| symbol.name().is_ok_and(|name| name.contains("getcpu")))?;
    Some((elf.build_id().expect("notes").expect("a build id").to_vec(), symbol.address()))
}

#[test]
fn the_vdso_has_the_names_of_this_processs_if_it_is_the_same() {
    let Some((build_id, getcpu)) = own_vdso() else {
        eprintln!("SKIPPED: no [vdso] in this process");
        return;
    };
    let leaf = |build_id: &[u8]| {
        let mut file = Builder::new();
        file.hostname("elsewhere.example").arch("x86_64").comm(TASK, "worker");
        file.mmap2(Mmap::new(TASK.0, "[vdso]", 0x7000_0000, 0x2000).build_id(build_id));
        file.at(0, 1_000_000).sample(Sample::new(TASK).user(&[0x7000_0000 + getcpu]));
        let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder"), kernel: Kernel::new() };
        scene.add("perf.data", &file.build());
        scene.run("collapse", &[]).stdout
    };
    assert!(leaf(&build_id).contains("getcpu"));
    assert_eq!(leaf(&[9; 20]), "worker;[[vdso]] 1\n");
}

#[test]
fn what_has_no_name_has_a_reason_in_json() {
    let mut kernel = Kernel::new();
    let entry = kernel.stack("entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read");
    let nowhere = kernel.text() + 0x80_0000;
    let mut file = Builder::new();
    file.hostname("elsewhere.example")
        .arch("x86_64")
        .kernel_map(&kernel)
        .comm(TASK, "worker")
        .comm((9, 9), "ksoftirqd/0");
    for ms in 1..=100 {
        let stack = [&entry[..], &[nowhere]].concat();
        file.at(0, ms * 1_000_000).sample(Sample::new(TASK).kernel(&stack));
    }
    let served = kernel.stack("ret_from_fork;kthread;run_ksoftirqd;handle_softirqs;net_rx_action");
    file.at(0, 101_000_000).sample(Sample::new((9, 9)).kernel(&served));
    let scene = Scene { folder: tempfile::tempdir().expect("a temporary folder"), kernel };
    scene.add("perf.data", &file.build());
    scene.add("kallsyms", scene.kernel.kallsyms().as_bytes());
    let json = |subcommand: &str| -> serde_json::Value {
        let run = scene.run(subcommand, &["--format", "json"]);
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    };
    let window = json("window");
    let path = &window["episodes"][0]["dominating"]["path"];
    assert_eq!(path.as_array().expect("a path").last().expect("a function"), "[[kernel.kallsyms]]");
    for document in [&window, &json("info")] {
        let unnamed = &document["unnamed"][0];
        assert_eq!(unnamed["name"], "[[kernel.kallsyms]]");
        assert_eq!((&unnamed["code"], &unnamed["frames"]), (&"no_symbol".into(), &100.into()));
        assert_eq!(unnamed["reason"], "the kernel's symbols do not cover the place");
        assert_eq!(document["unnamed"].as_array().map(Vec::len), Some(1));
    }
}
