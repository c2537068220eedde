//! Standard output for data, standard error for messages.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use stallgraph::Error;
use stallgraph::analyses::selection::Selection;
use stallgraph::model::{Recording, clean};

use super::messages;

/// Standard output, written in large pieces.
pub fn stdout() -> impl Write + Send {
    std::io::BufWriter::new(std::io::stdout())
}

/// Writes a result to standard output, in large pieces.
pub fn print(write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>) -> Result<()> {
    let mut out = stdout();
    write(&mut out).and_then(|()| out.flush()).map_err(Error::Output)?;
    Ok(())
}

/// Prints one line on standard error. Nothing happens if that is closed. The message may hold the
/// name of a file or the value of an option, which others may have chosen.
pub fn complain(message: &str) {
    let _ = writeln!(anstream::stderr(), "stallgraph: {}", clean(message));
}

/// Prints a warning or a note on standard error, unless the user wants errors alone.
pub fn warn(message: &str) {
    if !messages::is_quiet() {
        complain(message);
    }
}

/// Does not free something large: the end of the process frees all memory at once, which is faster
/// than piece by piece.
pub fn leave_to_exit<T>(large: T) {
    std::mem::forget(large);
}

/// Prints the recording's diagnostics on standard error, for commands whose output is data.
pub fn report_diagnostics(recording: &Recording) {
    for diagnostic in &recording.diagnostics {
        warn(&format!("{}: {}", diagnostic.severity.name(), diagnostic.sentence()));
    }
}

/// Checks that a selection fits the recording, and says what of it matches nothing.
pub fn check_selection(selection: &Selection, recording: &Recording) -> Result<()> {
    selection.check(recording)?;
    for sentence in selection.unmatched(recording) {
        warn(&sentence);
    }
    Ok(())
}

/// Whether a command failed because the reader of its output has closed it.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(is_closed)
            || matches!(cause.downcast_ref::<Error>(), Some(Error::Output(error)) if is_closed(error))
    })
}

/// The exit code of a command whose code is its answer, once that was printed; 2 for any failure.
pub fn answer(answered: Result<(u8, Result<()>)>) -> ExitCode {
    let code = answered.and_then(|(code, printed)| match printed {
        // The reader may be gone. The exit code still gives the answer.
        Err(error) if !is_closed_pipe(&error) => Err(error),
        _ => Ok(code),
    });
    ExitCode::from(code.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        2
    }))
}
