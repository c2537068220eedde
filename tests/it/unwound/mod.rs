//! User stacks that were recorded as registers and a piece of the stack, or as calls that the CPU
//! recorded.

mod hostile;
mod memory;
mod pieces;
mod program;
mod signals;

use std::fs;
use std::path::Path;

use crate::support::builder::{Builder, Event, Kernel, Mmap, Sample, misc, sample_type};
use crate::support::{MadeUp, Run, perf_script, run, stallgraph};
use tempfile::TempDir;

/// What is printed in place of the callers that were not found.
const CUT: &str = "[not unwound]";

/// A recording of testdata/unwinding, unpacked.
struct Recorded {
    folder: TempDir,
    /// The stacks that perf printed.
    rows: Vec<perf_script::Row>,
}

impl Recorded {
    fn open(machine: &str) -> Recorded {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/unwinding");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let unpacked = |name: &str| {
            let packed = fs::read(from.join(format!("{name}.zst"))).expect("a file of testdata");
            zstd::decode_all(packed.as_slice()).expect("it unpacks")
        };
        let program = format!("symfs/srv/unwinding/{machine}");
        fs::create_dir_all(folder.path().join("symfs/srv/unwinding")).expect("a folder");
        fs::write(folder.path().join(&program), unpacked(&program)).expect("a file");
        fs::write(folder.path().join("perf.data"), unpacked(&format!("{machine}.data"))).expect("a file");
        let text = String::from_utf8(unpacked(&format!("{machine}.stacks"))).expect("text");
        Recorded { folder, rows: perf_script::read(&text, "cpu-clock:u") }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        run(stallgraph().current_dir(self.folder.path()).args(arguments))
    }

    /// The stack of each sample, root first, with names from `symfs`.
    fn stacks(&self, options: &[&str]) -> Vec<Vec<String>> {
        let arguments = [&["collapse", "perf.data", "--symfs", "symfs", "-F", "stack"], options].concat();
        let run = self.run(&arguments);
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stdout.lines().map(|line| line.split(';').skip(1).map(str::to_owned).collect()).collect()
    }
}

/// perf, whose stacks these are, marks no stack as cut. It may print a last frame whose address it
/// made of nothing, and has no name for the function to which signal handlers return. It was run on
/// the recorded machine, whose `[vdso]` is not here.
#[test]
fn stacks_are_those_of_perf() {
    for machine in MACHINES {
        let recorded = Recorded::open(machine);
        let stacks = recorded.stacks(&[]);
        assert_eq!(stacks.len(), recorded.rows.len());
        let (mut to_root, mut cut, mut in_handlers) = (0, 0, 0);
        for (stack, row) in stacks.iter().zip(&recorded.rows) {
            let theirs = row.stack();
            let mut theirs: Vec<&str> = theirs.split(';').skip(1).collect();
            let mut ours = stack.as_slice();
            if ours[0] == CUT {
                ours = &ours[1..];
                cut += 1;
                if theirs[0] == "[unknown]" {
                    theirs.remove(0);
                }
            } else {
                assert_eq!(ours[0], "_start", "{ours:?}");
                to_root += 1;
            }
            in_handlers += u32::from(ours.iter().any(|name| name == "on_tick"));
            let is_same = |at: usize| {
                let is_restorer = |name: &str| RESTORERS.contains(&name) || name == "[[vdso]]";
                let is_vdso = theirs[at].starts_with("__vdso") || theirs[at].starts_with("__kernel");
                ours[at] == theirs[at]
                    || RESTORERS.contains(&ours[at].as_str()) && theirs[at] == format!("[{machine}]")
                    || ours[at] == "[[vdso]]" && is_vdso
                    || theirs[at] == "@plt"
                    // perf takes what a signal interrupted for a call, one byte before.
                    || ours.get(at + 1).is_some_and(|inner| is_restorer(inner))
            };
            let are_same = ours.len() == theirs.len() && (0..ours.len()).all(is_same);
            assert!(are_same, "{machine} {}\n{ours:?}\n{theirs:?}", row.time());
        }
        assert!(to_root > 100 && cut > 5 && in_handlers > 3, "{to_root} {cut} {in_handlers}");
    }
}

/// The machines of testdata/unwinding.
const MACHINES: [&str; 3] = ["x86_64", "aarch64", "aarch64-signed"];
/// The functions that signal handlers return to.
const RESTORERS: [&str; 2] = ["__restore_rt", "__kernel_rt_sigreturn"];

#[test]
fn no_thread_changes_a_stack() {
    for machine in MACHINES {
        let recorded = Recorded::open(machine);
        let stacks = recorded.stacks(&["--threads", "1"]);
        for threads in ["2", "3", "8"] {
            assert_eq!(recorded.stacks(&["--threads", threads]), stacks, "{threads} threads");
        }
    }
}

#[test]
fn info_says_how_far_stacks_were_unwound_and_why() {
    let recorded = Recorded::open("x86_64");
    let info = |options: &[&str]| {
        let run = recorded.run(&[&["info", "perf.data", "--symfs"], options].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stdout.lines().map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let with_program = info(&["symfs"]);
    assert!(with_program.contains("to their root"), "{with_program}");
    assert!(with_program.contains("end where the recorded piece of the stack ends"), "{with_program}");
    fs::create_dir(recorded.folder.path().join("empty")).expect("a folder");
    let without = info(&["empty"]);
    let end = "end in code without a table for unwinding: /srv/unwinding/x86_64, no such file here";
    assert!(without.contains("unwound    0 of 197 user stacks") && without.contains(end), "{without}");
    let json: serde_json::Value = serde_json::from_str(
        &recorded.run(&["info", "perf.data", "--symfs", "empty", "--format", "json"]).stdout,
    )
    .expect("JSON");
    let unwinding = &json["unwinding"];
    let cut: u64 =
        unwinding["cut"].as_array().expect("a list").iter().filter_map(|cut| cut["stacks"].as_u64()).sum();
    assert_eq!(unwinding["stacks"].as_u64(), Some(recorded.rows.len() as u64));
    assert_eq!((unwinding["to_root"].as_u64(), unwinding["stacks"].as_u64()), (Some(0), Some(cut)));
    let warned = recorded.run(&["collapse", "perf.data", "--symfs", "empty"]);
    assert!(warned.stderr.contains("were not unwound to their root"), "{warned:?}");
}

#[test]
fn commands_that_look_at_the_kernel_alone_unwind_nothing() {
    let recorded = Recorded::open("x86_64");
    let window = recorded.run(&["window", "perf.data", "--symfs", "symfs"]);
    assert!(!window.stderr.contains("unwound") && !window.stderr.contains("dumps"), "{window:?}");
}

#[test]
fn a_pack_gives_the_same_stacks() {
    let recorded = Recorded::open("x86_64");
    let packed = recorded.run(&["pack", "perf.data", "--symfs", "symfs", "-o", "one.pack"]);
    assert_eq!(packed.code, Some(0), "{packed:?}");
    fs::remove_dir_all(recorded.folder.path().join("symfs")).expect("a folder");
    let of_pack = recorded.run(&["collapse", "one.pack", "-F", "stack"]);
    let stacks: Vec<Vec<String>> =
        of_pack.stdout.lines().map(|line| line.split(';').skip(1).map(str::to_owned).collect()).collect();
    assert_eq!(stacks, Recorded::open("x86_64").stacks(&[]));
    // Registers and pieces of the stack may hold anything, so a redacted pack has none.
    let recorded = Recorded::open("x86_64");
    let redacted = recorded.run(&["pack", "perf.data", "--redact", "--symfs", "symfs", "-o", "one.pack"]);
    assert_eq!(redacted.code, Some(0), "{redacted:?}");
    let of_pack = recorded.run(&["collapse", "one.pack"]);
    assert!(of_pack.code == Some(0) && !of_pack.stdout.contains("main"), "{of_pack:?}");
}

/// Registers of x86-64 that a sample has here: BP, SP and IP, by their numbers in perf.
const REGISTERS: u64 = 1 << 6 | 1 << 7 | 1 << 8;

fn with_dumps() -> Event {
    Event::cpu_clock().also(sample_type::REGS_USER | sample_type::STACK_USER).user_registers(REGISTERS)
}

/// A sample of a thread that was in `ip` with these values on its stack, at 0x7000.
fn dumped(ip: u64, frame_pointer: u64, stack: &[u64]) -> Sample {
    let bytes: Vec<u8> = stack.iter().flat_map(|word| word.to_le_bytes()).collect();
    Sample::new((7, 7)).user_registers(2, &[frame_pointer, 0x7000, ip]).user_stack(&bytes)
}

fn collapsed(builder: &mut Builder, kernel: &Kernel, options: &[&str]) -> String {
    let made_up = MadeUp::write(&builder.arch("x86_64").build(), &kernel.kallsyms());
    let run = run(made_up.command("collapse").args(options).args(["-F", "stack"]));
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout
}

/// A program without tables, `/bin/a` at 0x1000, and another one at 0x2000.
fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.event(with_dumps()).comm((7, 7), "worker");
    builder.mmap2(Mmap::new(7, "/bin/a", 0x1000, 0x1000)).mmap2(Mmap::new(7, "/bin/b", 0x2000, 0x1000));
    builder
}

#[test]
fn without_a_table_the_frame_pointer_is_followed() {
    let (mut builder, kernel) = (builder(), Kernel::new());
    // The frame pointer leads to pairs of frame pointer and return address; the last pair ends.
    builder.at(0, 1_000).sample(dumped(0x1100, 0x7008, &[0, 0x7018, 0x2200, 0, 0x1300]));
    // It leads nowhere, below the stack pointer, beyond the recorded piece, and there is none.
    for frame_pointer in [0x9000, 0x10, 0x7010, u64::MAX] {
        builder.at(0, 2_000).sample(dumped(0x1100, frame_pointer, &[0, 0x7018, 0x2200]));
    }
    builder.at(0, 3_000).sample(dumped(0x1100, 0, &[]));
    let printed = collapsed(&mut builder, &kernel, &[]);
    let cut = format!("worker;{CUT};[a]");
    let expected = ["worker;[a];[b];[a]", &cut, &cut, &cut, &cut, &cut];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_kernels_frames_come_first_and_whole() {
    let (mut builder, mut kernel) = (builder(), Kernel::new());
    let stack = kernel.stack("do_syscall_64;__x64_sys_read;vfs_read");
    builder.kernel_map(&kernel);
    builder.at(0, 1_000).sample(dumped(0x1100, 0x7000, &[0, 0x2200]).kernel(&stack));
    // A kernel thread has no registers of user space.
    builder.at(0, 2_000).sample(Sample::new((7, 7)).user_registers(0, &[]).kernel(&stack));
    let printed = collapsed(&mut builder, &kernel, &[]);
    let kernel = "do_syscall_64;__x64_sys_read;vfs_read";
    assert_eq!(printed, format!("worker;[b];[a];{kernel}\nworker;{kernel}\n"));
}

#[test]
fn where_the_piece_ends_callers_of_the_call_chain_follow() {
    let (mut builder, kernel) = (builder(), Kernel::new());
    let sample = |user: &[u64]| dumped(0x1100, 0x7000, &[0x7800, 0x2200]).user(user);
    builder.at(0, 1_000).sample(sample(&[0x1700, 0x1600, 0x2200, 0x1100]));
    builder.at(0, 2_000).sample(sample(&[0x1700, 0x1600, 0x2300, 0x1100]));
    let printed = collapsed(&mut builder, &kernel, &[]);
    assert_eq!(printed, format!("worker;{CUT};[a];[a];[b];[a]\nworker;{CUT};[b];[a]\n"));
}

#[test]
fn odd_registers_and_pieces_break_nothing() {
    let (mut builder, kernel) = (builder(), Kernel::new());
    let piece = |ip, frame_pointer, words: &[u64]| dumped(ip, frame_pointer, words);
    let marker = -128i64 as u64;
    let samples = [
        // Of 32 bits.
        Sample::new((7, 7)).user_registers(1, &[0x7000, 0x7000, 0x1100]).ip(0x1100),
        // In no code, in the kernel's addresses, and a return address that is a marker of chains.
        piece(0x9999, 0x7000, &[0, 0x1200]),
        piece(u64::MAX, 0x7000, &[0, 0x1200]).ip(0x1100),
        piece(0x1100, 0x7000, &[0, marker]),
        // A frame pointer that leads to itself, and one at the end of all addresses.
        piece(0x1100, 0x7000, &[0x7000, 0x1200]),
        piece(0x1100, u64::MAX - 8, &[0, 0x1200]),
    ];
    for (number, sample) in (1..).zip(samples) {
        builder.at(0, number * 1_000).sample(sample);
    }
    let printed = collapsed(&mut builder, &kernel, &[]);
    let expected =
        ["[a]", "[unknown]", "[a]", "[a]", "[a];[a]", "[a]"].map(|stack| format!("worker;{CUT};{stack}"));
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

/// As perf makes call chains of them: where the CPU was called to last, and from where each call
/// came.
#[test]
fn calls_that_the_cpu_recorded_are_the_user_stack() {
    const BRANCH_CALL_STACK: u64 = 1 << 11;
    let mut kernel = Kernel::new();
    let stack = kernel.stack("do_syscall_64;__x64_sys_read;vfs_read");
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().also(sample_type::BRANCH_STACK).branch_type(BRANCH_CALL_STACK));
    builder.comm((7, 7), "worker").kernel_map(&kernel);
    builder.mmap2(Mmap::new(7, "/bin/a", 0x1000, 0x1000)).mmap2(Mmap::new(7, "/bin/b", 0x2000, 0x1000));
    let calls = [(0x2100, 0x1100), (0x2200, 0x2000), (0x1300, 0x2080)];
    let sample = || Sample::new((7, 7)).branches(&calls);
    builder.at(0, 1_000).sample(sample().user(&[0x1100]));
    builder.at(0, 2_000).sample(sample().kernel(&stack).user(&[0x1100]));
    // Without a user part there is no user stack: the calls are of another thread.
    builder.at(0, 3_000).sample(sample().kernel(&stack));
    // Addresses of the kernel among the calls are none of user space.
    let odd = [(0x2100, 0x1100), (-128i64 as u64, 0x2000), (u64::MAX, u64::MAX)];
    builder.at(0, 4_000).sample(Sample::new((7, 7)).branches(&odd).user(&[0x1100]));
    // The same chain with other calls is another stack.
    builder.at(0, 5_000).sample(Sample::new((7, 7)).branches(&calls[1..]).user(&[0x1100]));
    let printed = collapsed(&mut builder, &kernel, &[]);
    let in_kernel = "do_syscall_64;__x64_sys_read;vfs_read";
    let user = "worker;[a];[b];[b];[a]";
    let expected = [
        user,
        &format!("{user};{in_kernel}"),
        &format!("worker;{in_kernel}"),
        "worker;[b];[a]",
        "worker;[a];[b];[b]",
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn info_says_what_is_not_read() {
    const AUX: u32 = 11;
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock().also(sample_type::BRANCH_STACK)).comm((7, 7), "worker");
    builder.raw(AUX, 0, &[0; 40]);
    builder.at(0, 1_000).sample(Sample::new((7, 7)).branches(&[(0x2100, 0x1100)]).user(&[0x1100]));
    let made_up = MadeUp::write(&builder.build(), "");
    let info = run(&mut made_up.command("info")).stdout;
    let info = info.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(info.contains("branches (not read: they are no stacks)"), "{info}");
    assert!(info.contains("1 of the skipped records are AUX data"), "{info}");
}

/// A guest's addresses mean nothing here, even where they are those of the host's kernel.
#[test]
fn frames_of_guests_and_hypervisors_are_labelled() {
    let mut kernel = Kernel::new();
    let address = kernel.ip("vfs_read");
    let mut builder = Builder::new();
    builder.event(Event::cpu_clock()).comm((7, 7), "CPU 0/KVM").kernel_map(&kernel);
    for (number, mode) in (1..).zip([misc::HYPERVISOR, misc::GUEST_KERNEL, misc::GUEST_USER]) {
        builder.at(0, number * 1_000).sample(Sample::new((7, 7)).ip(address).misc(mode));
    }
    let printed = collapsed(&mut builder, &kernel, &[]);
    assert_eq!(printed, "CPU_0/KVM;[hypervisor]\nCPU_0/KVM;[guest]\nCPU_0/KVM;[guest]\n");
}
