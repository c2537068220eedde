//! Standard output and standard error: data on the one, complaints on the other.

use std::io::Write;

use stallgraph::model::Recording;

/// Standard output, written in large pieces.
pub fn stdout() -> impl Write + Send {
    std::io::BufWriter::new(std::io::stdout())
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
