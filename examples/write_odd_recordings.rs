//! Writes perf.data files that no perf at hand writes: other machines' and other programs', and hostile ones.
//!
//! usage: `write_odd_recordings FOLDER`. `scripts/robustness` runs the tools on them. To standard output goes one line for each
//! file, with tabs between: what it is (files of one kind have the same text), the file, `clean`, `hostile` or `bomb`, the
//! number of samples that can be used (`200+`: at least), or `-` where nothing is promised.

#[path = "../tests/it/support"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support {
    pub mod builder;
    pub mod forms;
}

use std::fs;
use std::path::{Path, PathBuf};

use support::builder::{
    Builder, Event, Kernel, Mmap, Sample, context, feature, flag, misc, record, sample_type,
};
use support::forms::{Apart, user_record};

const WORKER: (u32, u32) = (42, 42);
const KSOFTIRQD: (u32, u32) = (9, 9);
const KERNEL_STACK: &str = "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;ksys_read;vfs_read";
const SOFTIRQ_STACK: &str =
    "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action";
/// ns between two samples.
const STEP: u64 = 1_000_000;
/// Samples of [`Scene::samples`].
const SAMPLES: u64 = 200;
/// PERF_SAMPLE_BRANCH_STACK (perf_event.h).
const BRANCH_STACK: u64 = 1 << 11;
/// PERF_RECORD_AUXTRACE_INFO (tools/lib/perf/include/perf/event.h).
const AUXTRACE_INFO: u32 = 70;
/// HEADER_AUXTRACE, HEADER_COMPRESSED (tools/perf/util/header.h).
const FEATURE_AUXTRACE: u8 = 18;
const FEATURE_COMPRESSED: u8 = 27;

fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.filter(|folder| folder.is_dir()).unwrap_or_else(|| {
        eprintln!("usage: write_odd_recordings FOLDER");
        std::process::exit(2);
    });
    let mut out = Output { folder, files: 0 };
    foreign(&mut out);
    odd_events(&mut out);
    odd_records(&mut out);
    hostile_names(&mut out);
    hostile_counts(&mut out);
    hostile_growth(&mut out);
}

/// Where the files go.
struct Output {
    folder: PathBuf,
    files: usize,
}

impl Output {
    fn write(&mut self, what: &str, class: &str, samples: Option<u64>, bytes: &[u8]) {
        let samples = samples.map_or("-".to_owned(), |samples| samples.to_string());
        self.write_some(what, class, &samples, bytes);
    }

    fn write_some(&mut self, what: &str, class: &str, samples: &str, bytes: &[u8]) {
        self.files += 1;
        let path = self.folder.join(format!("odd-{:02}.data", self.files));
        fs::write(&path, bytes).expect("the folder can be written to");
        println!("{what}\t{}\t{class}\t{samples}", path.display());
    }

    fn clean(&mut self, what: &str, samples: u64, scene: &Scene) {
        self.write(what, "clean", Some(samples), &scene.file.build());
    }

    fn hostile(&mut self, what: &str, samples: Option<u64>, scene: &Scene) {
        self.write(what, "hostile", samples, &scene.file.build());
    }
}

/// A file in the making: a worker on CPU 0 and 1, and now and then ksoftirqd, so that every command has something to do.
struct Scene {
    file: Builder,
    kernel: Kernel,
    now: u64,
}

impl Scene {
    fn new(events: Vec<Event>) -> Scene {
        let mut scene = Scene { file: Builder::new(), kernel: Kernel::new(), now: 0 };
        for event in events {
            scene.file.event(event);
        }
        scene.file.arch("x86_64").os_release("6.1.0").perf_version("6.1.0").hostname("elsewhere");
        scene.file.cmdline(&["perf", "record", "-a", "-g"]).cpus(2, 2).event_desc();
        scene.file.kernel_map(&scene.kernel).comm(WORKER, "worker").comm(KSOFTIRQD, "ksoftirqd/0");
        scene.file.mmap2(Mmap::new(WORKER.0, "/usr/bin/worker", 0x40_0000, 0x10_0000));
        scene
    }

    /// The next millisecond's sample.
    fn next(&mut self, number: u64) -> Sample {
        self.now += STEP;
        self.file.at((number % 2) as u32, self.now);
        match number % 50 {
            49 => Sample::new(KSOFTIRQD).kernel(&self.kernel.stack(SOFTIRQ_STACK)),
            _ => Sample::new(WORKER)
                .kernel(&self.kernel.stack(KERNEL_STACK))
                .user(&[0x40_1000, 0x40_2000 + number % 7 * 16]),
        }
    }

    /// [`SAMPLES`] samples, each changed by `change`.
    fn samples(&mut self, change: impl Fn(u64, Sample) -> Sample) -> &mut Self {
        for number in 0..SAMPLES {
            let sample = self.next(number);
            self.file.sample(change(number, sample));
        }
        self
    }

    /// The same, unchanged.
    fn plain(&mut self) -> &mut Self {
        self.samples(|_, sample| sample)
    }
}

/// Other machines and other programs.
fn foreign(out: &mut Output) {
    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    scene.plain();
    out.write("big-endian", "clean", Some(SAMPLES), &Apart::of(&scene.file.build()).big_endian());

    for size in [64, 72, 80, 96, 104, 112, 120, 128, 136, 144, 184] {
        let mut scene = Scene::new(vec![Event::cpu_clock()]);
        scene.file.attr_size(size);
        scene.plain();
        out.clean(
            "attributes of 64, 72, 80, 96, 104, 112, 120, 128, 136, 144 and 184 bytes",
            SAMPLES,
            &scene,
        );
    }
    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    scene.file.attr_size(64);
    let mut bytes = scene.plain().file.build();
    let attribute = u64_at(&bytes, 24) as usize;
    put(&mut bytes, attribute + 4, &0u32.to_le_bytes());
    out.write("attribute whose own size is 0 (then it has 64 bytes)", "clean", Some(SAMPLES), &bytes);

    // simpleperf's own records have types from 32769 on, and keep the upper half of their size where perf has `misc`
    // (simpleperf_record_header in system/extras/simpleperf/record.h).
    let symbols = vec![b'\n'; 100_000];
    let size = symbols.len() as u32 + 8;
    let head = |kind: u32, size: u32| {
        [&kind.to_le_bytes()[..], &((size >> 16) as u16).to_le_bytes(), &(size as u16).to_le_bytes()].concat()
    };
    let meta_info = b"simpleperf_version\x001.build.7848450\0clockid\0monotonic\0";
    let mut scene = Scene::new(vec![Event::cycles().also(0)]);
    scene.file.feature(129, meta_info);
    scene.file.bytes(&head(32769, size)).bytes(&symbols).bytes(&head(32772, 16)).bytes(&[0; 8]);
    out.clean("simpleperf: its own records, one of them over 64 KB", SAMPLES, scene.plain());
}

/// Events that are not everyday ones.
fn odd_events(out: &mut Output) {
    let lbr = Event::cpu_clock().also(BRANCH_STACK);
    let mut scene = Scene::new(vec![lbr]);
    for number in 0..SAMPLES {
        // One of these has its branches: from, to and flags each; the builder writes empty branch stacks for the rest.
        let sample = scene.next(number);
        scene.file.sample(sample);
    }
    out.clean("`--call-graph lbr`, built: this machine has no LBR", SAMPLES + 1, with_branches(&mut scene));

    let mut strange = Event::new("vendor_pmu/event=0x77/", 77, 0xffff_ffff_ffff);
    strange = strange.clockid(99).also(0);
    let unknown = vec![strange, Event::new("hw-99", 0, 99).also(0), Event::new("sw-99", 1, 99).also(0)];
    let mut scene = Scene::new(unknown);
    out.clean("unknown numbers of PMU, hardware and software event and of clock", SAMPLES, scene.plain());

    let without_identifier = |bits: u64| {
        let fields = sample_type::IP | sample_type::TID | sample_type::TIME | sample_type::ID;
        fields | sample_type::CPU | sample_type::PERIOD | sample_type::CALLCHAIN | bits
    };
    let events = vec![
        Event::cpu_clock().sample_type(without_identifier(0)),
        Event::cycles().sample_type(without_identifier(sample_type::RAW)),
    ];
    let mut scene = Scene::new(events);
    scene.samples(|number, sample| sample.event((number % 2) as usize));
    out.clean("two events without IDENTIFIER, their ids at one place", SAMPLES, &scene);

    let mut scene = Scene::new(vec![Event::cpu_clock().also(sample_type::CGROUP)]);
    scene.file.cgroup(7, "/kubepods.slice/pod1");
    scene.samples(|_, sample| sample.cgroup(7));
    out.clean("samples with a cgroup", SAMPLES, &scene);
}

/// A sample with three branches, as LBR makes them: count, then from, to and flags of each.
fn with_branches(scene: &mut Scene) -> &Scene {
    scene.now += STEP;
    let ip = scene.kernel.ip("vfs_read");
    let task = u64::from(WORKER.0) | u64::from(WORKER.1) << 32;
    let mut body = vec![100, ip, task, scene.now, 0, 1, 2, context::KERNEL, ip, 3];
    for branch in 0..3 {
        body.extend([0x40_1000 + branch * 64, 0x40_2000 + branch * 64, 0]);
    }
    let bytes: Vec<u8> = body.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
    scene.file.raw_sample(misc::KERNEL, &bytes);
    scene
}

/// Records that are not everyday ones.
fn odd_records(out: &mut Output) {
    let one = || Scene::new(vec![Event::cpu_clock().also(0)]);
    let mut scene = one();
    scene.file.feature(FEATURE_AUXTRACE, &[0; 16]);
    scene.file.raw(AUXTRACE_INFO, 0, &[0; 16]);
    // size, offset, reference, idx, tid, cpu, reserved; the payload lies behind the record.
    let auxtrace = |size: u64| [&size.to_le_bytes()[..], &[0; 32]].concat();
    scene.plain().file.raw(user_record::AUXTRACE, 0, &auxtrace(4096)).bytes(&[9; 4096]);
    out.clean("AUX data (Intel PT) between the samples", 2 * SAMPLES, scene.plain());

    let mut scene = one();
    scene.plain().file.raw(23, 0, &[0; 24]).raw(63, 0, &[0; 8]).raw(90, 0, &[0; 40]).raw(200, 7, &[1; 16]);
    out.clean("unknown types of record, the kernel's and perf's", 2 * SAMPLES, scene.plain());

    let mut scene = one();
    scene.samples(|number, sample| match number % 3 {
        0 => sample.chain(&[]).ip(0x40_1000),
        1 => sample.chain(&[0xffff_ffff_8100_0110, 0x40_1000]),
        _ => sample.chain(&[context::GUEST_KERNEL, 0xffff_ffff_8100_0110]).misc(misc::GUEST_KERNEL),
    });
    out.clean("empty call chains, frames before any context marker, a guest's frames", SAMPLES, &scene);

    // Kernel 6.19: PERF_CONTEXT_USER_DEFERRED is -640, followed by a cookie; PERF_RECORD_CALLCHAIN_DEFERRED is 22.
    let mut scene = one();
    scene.samples(|number, sample| {
        let deferred = -640i64 as u64;
        sample.chain(&[context::KERNEL, 0xffff_ffff_8100_0110, deferred, number])
    });
    out.clean("user call chains deferred to a later record (kernels since 6.19)", SAMPLES, &scene);

    let mut scene = one();
    scene.samples(|number, sample| if number % 4 == 0 { sample.id(31337) } else { sample });
    out.clean("every 4th sample has an id of no event: it may be credited to none", SAMPLES * 3 / 4, &scene);

    let mut scene = one();
    for number in 0..SAMPLES {
        let sample = scene.next(number);
        let backwards = (SAMPLES - number) * STEP;
        scene.file.at((number % 2) as u32, backwards).sample(sample);
    }
    scene.file.comm(WORKER, "too late").finished_round();
    out.clean("all times backwards, side band after the samples", SAMPLES, &scene);
}

/// Names that act on a terminal, and names of files that nobody should open.
fn hostile_names(out: &mut Output) {
    const NAME: &str = "\x1b]0;owned\x07\x1b[2J\n;<script>\u{202e}\0x";
    let mut scene = Scene::new(vec![Event::new(NAME, 1, 0).also(sample_type::CGROUP)]);
    scene.file.hostname(NAME).os_release(NAME).perf_version(NAME).arch(NAME).cmdline(&[NAME, NAME]);
    scene.file.comm(WORKER, NAME).cgroup(7, NAME).ksymbol(NAME, 0xffff_ffff_c000_0000, 4096, false);
    scene.file.mmap2(Mmap::new(WORKER.0, NAME, 0x40_0000, 0x10_0000));
    scene.samples(|number, sample| match number % 2 {
        0 => sample.cgroup(7),
        _ => sample.cgroup(7).kernel(&[0xffff_ffff_c000_0010]),
    });
    out.hostile("ESC, newline, NUL and bidi marks in every name", Some(SAMPLES), &scene);

    // The hostname is this machine's: the worst case, since then its files may be looked at.
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let fifo = out.folder.join("fifo");
    for (what, path) in [
        ("`../../../../etc/shadow` as a module", Path::new("../../../../etc/shadow")),
        ("`/../../../../etc/shadow` as a module", Path::new("/../../../../etc/shadow")),
        ("`/dev/zero` as a module", Path::new("/dev/zero")),
        ("a FIFO as a module", &fifo),
    ] {
        let mut scene = Scene::new(vec![Event::cpu_clock()]);
        scene.file.hostname(hostname.trim());
        scene.file.mmap2(Mmap::new(WORKER.0, &path.to_string_lossy(), 0x40_0000, 0x10_0000));
        out.hostile(what, Some(SAMPLES), scene.plain());
    }
}

/// Numbers in the header and in records that promise what is not there.
fn hostile_counts(out: &mut Output) {
    let auxtrace = |size: u64| [&size.to_le_bytes()[..], &[0; 32]].concat();
    for size in [1 << 40, u64::MAX - 7, u64::MAX] {
        let mut scene = Scene::new(vec![Event::cpu_clock().also(0)]);
        scene.plain().file.raw(user_record::AUXTRACE, 0, &auxtrace(size));
        let bytes = scene.plain().file.build();
        out.write_some(
            "AUXTRACE of 2^40, 2^64 - 8 and 2^64 - 1 bytes after 200 samples",
            "hostile",
            "200+",
            &bytes,
        );
    }
    let one = || Scene::new(vec![Event::cpu_clock()]);
    for claimed in [1 << 61, (1 << 61) + 1, u64::MAX] {
        let mut scene = one();
        scene.samples(|number, sample| if number == 7 { sample.claimed_chain_len(claimed) } else { sample });
        out.hostile("a call chain of 2^61, 2^61 + 1 and 2^64 - 1 entries", Some(SAMPLES - 1), &scene);
    }
    let what = "a build id of 255 bytes, in the header and in MMAP2";
    let mut scene = one();
    scene.file.file_build_id("/usr/bin/worker", &[0xab; 20]);
    let mut bytes = scene.plain().file.build();
    let id = find(&bytes, &[0xab; 20]);
    bytes[id + 20] = 255;
    out.write(what, "hostile", Some(SAMPLES), &bytes);
    let mut scene = one();
    scene.file.mmap2(Mmap::new(WORKER.0, "/usr/bin/worker", 0x60_0000, 0x10_0000).build_id(&[0xab; 20]));
    let mut bytes = scene.plain().file.build();
    let id = find(&bytes, &[0xab; 20]);
    bytes[id - 4] = 255;
    out.write(what, "hostile", Some(SAMPLES), &bytes);

    // Every attribute names the same million ids as its own.
    let ids: Vec<u64> = (0..100_000).collect();
    let mut events = vec![Event::cpu_clock().also(0).ids(&ids)];
    events.extend((0..2000).map(|number| Event::new("more", 77, number).also(0)));
    let mut bytes = Scene::new(events).plain().file.build();
    let (first, entry) = (u64_at(&bytes, 24) as usize, u64_at(&bytes, 16) as usize);
    let section = bytes[first + entry - 16..first + entry].to_vec();
    for event in 1..2001 {
        put(&mut bytes, first + (event + 1) * entry - 16, &section);
    }
    out.write("2,000 events that name the same 100,000 ids", "hostile", None, &bytes);
}

/// Small files out of which much could grow.
fn hostile_growth(out: &mut Output) {
    let compressed = |bombs: &[Vec<u8>], mmap_len: u32| {
        let mut scene = Scene::new(vec![Event::cpu_clock()]);
        // version, type (1 is zstd), level, ratio, mmap_len.
        let info: Vec<u8> = [1, 1, 1, 5, mmap_len].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
        scene.file.feature(FEATURE_COMPRESSED, &info);
        scene.plain();
        for bomb in bombs {
            scene.file.raw(user_record::COMPRESSED, 0, bomb);
        }
        scene.plain().file.build()
    };
    // A record of 8 bytes without content, FINISHED_ROUND, again and again; and zeros, which are no records.
    let rounds = [record::FINISHED_ROUND.to_le_bytes(), (8u32 << 16).to_le_bytes()].concat();
    let rounds = zstd::bulk::compress(&rounds.repeat(32 << 20), 3).expect("it is in memory");
    let rounds: Vec<u8> = rounds.chunks(65_500).next().unwrap_or_default().to_vec();
    let what =
        "a zstd bomb of at most 65 KB in a compressed record: 2 GB of zeros, 2 GB of 8s, 256 MB of records";
    for bomb in [run_of(0), run_of(8), rounds.clone()] {
        out.write_some(what, "bomb", "200+", &compressed(&[bomb], 1 << 20));
    }
    out.write_some(
        "a zstd bomb of 2 GB of 8s in a header that allows 4 GB",
        "bomb",
        "200+",
        &compressed(&[run_of(8)], u32::MAX),
    );
    out.write_some(
        "ten zstd bombs of 256 MB of records each",
        "bomb",
        "200+",
        &compressed(&vec![rounds; 10], 1 << 20),
    );

    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..20_000u32 {
        let task = (number.wrapping_mul(0x9e37_79b9), number.wrapping_mul(0x85eb_ca6b));
        scene
            .file
            .at(number.wrapping_mul(0x9e37_79b9), u64::from(number))
            .sample(Sample::new(task).user(&[1]));
    }
    out.hostile("20,000 samples, each of another pid, on another CPU, up to 2^32 - 1", Some(20_000), &scene);

    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..4000u64 {
        let map = Mmap::new(1, "/usr/bin/worker", number << 13, 4096);
        scene.file.at(0, number).mmap2(map);
    }
    for number in 0..20_000u32 {
        let (child, parent) = (number + 2, number + 1);
        scene.file.at(0, 5000 + u64::from(number)).fork((child, child), (parent, parent));
        scene.file.mmap2(Mmap::new(child, "/usr/bin/worker", 4096, 4096));
    }
    scene.now = STEP;
    out.hostile(
        "20,000 processes, each the child of the one before, each with its parent's 4,000 maps",
        Some(SAMPLES),
        scene.plain(),
    );

    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..20_000u64 {
        let map = Mmap::new(WORKER.0, "/usr/bin/worker", number, u64::MAX - 2 * number);
        scene.file.at(0, number).mmap2(map).fork(WORKER, WORKER).exit(WORKER, WORKER);
    }
    scene.now = STEP;
    out.hostile(
        "20,000 nested maps of nearly all addresses; a task that is its own parent",
        Some(SAMPLES),
        scene.plain(),
    );

    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..SAMPLES {
        let sample = scene.next(number);
        let time = [0, u64::MAX, 1 << 63, 1, u64::MAX - 1][number as usize % 5];
        scene.file.at(0, time).sample(sample);
    }
    out.hostile("times of 0, 2^63 and 2^64 - 1 by turns", Some(SAMPLES), &scene);

    let mut scene = Scene::new(vec![Event::cpu_clock()]);
    for number in 0..100u64 {
        let chain: Vec<u64> = (0..8000).map(|frame| (number * 8000 + frame) << 12).collect();
        scene.file.at(0, number * STEP).sample(Sample::new(WORKER).chain(&chain));
    }
    out.hostile("100 call chains of 8,000 frames, no frame twice", Some(100), &scene);

    let events = (0..5000).map(|number| Event::new("more", 77, number).also(0).set(flag::COMM));
    let mut scene = Scene::new(events.collect());
    scene.samples(|number, sample| sample.event(number as usize * 20));
    scene.file.feature(feature::CMDLINE, &u32::MAX.to_le_bytes());
    out.hostile("5,000 events", None, &scene);
}

/// A zstd frame of at most 65,500 bytes that unpacks into 2 GB of this byte: blocks of type RLE, 128 KiB of 4 bytes each
/// (RFC 8878, sections 3.1.1.1 and 3.1.1.2).
fn run_of(byte: u8) -> Vec<u8> {
    let blocks = 16_370u32;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3]; // no flags; a window of 128 KiB
    for block in 1..=blocks {
        let header = u32::from(block == blocks) | 1 << 1 | (128 << 10) << 3;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(byte);
    }
    frame
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

fn find(bytes: &[u8], pattern: &[u8]) -> usize {
    bytes.windows(pattern.len()).position(|part| part == pattern).expect("the pattern is there")
}
