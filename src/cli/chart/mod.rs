//! `stallgraph chart`: what a CPU did in time order, as a flame chart; or merged, as a flame graph.

mod arguments;
mod pictures;
mod png;
mod views;

pub use arguments::Arguments;

use std::io::IsTerminal;

use anyhow::{Result, bail};
use stallgraph::load;

use super::outcome::Outcome;
use super::reading::Needs;
use super::{output, window_options};
use views::Gallery;

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome> {
    let options = arguments.windows.options(arguments.selection.selection())?;
    if arguments.file().is_none() && std::io::stdout().is_terminal() {
        bail!("a picture cannot be shown on a terminal: give -o chart.svg, and open that in a browser");
    }
    if arguments.after.is_some() && arguments.window.is_none() && arguments.stall.is_none() {
        bail!("--after goes with --window or --stall only");
    }
    if arguments.file().is_some_and(png::is_png) {
        png::check()?;
    }
    let is_of_windows = arguments.window.is_some() || arguments.diff;
    let recording = arguments.input.load(Needs::SamplesAndEvents)?;
    output::report_diagnostics(&recording);
    load::require_stacks(&recording)?;
    load::require_times(&recording)?;
    if is_of_windows || arguments.stall.is_some() || options.selection.cpus.is_some() {
        load::require_cpus(&recording)?;
    }
    output::check_selection(&options.selection, &recording)?;
    if is_of_windows {
        window_options::check(&options, &recording)?;
    }
    let gallery = Gallery::new(arguments, &recording, options)?;
    let views = gallery.views()?;
    if views.is_empty() {
        let what = match (arguments.stall.is_some(), arguments.diff && arguments.window.is_none()) {
            (true, _) => "no stall",
            (false, true) => "no episode of the trigger, so no window, and no stall",
            (false, false) => "no episode of the trigger, so no window",
        };
        output::complain(&format!("nothing to draw: {what}"));
    }
    let is_drawn = pictures::draw(arguments, &recording, &gallery, views)?;
    let outcome = Outcome::new(&recording, is_drawn);
    output::leave_to_exit(recording);
    Ok(outcome)
}
