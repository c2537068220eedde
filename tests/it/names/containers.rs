//! Files of a container, found at the root of its process.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use crate::support::builder::{Builder, Mmap, Sample};
use crate::support::elf::{build_id, position_of};

use super::scene::{Scene, generated_code};

/// A program that does nothing, with `root` as its root; killed with the value.
struct Contained {
    child: std::process::Child,
}

impl Contained {
    /// `None` where this user may not change a process's root, or without a C compiler.
    fn start(scene: &Scene) -> Option<Contained> {
        let source = scene.add(
            "work.c",
            b"void container_work(void) { for (;;) __asm__ volatile(\"syscall\" : : \"a\"(34) : \"rcx\", \"r11\"); }\n\
              void _start(void) { container_work(); }\n",
        );
        scene.add("root/app/.keep", b"");
        scene.add("root/tmp/.keep", b"");
        let mut compiler = Command::new("cc");
        compiler.args(["-O0", "-nostdlib", "-static", "-Wl,--build-id", "-o"]).arg(scene.at("root/app/work"));
        let is_compiled = compiler.arg(source).stderr(Stdio::null()).status().is_ok_and(|it| it.success());
        let mut chroot = Command::new("chroot");
        chroot.arg(scene.at("root")).arg("/app/work").stderr(Stdio::null());
        let mut child = is_compiled.then(|| chroot.spawn().ok()).flatten()?;
        // chroot has started the program once its executable is the program.
        let exe = format!("/proc/{}/exe", child.id());
        for _ in 0..500 {
            if fs::read_link(&exe).is_ok_and(|path| path.ends_with("app/work")) {
                return Some(Contained { child });
            }
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let _ = child.kill();
        None
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn files_of_a_container_are_found_at_the_root_of_their_process() {
    let scene = Scene::write(&mut Builder::new());
    let Some(contained) = Contained::start(&scene).filter(|_| cfg!(target_arch = "x86_64")) else {
        eprintln!("SKIPPED container test: needs root, a C compiler and x86-64");
        return;
    };
    let pid = contained.child.id();
    let bytes = fs::read(scene.at("root/app/work")).expect("the program");
    let position = position_of(&bytes, "container_work");

    let mut file = generated_code(pid, &[0x6000_0000 + position, 0x7000_0010]);
    // Of two maps of the same code the later one counts.
    file.mmap2(Mmap::new(pid, "/app/work", 0x6000_0000, 0x10_0000).build_id(&build_id(&bytes)));
    file.at(0, 2_000_000).sample(Sample::new((pid, pid)).user(&[0x6000_0000 + position, 0x7000_0010]));
    fs::write(scene.at("perf.data"), file.build()).expect("it can be written to");
    // The map's name has the process id in the container's namespace, which here is ours.
    scene.add(&format!("root/tmp/perf-{pid}.map"), b"70000000 100 made_in_container\n");
    let last = |options: &[&str]| {
        let stacks = scene.run("collapse", options).stdout;
        stacks.lines().last().expect("a stack").to_owned()
    };
    assert_eq!(last(&[]), "node;[work];[anon] 1");
    assert_eq!(last(&["--container-root"]), "node;container_work;made_in_container 1");
    // A link in the container is resolved inside the container.
    fs::remove_file(scene.at("root/app/work")).expect("it is there");
    symlink(scene.at("elsewhere"), scene.at("root/app/work")).expect("a link");
    scene.add("elsewhere", &bytes);
    assert_eq!(last(&["--container-root"]), "node;[work];made_in_container 1");
}
