//! Counts the samples that the crate `linux-perf-data` reads in a recording: the second opinion of
//! `scripts/robustness`.
//!
//! usage: `count_with_linux_perf_data FILE`; `-` reads a stream from standard input. It does what a
//! profiler's importer does: reads everything in the header, then decodes every record up to the
//! first that it cannot decode. It prints the number on standard output even then, the error on
//! standard error, and ends with exit code 1.

use std::fs::File;
use std::io::{BufReader, Read};
use std::process::ExitCode;

use linux_perf_data::linux_perf_event_reader::EventRecord;
use linux_perf_data::{PerfFile, PerfFileReader, PerfFileRecord};

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: count_with_linux_perf_data FILE");
        return ExitCode::from(2);
    };
    let result = if path == "-" {
        PerfFileReader::parse_pipe(std::io::stdin().lock()).map(count)
    } else {
        match File::open(&path) {
            Ok(file) => PerfFileReader::parse_file(BufReader::new(file)).map(count),
            Err(error) => Err(error.into()),
        }
    };
    let (samples, error) = match result {
        Ok(counted) => counted,
        Err(error) => (0, Some(format!("header: {error}"))),
    };
    println!("{samples}");
    match error {
        None => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The samples of all events, and the error that ended the reading early.
fn count<R: Read>(mut reader: PerfFileReader<R>) -> (u64, Option<String>) {
    let mut problem = ask(&reader.perf_file).err().map(|error| format!("features: {error}"));
    let mut samples = 0;
    loop {
        let record = match reader.record_iter.next_record(&mut reader.perf_file) {
            Ok(Some(PerfFileRecord::EventRecord { record, .. })) => record,
            Ok(Some(PerfFileRecord::UserRecord(_))) => continue,
            Ok(None) => return (samples, problem),
            Err(error) => return (samples, Some(format!("record: {error}"))),
        };
        match record.parse() {
            Ok(EventRecord::Sample(_)) => samples += 1,
            Ok(_) => {}
            Err(error) => problem = Some(format!("{:?}: {error}", record.record_type)),
        }
    }
}

/// Reads everything in the header.
fn ask(file: &PerfFile) -> Result<(), linux_perf_data::Error> {
    file.build_ids()?;
    file.sample_time_range()?;
    file.hostname()?;
    file.os_release()?;
    file.perf_version()?;
    file.arch()?;
    file.nr_cpus()?;
    file.cmdline()?;
    file.clock_data()?;
    file.pmu_mappings()?;
    file.simpleperf_symbol_tables()?;
    Ok(())
}
