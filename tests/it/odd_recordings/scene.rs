//! A recording in the making, which every odd one is a change of.

use crate::support::builder::{Builder, Event, Kernel, Mmap, Sample};

pub const WORKER: (u32, u32) = (42, 42);
pub const KSOFTIRQD: (u32, u32) = (9, 9);
pub const KERNEL_STACK: &str =
    "entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_read;ksys_read;vfs_read";
pub const SOFTIRQ_STACK: &str =
    "ret_from_fork;kthread;smpboot_thread_fn;run_ksoftirqd;handle_softirqs;net_rx_action";
/// ns between two samples.
pub const STEP: u64 = 1_000_000;
/// Samples of [`Scene::samples`].
pub const SAMPLES: u64 = 200;

/// A file in the making: a worker on CPU 0 and 1, and now and then ksoftirqd, so that every command
/// has something to report.
pub struct Scene {
    pub file: Builder,
    pub kernel: Kernel,
    /// ns of the last sample.
    pub now: u64,
}

impl Scene {
    pub fn new(events: Vec<Event>) -> Scene {
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
    pub fn next(&mut self, number: u64) -> Sample {
        self.now += STEP;
        self.file.at((number % 2) as u32, self.now);
        match number % 50 {
            49 => Sample::new(KSOFTIRQD).kernel(&self.kernel.stack(SOFTIRQ_STACK)),
            _ => Sample::new(WORKER)
                .kernel(&self.kernel.stack(KERNEL_STACK))
                .user(&[0x40_1000, 0x40_2000 + number % 7 * 16]),
        }
    }

    /// Adds [`SAMPLES`] samples, each changed by `change`.
    pub fn samples(&mut self, change: impl Fn(u64, Sample) -> Sample) -> &mut Self {
        for number in 0..SAMPLES {
            let sample = self.next(number);
            self.file.sample(change(number, sample));
        }
        self
    }

    /// Adds [`SAMPLES`] samples as they are.
    pub fn plain(&mut self) -> &mut Self {
        self.samples(|_, sample| sample)
    }
}
