//! Standard output and standard error: data on the one, complaints on the other.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use stallgraph::Error;
use stallgraph::model::Recording;

/// Standard output, written in large pieces.
pub fn stdout() -> impl Write + Send {
    std::io::BufWriter::new(std::io::stdout())
}

/// Writes a result to standard output, all of it, in large pieces.
pub fn print(write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>) -> Result<()> {
    let mut out = stdout();
    write(&mut out).and_then(|()| out.flush()).map_err(Error::Output)?;
    Ok(())
}

/// A new file for results of the recording at `input`, `-` being standard input, which it must not take the place of.
pub fn create(path: &Path, input: &Path) -> Result<File> {
    refuse_input(path, input)?;
    File::create(path).with_context(|| path.display().to_string())
}

/// An error if the file at `path` is the recording at `input`.
pub fn refuse_input(path: &Path, input: &Path) -> Result<()> {
    let place = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    let input = if input == Path::new("-") { Path::new("/dev/stdin") } else { input };
    if place(path).is_some_and(|output| place(input) == Some(output)) {
        bail!("-o {}: that is the recording itself", path.display());
    }
    Ok(())
}

/// One line on standard error. If that is closed there is nobody to tell.
pub fn complain(message: &str) {
    let _ = writeln!(anstream::stderr(), "stallgraph: {message}");
}

/// Leaves the memory of something large to the end of the process, which frees it at once and not piece by piece.
pub fn leave_to_exit<T>(large: T) {
    std::mem::forget(large);
}

/// The recording's diagnostics on standard error, for commands whose output is data.
pub fn report_diagnostics(recording: &Recording) {
    for diagnostic in &recording.diagnostics {
        complain(&format!("{}: {}", diagnostic.severity.name(), diagnostic.sentence()));
    }
}
