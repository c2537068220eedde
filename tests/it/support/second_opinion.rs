//! A second opinion: a recording as the crate `linux-perf-data` reads it.

use std::fs::File;
use std::path::Path;

use linux_perf_data::linux_perf_event_reader::EventRecord;
use linux_perf_data::{PerfFileReader, PerfFileRecord};

/// A sample as the crate `linux_perf_data` decodes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecondOpinion {
    /// The CPU.
    pub cpu: u32,
    /// ns of the recording's clock.
    pub time_ns: u64,
    /// Process id.
    pub pid: i32,
    /// Thread id.
    pub tid: i32,
    /// The event's count that it represents.
    pub period: u64,
}

/// The samples of one event, by CPU and time, as the crate `linux_perf_data` reads them.
pub fn second_opinion(file: &Path, event: &str) -> Vec<SecondOpinion> {
    let file = std::io::BufReader::new(File::open(file).expect("the recording"));
    let PerfFileReader { mut perf_file, mut record_iter } =
        PerfFileReader::parse_file(file).expect("a recording");
    let names: Vec<_> =
        perf_file.event_attributes().iter().map(|event| event.name().map(str::to_owned)).collect();
    let mut samples = Vec::new();
    while let Some(record) = record_iter.next_record(&mut perf_file).expect("a whole record") {
        let PerfFileRecord::EventRecord { attr_index, record } = record else { continue };
        if names[attr_index].as_deref() != Some(event) {
            continue;
        }
        if let EventRecord::Sample(sample) = record.parse().expect("a record that can be decoded") {
            samples.push(SecondOpinion {
                cpu: sample.cpu.expect("a CPU"),
                time_ns: sample.timestamp.expect("a time"),
                pid: sample.pid.expect("a pid"),
                tid: sample.tid.expect("a tid"),
                period: sample.period.expect("a period"),
            });
        }
    }
    samples.sort_by_key(|sample| (sample.cpu, sample.time_ns));
    samples
}
