//! Input: the bytes of a recording, from a file, the files of a directory, or a stream.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, RECORD_ONE, Result};
use crate::mapped::{self, Map};
use crate::pack::{self, Compression};

use super::between;
use super::magic;
use super::records::Stop;
use super::script_text;

/// So many bytes at the beginning of a file say what it is.
const HEAD: usize = 512;

/// The open files of a recording: one file, or those of a directory that `perf record --threads`
/// wrote.
pub struct Input {
    files: Vec<OpenFile>,
}

struct OpenFile {
    /// Its name in the directory; `None` if the recording is one file.
    name: Option<String>,
    bytes: Bytes,
}

enum Bytes {
    /// A regular file that is not empty. Its first `length` bytes count. It is not kept open: a
    /// directory may have more files than this process may open.
    Mapped { map: Map, identity: Identity, length: usize },
    /// A stream or what a compressed file unpacks to, in memory because it cannot be mapped; and
    /// why it ends early, if it does.
    Owned { bytes: Vec<u8>, stop: Option<Stop> },
    /// A file that should be there and is not, or that cannot be opened or mapped, a link, or no
    /// regular file.
    Absent(Stop),
}

/// Where a file that is mapped lies, and which file it is.
struct Identity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Identity {
    /// The present length of the file; `None` if another file, or none, is at its path now. A file
    /// that was replaced or removed keeps what is mapped.
    fn length(&self) -> Option<u64> {
        let metadata = fs::metadata(&self.path).ok()?;
        let is_same = (metadata.dev(), metadata.ino()) == (self.device, self.inode);
        is_same.then_some(metadata.len())
    }
}

/// One file of a recording.
#[derive(Clone, Copy, Debug)]
pub struct InputFile<'a> {
    /// Its name in the directory; `None` if the recording is one file.
    pub name: Option<&'a str>,
    /// Its bytes, without the text before them.
    pub bytes: &'a [u8],
    /// Bytes of text before a stream.
    pub text_before: usize,
    /// Why it ends early, if it does: its bytes are more than the memory that was allowed, it
    /// cannot be unpacked further, or it is not there or unusable.
    pub stop: Option<Stop>,
}

impl<'a> InputFile<'a> {
    /// A recording that is one whole file with these bytes.
    pub fn whole(bytes: &'a [u8]) -> InputFile<'a> {
        InputFile { name: None, bytes, text_before: 0, stop: None }.without_text_before()
    }

    /// The file without text before a stream, which perf printed into it.
    fn without_text_before(self) -> InputFile<'a> {
        let text_before = between::start_of_stream(self.bytes);
        InputFile { bytes: &self.bytes[text_before..], text_before, ..self }
    }
}

impl Input {
    /// The files. The first starts with the recording's header.
    pub fn files(&self) -> Vec<InputFile<'_>> {
        self.files.iter().map(OpenFile::view).collect()
    }

    /// Closes the files. Large maps are unmapped step by step: other threads cannot get memory
    /// while a map is unmapped.
    pub fn close(self) {
        for file in &self.files {
            if let Bytes::Mapped { map, .. } = &file.bytes {
                map.release_pages();
            }
        }
    }

    /// Whether a file became shorter since it was opened, or since the last call. From then on only
    /// the rest of it counts.
    pub fn has_shrunk(&mut self) -> bool {
        self.files.iter_mut().filter_map(|file| file.bytes.shrink()).count() > 0
    }

    /// Bytes of this process's memory that hold it.
    pub fn memory(&self) -> u64 {
        let owned_bytes = |file: &OpenFile| match &file.bytes {
            Bytes::Mapped { .. } | Bytes::Absent(_) => 0,
            Bytes::Owned { bytes, .. } => bytes.len() as u64,
        };
        self.files.iter().map(owned_bytes).sum()
    }

    fn of_one_file(bytes: Bytes) -> Input {
        Input { files: vec![OpenFile { name: None, bytes }] }
    }
}

impl OpenFile {
    fn view(&self) -> InputFile<'_> {
        let (bytes, stop) = match &self.bytes {
            Bytes::Mapped { map, length, .. } => (&map.bytes()[..*length], None),
            Bytes::Owned { bytes, stop } => (bytes.as_slice(), *stop),
            Bytes::Absent(stop) => (&[][..], Some(*stop)),
        };
        InputFile { name: self.name.as_deref(), bytes, text_before: 0, stop }.without_text_before()
    }
}

impl Bytes {
    /// Leaves out the bytes that the file has lost; `None` if it has lost none.
    fn shrink(&mut self) -> Option<()> {
        let Bytes::Mapped { map, identity, length } = self else { return None };
        let now = identity.length().map_or(*length, |length| length as usize);
        let left = now.min(map.lost_from().unwrap_or(now));
        let has_shrunk = left < *length;
        *length = left.min(*length);
        has_shrunk.then_some(())
    }
}

/// How many bytes of memory input may take.
pub struct Memory<'m> {
    /// A stream.
    pub stream: u64,
    /// What so many compressed bytes unpack to.
    pub unpacked: &'m dyn Fn(u64) -> u64,
    /// Is told how many bytes of a compressed file have been unpacked, and of how many.
    pub progress: &'m dyn Fn(u64, u64),
}

/// Opens `path`; `-` is standard input. A stream is read into memory, and so is what a compressed
/// file unpacks to, if that is no pack.
///
/// # Errors
///
/// If it cannot be read, or is a directory that is not a recording.
pub fn open(path: &Path, memory: &Memory) -> Result<Input> {
    if path.as_os_str() == "-" {
        return read_all(std::io::stdin().lock(), path, memory).map(Input::of_one_file);
    }
    let file = File::open(path).map_err(|error| io_error(path, error))?;
    let metadata = file.metadata().map_err(|error| io_error(path, error))?;
    if metadata.is_dir() {
        return open_directory(path);
    }
    if !metadata.is_file() {
        return read_all(file, path, memory).map(Input::of_one_file);
    }
    let head = head_of(&file).map_err(|error| io_error(path, error))?;
    let length = metadata.len();
    let show = || (memory.progress)((&file).stream_position().unwrap_or_default(), length);
    if let Some(compression) = Compression::of(&head)
        && let Some(unpacked) = unpack(compression, BufReader::new(&file), (memory.unpacked)(length), &show)
    {
        return Ok(Input::of_one_file(unpacked));
    }
    map(file, path).map(Input::of_one_file)
}

/// The first bytes of a regular file, which is then read from its beginning.
fn head_of(mut file: &File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head)
}

/// What a file unpacks to, up to `memory` bytes; `None` if it is a pack, which is unpacked piece by
/// piece, or if nothing of it can be unpacked. After each piece `show` is called.
fn unpack(compression: Compression, packed: impl BufRead, memory: u64, show: &dyn Fn()) -> Option<Bytes> {
    const PIECE: usize = 1 << 20;
    let mut reader = compression.reader(packed).ok()?;
    let (mut bytes, mut piece) = (Vec::new(), vec![0; PIECE]);
    let stop = loop {
        match reader.read(&mut piece) {
            Ok(0) => break None,
            Ok(read) => {
                let left = memory - bytes.len() as u64;
                let taken = (read as u64).min(left) as usize;
                if bytes.try_reserve(taken).is_err() {
                    break Some(Stop::OverBudget);
                }
                bytes.extend(&piece[..taken]);
                if taken < read {
                    break Some(Stop::OverBudget);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) if bytes.is_empty() => return None,
            Err(_) => break Some(Stop::BadFile),
        }
        if pack::begins_pack(&bytes) {
            return None;
        }
        show();
    };
    Some(Bytes::Owned { bytes, stop })
}

/// Whether the file at `path` begins as a perf.data, a pack or an archive does, or is a directory
/// that `perf record --threads` wrote. A link is followed, a pipe is not opened.
pub fn looks_like_recording(path: &Path) -> bool {
    let Ok(metadata) = fs::metadata(path) else { return false };
    if metadata.is_dir() {
        let data = path.join("data");
        return fs::symlink_metadata(&data).is_ok_and(|data| data.is_file()) && looks_like_recording(&data);
    }
    if !metadata.is_file() {
        return false;
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let Ok((file, head)) = file.and_then(|file| head_of(&file).map(|head| (file, head))) else {
        return false;
    };
    let Some(compression) = Compression::of(&head) else {
        return magic::is_recording(&head) || pack::may_be_archive(&head);
    };
    let mut unpacked = Vec::new();
    let reader = compression.reader(BufReader::new(&file));
    // What is damaged further on is a recording too.
    _ = reader.and_then(|reader| reader.take(HEAD as u64).read_to_end(&mut unpacked));
    magic::is_recording(&unpacked) || pack::begins_pack(&unpacked)
}

/// Opens the files of a recording that is a directory.
///
/// `perf record --threads -o DIR` writes the header and the records that it makes up into `data`,
/// and the records of each buffer into one of `data.0`, `data.1`, … (tools/perf/util/data.c). No
/// other name is opened, and no link is followed. What cannot be used of the files with records is
/// left out. A file is closed once it is mapped: there may be more of them than this process may
/// have open.
fn open_directory(path: &Path) -> Result<Input> {
    let numbers = fs::read_dir(path)
        .map_err(|error| io_error(path, error))?
        .filter_map(|entry| file_number(entry.ok()?.file_name().to_str()?));
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    let header = open_part(&path.join("data")).map_err(|error| match error {
        Error::Io { cause, .. } if cause.kind() == std::io::ErrorKind::NotFound => Error::input(
            path,
            "is a directory without a file data, so not one that perf record --threads made",
            "name the perf.data in it",
        ),
        error => error,
    })?;
    let mut files = vec![OpenFile { name: Some("data".to_owned()), bytes: header }];
    files.extend(numbers.iter().map(|number| {
        let name = format!("data.{number}");
        let bytes = open_part(&path.join(&name)).unwrap_or(Bytes::Absent(Stop::Unusable));
        OpenFile { name: Some(name), bytes }
    }));
    // If there is a file with a higher number, there was one with each lower number.
    if let Some((missing, _)) = (0u32..).zip(&numbers).find(|(expected, number)| expected != *number) {
        files.push(OpenFile { name: Some(format!("data.{missing}")), bytes: Bytes::Absent(Stop::Missing) });
    }
    Ok(Input { files })
}

/// Opens one file of a directory.
fn open_part(path: &Path) -> Result<Bytes> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(Error::input(path, "is a link, which is not followed", "copy what it points to"));
        }
        opened => opened.map_err(|error| io_error(path, error))?,
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(Error::input(path, "is not a regular file", "copy the whole directory again"));
    }
    map(file, path)
}

/// The number in `data.12`.
fn file_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("data.")?;
    let number: u32 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn map(file: File, path: &Path) -> Result<Bytes> {
    let metadata = file.metadata().map_err(|error| io_error(path, error))?;
    if metadata.len() == 0 {
        return Ok(Bytes::Owned { bytes: Vec::new(), stop: None });
    }
    let map = mapped::map(&file).map_err(|error| io_error(path, error))?;
    map.will_be_read_forward();
    let identity = Identity { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() };
    Ok(Bytes::Mapped { length: map.bytes().len(), map, identity })
}

/// Reads a stream to its end if it is a recording, a pack, an archive or the text of perf script,
/// or compressed. Any other stream may never end, so only enough of it is read to say what it is.
fn read_all(mut input: impl Read, path: &Path, memory: &Memory) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let mut read = |limit: u64, bytes: &mut Vec<u8>| {
        input.by_ref().take(limit).read_to_end(bytes).map_err(|error| io_error(path, error))
    };
    let is_recording = |bytes: &[u8]| magic::is_recording(&bytes[between::start_of_stream(bytes)..]);
    let mut head = HEAD;
    read(head as u64, &mut bytes)?;
    let compression = Compression::of(&bytes);
    let may_be_packed = compression.is_some() || pack::may_be_archive(&bytes);
    let mut is_wanted = may_be_packed || is_recording(&bytes) || script_text::is_script(&bytes);
    // A text may start with perf's header, which can be long.
    while !is_wanted && bytes.len() == head && head < script_text::HEAD && !bytes.contains(&0) {
        read(head as u64, &mut bytes)?;
        head *= 2;
        is_wanted = is_recording(&bytes) || script_text::is_script(&bytes);
    }
    let mut stop = None;
    if is_wanted {
        read(memory.stream.saturating_sub(bytes.len() as u64), &mut bytes)?;
        stop = (read(1, &mut Vec::new())? > 0).then_some(Stop::OverBudget);
    }
    let left = (memory.unpacked)(bytes.len() as u64).saturating_sub(bytes.len() as u64);
    let unpacked = compression.and_then(|compression| unpack(compression, bytes.as_slice(), left, &|| {}));
    match unpacked {
        Some(Bytes::Owned { bytes, stop: further }) => Ok(Bytes::Owned { bytes, stop: stop.or(further) }),
        _ => Ok(Bytes::Owned { bytes, stop }),
    }
}

fn io_error(path: &Path, cause: std::io::Error) -> Error {
    let remedy = match cause.kind() {
        std::io::ErrorKind::NotFound => Some(RECORD_ONE.to_owned()),
        std::io::ErrorKind::PermissionDenied => {
            Some("read it as the user who recorded it, or as root".to_owned())
        }
        _ => None,
    };
    Error::Io { file: path.to_owned(), cause, remedy }
}
