//! The machine: what a recording says of it in its feature sections.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, Result};

use super::options::Options;

/// What a recording says of the machine. An empty text is not known.
#[derive(Debug, Default)]
pub struct Machine {
    pub hostname: String,
    pub os_release: String,
    pub arch: String,
    pub cpu_description: String,
    pub cpu_id: String,
    pub cpus_available: u32,
    pub cpus_online: Vec<u32>,
    pub memory_kb: u64,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        let system = rustix::system::uname();
        let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let mut lines = cpu.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
        };
        let id = ["vendor_id", "cpu family", "model", "stepping"].map(field);
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kilobytes = memory.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok());
        Machine {
            hostname: text(system.nodename()),
            os_release: text(system.release()),
            arch: text(system.machine()),
            cpu_description: field("model name").unwrap_or_default(),
            cpu_id: id.into_iter().collect::<Option<Vec<String>>>().map_or(String::new(), |id| id.join(",")),
            cpus_available: cpus("possible").last().map_or(0, |last| last + 1),
            cpus_online: Machine::cpus_online(),
            memory_kb: kilobytes.unwrap_or(0),
        }
    }

    /// The CPUs that are online now.
    pub fn cpus_online() -> Vec<u32> {
        cpus("online")
    }

    /// The CPUs that `options` ask for.
    ///
    /// # Errors
    ///
    /// If one is not online.
    pub fn cpus(&self, options: &Options) -> Result<Vec<u32>> {
        if self.cpus_online.is_empty() {
            let place = "/sys/devices/system/cpu/online cannot be read: mount -t sysfs none /sys";
            return Err(Error::Usage(place.to_owned()));
        }
        match options.cpus.iter().find(|cpu| !self.cpus_online.contains(cpu)) {
            Some(offline) => Err(Error::Usage(format!("CPU {offline} is not online here"))),
            None if options.cpus.is_empty() => Ok(self.cpus_online.clone()),
            None => Ok(options.cpus.clone()),
        }
    }
}

/// The CPUs in one of the system's lists, such as `0-3,8`; none if it cannot be read.
fn cpus(list: &str) -> Vec<u32> {
    let text = fs::read_to_string(Path::new("/sys/devices/system/cpu").join(list)).unwrap_or_default();
    let mut cpus = Vec::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            // No kernel has more: CONFIG_NR_CPUS.
            cpus.extend(first..=last.min(first.saturating_add(1 << 16)));
        }
    }
    cpus
}

/// CPUs, each with a number that is another one once it was offline: its topology is shown anew
/// then (drivers/base/topology.c).
pub fn births(cpus: &[u32]) -> Vec<(u32, u64)> {
    let folder = |cpu: &u32| fs::metadata(format!("/sys/devices/system/cpu/cpu{cpu}/topology"));
    cpus.iter().map(|cpu| (*cpu, folder(cpu).map_or(0, |folder| folder.ino()))).collect()
}
