//! Writes a pack: its contents and the recording, as a stream.

use std::io::{Read, Write};

use crate::error::{Error, Result};
use crate::model::Symbols;

use super::contents::Contents;
use super::manifest::{MANIFEST, Manifest, ModuleEntry, RecordingFile, SCHEMA, file_entry};

/// zstd's own default level. Higher levels take several times as long to save some percent.
const LEVEL: i32 = 3;

/// A file of the recording, to be written into a pack.
pub struct RecordedFile<'r> {
    /// Its name in the directory; `None` if the recording is one file.
    pub name: Option<&'r str>,
    /// Its length in bytes.
    pub length: u64,
    /// Its bytes.
    pub bytes: &'r mut dyn Read,
    /// Whether it should be there and is not.
    pub is_missing: bool,
}

/// Writes a pack.
///
/// # Errors
///
/// If `out` fails, or a file of the recording.
pub fn write(mut contents: Contents, recording: &mut [RecordedFile], out: &mut dyn Write) -> Result<()> {
    let mut number = |file: Option<Vec<u8>>| file.map(|file| contents.files.insert_full(file).0);
    let modules = std::mem::take(&mut contents.modules).into_iter();
    let modules = modules.map(|(module, files)| ModuleEntry {
        module,
        symbols: files.symbols,
        file: number(files.file),
        debug: number(files.debug),
    });
    let mut modules: Vec<ModuleEntry> = modules.collect();
    modules.extend(contents.names.iter().flatten().map(|(module, listed)| ModuleEntry {
        module: module.clone(),
        symbols: listed.symbols,
        file: number((listed.symbols == Symbols::Found).then(|| listed.to_perf_map())),
        debug: None,
    }));
    let manifest = Manifest {
        schema: SCHEMA,
        program: concat!("stallgraph ", env!("CARGO_PKG_VERSION")).to_owned(),
        modules,
        checksums: contents.files.iter().map(|file| crc32fast::hash(file)).collect(),
        recording: recording
            .iter()
            .map(|file| RecordingFile {
                name: file.name.map(str::to_owned),
                bytes: file.length,
                is_missing: file.is_missing,
            })
            .collect(),
        kernel: contents.kernel,
        refused: contents.refused,
        has_inlined: contents.has_inlined,
        is_redacted: contents.names.is_some(),
    };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::Output(error.into()))?;
    let mut encoder = zstd::stream::write::Encoder::new(out, LEVEL).map_err(Error::Output)?;
    encoder.include_checksum(true).map_err(Error::Output)?;
    let mut archive = tar::Builder::new(encoder);
    let mut add = |name: &str, length: u64, bytes: &mut dyn Read| {
        let mut header = tar::Header::new_gnu();
        header.set_size(length);
        // No time and no owner: the same recording must give the same pack.
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).map_err(Error::Output)
    };
    add(MANIFEST, text.len() as u64, &mut text.as_slice())?;
    for (number, file) in contents.files.iter().enumerate() {
        add(&file_entry(number), file.len() as u64, &mut file.as_slice())?;
    }
    for (name, text) in &contents.machine {
        add(name, text.len() as u64, &mut text.as_slice())?;
    }
    let parts = manifest.recording.iter().zip(recording).filter(|(file, _)| !file.is_missing);
    for (file, recorded) in parts {
        add(&file.entry(), recorded.length, recorded.bytes)?;
    }
    let packed = archive.into_inner().and_then(|encoder| encoder.finish()?.flush());
    packed.map_err(Error::Output)
}
