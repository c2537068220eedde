//! `stallgraph pack`: a recording and all that its names come from, in one file that is read
//! anywhere.

use std::fs::{self, File};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use stallgraph::load::Keep;

use super::input::InputOptions;
use super::outcome::Outcome;
use super::output;

/// Packs a recording and all that its names come from into one file
///
/// Every command reads the pack on any machine.
///
/// Run it on the machine that recorded, in the same boot, as root. It looks
/// names up as every other command does, with the same options, and puts what
/// they come from into the pack: the kernel's kallsyms, the symbols of programs
/// and libraries, perf maps. A pack holds names of programs, paths and addresses
/// of the kernel: give it only to people who may have the recording. With
/// --redact it holds hashes in place of comms and paths.
///
/// Examples:
///
///   stallgraph pack -o node7.stall.tar.zst
///   stallgraph window node7.stall.tar.zst
///   stallgraph pack --redact -o for-the-vendor.stall.tar.zst
///   perf record -a -g -o - -- sleep 60 | stallgraph pack - --symfs / -o node7.stall.tar.zst
///   ssh node7 'perf record -a -g -- sleep 60 >&2; stallgraph pack perf.data -o -' |
///     stallgraph window -
#[derive(Args)]
#[command(verbatim_doc_comment, next_help_heading = "Output")]
pub struct Arguments {
    /// File to write; - is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Pack only the symbols of programs and libraries, which is the default
    ///
    /// With --inline, debug information is packed too.
    #[arg(long, overrides_with = "whole_files")]
    symbols_only: bool,
    /// Pack whole programs and libraries
    #[arg(long, overrides_with = "symbols_only")]
    whole_files: bool,
    /// Replace comms and paths by hashes
    ///
    /// This is done in the recording too. Of programs and libraries, only the names of the
    /// functions that samples hit are packed.
    #[arg(long, conflicts_with_all = ["whole_files", "symbols_only", "inline", "no_symbols"])]
    redact: bool,
    #[command(flatten)]
    input: InputOptions,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let is_stdout = arguments.output.as_os_str() == "-";
    let shown = arguments.output.display();
    if is_stdout && std::io::stdout().is_terminal() {
        bail!("a pack is not for a terminal: give -o FILE");
    }
    let keep = match arguments {
        Arguments { redact: true, .. } => Keep::Redacted,
        Arguments { whole_files: true, .. } => Keep::WholeFiles,
        _ => Keep::Symbols,
    };
    let pack = |out: &mut dyn Write| arguments.input.pack(keep, out);
    let (packed, bytes) = if is_stdout {
        let mut out = output::stdout();
        let packed = pack(&mut out)?;
        out.flush().map_err(stallgraph::Error::Output)?;
        (packed, None)
    } else if fs::metadata(&arguments.output).is_ok_and(|metadata| !metadata.is_file()) {
        // Do not replace a device or a FIFO by a file.
        let context = || shown.to_string();
        let file = File::options().write(true).open(&arguments.output).with_context(context)?;
        let mut out = BufWriter::new(file);
        let packed = pack(&mut out)?;
        out.flush().with_context(context)?;
        (packed, None)
    } else {
        // The file gets its name only once it is complete. If that name is a link, its target is
        // replaced.
        let path = &fs::canonicalize(&arguments.output).unwrap_or_else(|_| arguments.output.clone());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        output::refuse_input(path, &arguments.input.path())?;
        let context = || shown.to_string();
        let mut file = tempfile::Builder::new()
            .prefix(".stallgraph-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .tempfile_in(folder.unwrap_or(".".as_ref()))
            .with_context(context)?;
        let packed = pack(&mut BufWriter::new(&mut file))?;
        let bytes = file.as_file().metadata().with_context(context)?.len();
        file.persist(path).map_err(|error| error.error).with_context(context)?;
        (packed, Some(bytes))
    };
    output::report_diagnostics(&packed.recording);
    let size = bytes.map(|bytes| format!(", {} KiB", bytes.div_ceil(1024))).unwrap_or_default();
    let (redacted, what) = if arguments.redact { ("redacted ", "names") } else { ("", "symbols") };
    let kernel =
        if packed.has_kernel { format!("the kernel's {what}") } else { format!("no {what} of the kernel") };
    let without = match packed.without {
        0 => String::new(),
        without => format!("; {without} without, stallgraph info lists them"),
    };
    let summary = format!(
        "packed {shown}{size}: a {redacted}recording of {} KiB, {kernel}, {what} of {} files{without}",
        packed.recording_bytes.div_ceil(1024),
        packed.modules,
    );
    if is_stdout {
        output::complain(&summary);
    } else {
        let mut out = output::stdout();
        writeln!(out, "{summary}").and_then(|()| out.flush()).map_err(stallgraph::Error::Output)?;
    }
    let outcome = Outcome::of(&packed.recording, true);
    output::leave_to_exit(packed);
    Ok(outcome)
}
