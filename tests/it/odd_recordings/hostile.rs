//! Hostile recordings: names that act on a terminal or lead elsewhere, and counts that are not
//! true.

use std::path::Path;

use crate::support::builder::{Event, Mmap, sample_type};
use crate::support::forms::user_record;
use crate::support::hostname;

use super::bytes::{find, put, u64_at};
use super::output::Output;
use super::scene::{SAMPLES, Scene, WORKER};

/// All of them.
pub fn write(out: &mut Output) {
    hostile_names(out);
    hostile_counts(out);
}

/// Names that act on a terminal, and names of files that must not be opened.
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

    // The hostname is this machine's: then its files may be read, which is the worst case.
    let fifo = out.folder.join("fifo");
    for (what, path) in [
        ("`../../../../etc/shadow` as a module", Path::new("../../../../etc/shadow")),
        ("`/../../../../etc/shadow` as a module", Path::new("/../../../../etc/shadow")),
        ("`/dev/zero` as a module", Path::new("/dev/zero")),
        ("a FIFO as a module", &fifo),
    ] {
        let mut scene = Scene::new(vec![Event::cpu_clock()]);
        scene.file.hostname(&hostname());
        scene.file.mmap2(Mmap::new(WORKER.0, &path.to_string_lossy(), 0x40_0000, 0x10_0000));
        out.hostile(what, Some(SAMPLES), scene.plain());
    }
}

/// Numbers in the header and in records that claim what is not there.
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

    // Every attribute claims the same 100,000 ids.
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
