//! Tables as Parquet files: what is written is read again, from other versions too, and no damaged
//! or hostile file does harm.

use std::fs;
use std::path::{Path, PathBuf};

use stallgraph::analyses::rows::{RecordingRow, Rows, StallRow};
use stallgraph::tables::{self, Table};
use tempfile::TempDir;

/// Rows of a recording with stalls of two days.
fn rows() -> Rows {
    const MIDNIGHT_US: i64 = 1_795_824_000_000_000;
    let mut recording = RecordingRow::default();
    recording.recording = "1795823999000000000-2000000000".to_owned();
    recording.time = Some(MIDNIGHT_US - 1_000_000);
    recording.end = Some(MIDNIGHT_US + 1_000_000);
    recording.duration_ns = 2_000_000_000;
    recording.host = Some("node7".to_owned());
    recording.labels = vec![("cluster".to_owned(), "eu1".to_owned()), ("zone".to_owned(), "a".to_owned())];
    recording.kernel = Some("6.1.0".to_owned());
    recording.status = "stalling".to_owned();
    recording.kept = "always".to_owned();
    recording.min_ns = 20_000_000;
    recording.has_names = true;
    let mut rows = Rows::of(recording);
    for number in 1..=40 {
        let mut stall = StallRow::default();
        stall.recording.clone_from(&rows.recording.recording);
        stall.stall = number;
        stall.time = rows.recording.time.map(|us| us + i64::from(number) * 50_000);
        stall.start_ns = u64::MAX / 4 + number as u64;
        stall.duration_ns = 20_000_000 + number as u64;
        stall.cpu = number as u32 % 4;
        stall.confidence = ["high", "medium", "low"][number as usize % 3];
        stall.who.culprit = Some(format!("agent{} read", number % 3));
        stall.who.function = (number % 2 == 0).then(|| "memcg_stat_show".to_owned());
        stall.who.cause = (number % 5 == 0).then(|| "dead-memory-cgroups".to_owned());
        stall.who.certainty = (number % 5 == 0).then_some("sure");
        rows.stalls.push(stall);
    }
    rows
}

/// Writes the files of `rows` into a folder, and returns their paths.
fn write(folder: &Path, rows: &Rows) -> Vec<PathBuf> {
    let write = |file: tables::TableFile| {
        let path = folder.join(file.path());
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        file.write(&mut fs::File::create(&path).expect("a file")).expect("rows");
        path
    };
    tables::files(rows, None).into_iter().map(write).collect()
}

fn stalls_of(path: &Path) -> stallgraph::Result<Vec<StallRow>> {
    let mut stalls = Vec::new();
    tables::stalls(path, &mut |one| stalls.push(one.row))?;
    Ok(stalls)
}

#[test]
fn what_is_written_is_read_again() {
    let folder = TempDir::new().expect("a folder");
    let rows = rows();
    let paths = write(folder.path(), &rows);
    let names: Vec<&str> = paths.iter().map(|path| below(folder.path(), path)).collect();
    let id = &rows.recording.recording;
    let expected = [
        format!("recordings/date=2026-11-27/node=node7/{id}.parquet"),
        format!("stalls/date=2026-11-27/node=node7/{id}.parquet"),
        format!("stalls/date=2026-11-28/node=node7/{id}.parquet"),
    ];
    assert_eq!(names, expected);
    assert_eq!(tables::files_of(folder.path(), Table::Stalls).0, paths[1..]);
    let mut recordings = Vec::new();
    tables::recordings(&paths[0], &mut |one| recordings.push((one.node, one.row))).expect("recordings");
    let [(node, recording)] = &recordings[..] else { panic!("{recordings:?}") };
    assert_eq!(node, "node7");
    assert_eq!(recording, &rows.recording);
    let read: Vec<StallRow> = paths[1..].iter().flat_map(|path| stalls_of(path).expect("stalls")).collect();
    assert_eq!(read.len(), 40);
    for (read, written) in read.iter().zip(&rows.stalls) {
        let mut expected = written.clone();
        // Its number is not read.
        expected.stall = 0;
        assert_eq!(read, &expected);
    }
}

fn below<'p>(folder: &Path, path: &'p Path) -> &'p str {
    path.strip_prefix(folder).expect("a path below").to_str().expect("a text")
}

#[test]
fn files_of_other_versions_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fleet/versions");
    for (file, has_kernel) in [("older", false), ("later", true)] {
        let mut rows = Vec::new();
        let path = folder.join(format!("recordings-{file}.parquet"));
        tables::recordings(&path, &mut |one| rows.push(one.row)).expect(file);
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].host.as_deref(), rows[0].kernel.is_some()),
            (Some("node7"), has_kernel),
            "{file}"
        );
        let stalls = stalls_of(&folder.join(format!("stalls-{file}.parquet"))).expect(file);
        assert_eq!(stalls.len(), 3, "{file}");
        assert_eq!(stalls[0].who.culprit.as_deref(), Some("agent read"), "{file}");
    }
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let folder = TempDir::new().expect("a folder");
    let paths = write(folder.path(), &rows());
    let whole = fs::read(&paths[1]).expect("a file");
    let damaged = folder.path().join("damaged.parquet");
    for (bytes, problem) in [
        (Vec::new(), "Parquet"),
        (b"PAR1".to_vec(), "Parquet"),
        (whole[..whole.len() / 2].to_vec(), "Parquet"),
        (b"no table at all, but long enough for a footer".to_vec(), "Parquet"),
    ] {
        fs::write(&damaged, bytes).expect("a file");
        let error = stalls_of(&damaged).expect_err("damage").to_string();
        assert!(error.contains("damaged.parquet") && error.contains(problem), "{error}");
    }
    let error = stalls_of(&folder.path().join("none.parquet")).expect_err("no file").to_string();
    assert!(error.contains("none.parquet"), "{error}");
}

/// Bytes of a file may be any others. Nothing panics, nothing takes long, and what is read has as
/// many rows as the file says at most.
#[test]
fn no_changed_byte_does_harm() {
    let folder = TempDir::new().expect("a folder");
    let paths = write(folder.path(), &rows());
    let changed = folder.path().join("changed.parquet");
    let mut errors = 0;
    for path in &paths {
        let whole = fs::read(path).expect("a file");
        for at in (0..whole.len()).step_by(5) {
            let mut bytes = whole.clone();
            bytes[at] = [0, 0xff, whole[at] ^ 1, whole[at] ^ 0x80][at % 4];
            fs::write(&changed, &bytes).expect("a file");
            let (mut recordings, mut stalls) = (0, 0);
            let read = [
                tables::recordings(&changed, &mut |_| recordings += 1),
                tables::stalls(&changed, &mut |_| stalls += 1),
            ];
            errors += read.iter().filter(|read| read.is_err()).count();
            assert!(recordings <= 10_000 && stalls <= 10_000, "{recordings} or {stalls} rows");
        }
    }
    assert!(errors > 300, "{errors}");
}
