//! Writes a pack: its contents and the recording, as a stream.

use std::io::{Read, Write};

use crate::error::{Error, Result};
use crate::model::Symbols;

use super::contents::Contents;
use super::kept::KeptFile;
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
    let mut number = |file: Option<KeptFile>| file.map(|file| contents.files.insert_full(file).0);
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
        file: number((listed.symbols == Symbols::Found).then(|| KeptFile::Memory(listed.to_perf_map()))),
        debug: None,
    }));
    let manifest = Manifest {
        schema: SCHEMA,
        program: concat!("stallgraph ", env!("CARGO_PKG_VERSION")).to_owned(),
        modules,
        checksums: contents.files.iter().map(KeptFile::checksum).collect::<Result<_>>()?,
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
        let entry = file_entry(number);
        match file {
            KeptFile::Memory(bytes) => add(&entry, file.length(), &mut bytes.as_slice())?,
            KeptFile::Open(open) => {
                let mut reader = open.reader();
                add(&entry, file.length(), &mut reader)?;
                if manifest.checksums.get(number) != Some(&reader.finish()?) {
                    return Err(open.changed());
                }
            }
        }
    }
    for (name, text) in &contents.readable {
        add(name, text.len() as u64, &mut text.as_slice())?;
    }
    let parts = manifest.recording.iter().zip(recording).filter(|(file, _)| !file.is_missing);
    for (file, recorded) in parts {
        add(&file.entry(), recorded.length, recorded.bytes)?;
    }
    let packed = archive.into_inner().and_then(|encoder| encoder.finish()?.flush());
    packed.map_err(Error::Output)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;

    use super::*;
    use crate::model::Module;
    use crate::pack::kept::OpenFile;

    /// Changes a file as soon as something is written to it.
    struct Changing<F> {
        change: F,
        written: usize,
    }

    impl<F: Fn()> Write for Changing<F> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            (self.change)();
            self.written += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_file_that_is_written_while_it_is_packed_is_refused() {
        const LENGTH: u64 = 4 << 20;
        type Change = fn(&File) -> std::io::Result<()>;
        let changes: [(Change, bool); 4] = [
            (|_| Ok(()), false),
            // What was packed is whole, whatever follows.
            (|file| file.set_len(LENGTH + 1), false),
            (|file| file.set_len(LENGTH - 1), true),
            (|file| file.write_all_at(b"x", LENGTH - 1), true),
        ];
        for (number, (change, is_refused)) in changes.into_iter().enumerate() {
            let file = Arc::new(tempfile::tempfile().expect("a file"));
            // Bytes that do not pack well, so that some are out before the last are read.
            let mut state = 1_u32;
            let bytes: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .take(LENGTH as usize)
            .collect();
            file.write_all_at(&bytes, 0).expect("room");
            let mut contents = Contents::new(true);
            let module = Module::new("/bin/agentd".to_owned());
            let open = OpenFile {
                path: "/bin/agentd".into(),
                file: Arc::clone(&file),
                identity: (1, 2),
                length: LENGTH,
            };
            contents.set(&module, Ok(KeptFile::Open(open)));
            let mut out = Changing { change: || change(&file).expect("it changes"), written: 0 };
            let result = write(contents, &mut [], &mut out);
            assert_eq!(result.is_err(), is_refused, "{number}: {result:?}");
            if let Err(error) = result {
                let says = "/bin/agentd: is written by another process while it is packed; pack it again";
                assert_eq!(error.to_string(), says);
            }
            assert!(out.written > 0);
        }
    }
}
