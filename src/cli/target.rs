//! The one way in which results are written into files.
//!
//! A result gets its name only once it is whole: it is written into a temporary file beside that
//! name, which then takes the place of whatever has the name. So a link is replaced and never
//! followed, and a reader sees the old file or the new one. Other users may have put anything into
//! the folder, under any name.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter, Stdout, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, Stat};
use stallgraph::Error;
use stallgraph::model::clean;

use super::inputs::{Inputs, folder_of};
use super::signals::{self, Temporary};

/// Who may read a new file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// As the umask says; who could read a file of this user before that is replaced.
    Usual,
    /// Its owner only.
    Owner,
    /// All.
    All,
}

/// Where a result is written.
pub struct Target {
    /// Its path; `None` is standard output.
    path: Option<PathBuf>,
    out: Out,
}

enum Out {
    Stdout(BufWriter<Stdout>),
    /// A FIFO or a device.
    Special(BufWriter<File>),
    Replacement(Replacement),
}

/// A file that will take the place of what has its name.
struct Replacement {
    /// What it will be called, in the folder of its temporary name.
    name: OsString,
    temporary: Temporary,
    file: BufWriter<File>,
}

/// What temporary names begin with.
pub const TEMPORARY: &str = ".stallgraph-";
/// Bytes that are collected before they are written.
const BUFFER: usize = 1 << 16;

/// The names of standard output. They are no names of files.
const STDOUT: [&str; 4] = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// The file that an option names; `None` is standard output.
pub fn file(option: Option<&Path>) -> Option<&Path> {
    option.filter(|path| !STDOUT.iter().any(|name| *path == Path::new(name)))
}

/// Writes a whole result to `path`, or to standard output.
pub fn write<T>(
    path: Option<&Path>,
    readers: Readers,
    inputs: &Inputs,
    write: impl FnOnce(&mut (dyn Write + Send)) -> stallgraph::Result<T>,
) -> Result<T> {
    let mut target = Target::create(path, readers, inputs)?;
    let result = target.write(write)?;
    target.finish(inputs)?;
    Ok(result)
}

/// Makes the folder `path`, and those that it is in, where they do not exist.
pub fn make_folder(path: &Path) -> Result<()> {
    let made = check_links(path).and_then(|()| fs::create_dir_all(path));
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::Error::from(io::ErrorKind::NotADirectory),
        _ => error,
    })
    .with_context(|| name_of(path))
}

impl Target {
    /// Opens standard output, or what is at `path` if that is a FIFO or a device, or else a
    /// temporary file beside it.
    pub fn create(path: Option<&Path>, readers: Readers, inputs: &Inputs) -> Result<Target> {
        let Some(path) = path else {
            return Ok(Target {
                path: None,
                out: Out::Stdout(BufWriter::with_capacity(BUFFER, io::stdout())),
            });
        };
        inputs.check(path)?;
        let out = if is_descriptor(path) {
            open_special(path, OFlags::empty())
                .map(|file| Out::Special(BufWriter::with_capacity(BUFFER, file)))
        } else {
            open_at(path, readers)
        };
        Ok(Target { path: Some(path.to_owned()), out: out.with_context(|| name_of(path))? })
    }

    /// Writes a result, or a part of it.
    pub fn write<T>(
        &mut self,
        write: impl FnOnce(&mut (dyn Write + Send)) -> stallgraph::Result<T>,
    ) -> Result<T> {
        let out: &mut (dyn Write + Send) = match &mut self.out {
            Out::Stdout(out) => out,
            Out::Special(file) => file,
            Out::Replacement(replacement) => &mut replacement.file,
        };
        let result = write(out).and_then(|result| out.flush().map(|()| result).map_err(Error::Output));
        result.map_err(|error| match (error, &self.path) {
            (Error::Output(cause), Some(path)) => anyhow::Error::new(cause).context(name_of(path)),
            (error, _) => error.into(),
        })
    }

    /// Gives the result its name, and returns how many bytes it has if it is a new file. `inputs`
    /// may have grown meanwhile.
    pub fn finish(self, inputs: &Inputs) -> Result<Option<u64>> {
        let (Out::Replacement(replacement), Some(path)) = (self.out, &self.path) else { return Ok(None) };
        inputs.check(path)?;
        replacement.rename().map(Some).with_context(|| name_of(path))
    }
}

impl Replacement {
    /// Makes a temporary file in `folder` for what will be called `name` there.
    fn create(folder: OwnedFd, name: &OsStr, mode: Mode) -> io::Result<Replacement> {
        signals::watch();
        let folder = Arc::new(folder);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let random = RandomState::new().build_hasher().finish();
        let temporary = Temporary { folder, name: OsString::from(format!("{TEMPORARY}{random:016x}")) };
        let mut state = signals::hold();
        let file = rustix::fs::openat(&temporary.folder, &temporary.name, flags, mode)?;
        state.temporaries.push(temporary.clone());
        Ok(Replacement {
            name: name.to_owned(),
            temporary,
            file: BufWriter::with_capacity(BUFFER, File::from(file)),
        })
    }

    /// Renames the file, and returns its length.
    fn rename(mut self) -> io::Result<u64> {
        self.file.flush()?;
        let length = self.file.get_ref().metadata()?.len();
        let mut state = signals::hold();
        let Temporary { folder, name } = &self.temporary;
        rustix::fs::renameat(folder, name, folder, &self.name)?;
        state.forget(&self.temporary);
        Ok(length)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        signals::hold().remove(&self.temporary);
    }
}

/// Opens the FIFO or device at `path`, or else makes a temporary file beside it.
fn open_at(path: &Path, readers: Readers) -> io::Result<Out> {
    check_links(path)?;
    let name = path.file_name().filter(|_| !path.as_os_str().as_bytes().ends_with(b"/"));
    let name = name.ok_or_else(|| io::Error::from_raw_os_error(libc::EISDIR))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder_of(path), flags, Mode::empty())?;
    let present = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(rustix::io::Errno::NOENT) => None,
        present => Some(present?),
    };
    match present.as_ref().map(|present| FileType::from_raw_mode(present.st_mode)) {
        None | Some(FileType::Symlink) => {}
        Some(FileType::Directory) => return Err(io::Error::from_raw_os_error(libc::EISDIR)),
        // What this user may not write to is not replaced either.
        Some(FileType::RegularFile) => {
            rustix::fs::accessat(&folder, name, Access::WRITE_OK, AtFlags::EACCESS)?;
        }
        Some(_) => {
            return open_special(path, OFlags::NOFOLLOW)
                .map(|file| Out::Special(BufWriter::with_capacity(BUFFER, file)));
        }
    }
    let kept = present.filter(|present| readers == Readers::Usual && is_own_file(present));
    let mode = match (readers, &kept) {
        (Readers::Usual, None) => Mode::from_raw_mode(0o666),
        _ => Mode::from_raw_mode(0o600),
    };
    let replacement = Replacement::create(folder, name, mode)?;
    let mode = match readers {
        Readers::All => Some(Mode::from_raw_mode(0o644)),
        Readers::Usual => kept.map(|kept| Mode::from_raw_mode(kept.st_mode & 0o777)),
        Readers::Owner => None,
    };
    if let Some(mode) = mode {
        rustix::fs::fchmod(replacement.file.get_ref(), mode)?;
    }
    Ok(Out::Replacement(replacement))
}

fn is_own_file(present: &Stat) -> bool {
    FileType::from_raw_mode(present.st_mode) == FileType::RegularFile && is_own(present)
}

fn is_own(present: &Stat) -> bool {
    present.st_uid == rustix::process::geteuid().as_raw()
}

/// Opens a FIFO or a device for writing, if it is this user's own: whoever made a FIFO reads from
/// it. `/dev/null` is everybody's.
fn open_special(path: &Path, flags: OFlags) -> io::Result<File> {
    // O_PATH only names it: a device does not act, and a FIFO does not wait for a reader.
    let handle = rustix::fs::openat(CWD, path, flags | OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let present = rustix::fs::fstat(&handle)?;
    let kind = FileType::from_raw_mode(present.st_mode);
    if !matches!(kind, FileType::Fifo | FileType::CharacterDevice) {
        return Err(io::Error::other("it is neither a file with a name, nor a FIFO or a terminal"));
    }
    let is_null = kind == FileType::CharacterDevice && present.st_rdev == rustix::fs::makedev(1, 3);
    if !is_null && !is_own(&present) {
        return Err(io::Error::other("it is a FIFO or a device of another user, who could read all of it"));
    }
    File::options().write(true).open(format!("/proc/self/fd/{}", handle.as_raw_fd()))
}

/// Whether a path names an open file of this process, as `>(COMMAND)` of a shell does.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/proc/self/fd"].iter().any(|folder| path.parent() == Some(Path::new(folder)))
        || path == Path::new("/dev/stderr")
}

/// Checks that no folder on the way to `path` is a link that another user put into a folder in
/// which everybody may make files, as /tmp. The kernel does the same if fs.protected_symlinks is 1.
fn check_links(path: &Path) -> io::Result<()> {
    const EVERYBODY: u32 = libc::S_ISVTX | libc::S_IWOTH;
    let user = rustix::process::geteuid().as_raw();
    for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        let (Ok(link), Ok(above)) = (fs::symlink_metadata(folder), fs::metadata(folder_of(folder))) else {
            continue;
        };
        let is_everybodys = above.mode() & EVERYBODY == EVERYBODY;
        if link.is_symlink() && is_everybodys && ![0, user, above.uid()].contains(&link.uid()) {
            let name = clean(&folder.to_string_lossy()).into_owned();
            return Err(io::Error::other(format!("{name} is a link of another user, which is not followed")));
        }
    }
    Ok(())
}

/// A path in messages.
fn name_of(path: &Path) -> String {
    clean(&path.to_string_lossy()).into_owned()
}
