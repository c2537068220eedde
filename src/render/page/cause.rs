//! The known cause of the first culprit as HTML, below the verdict.

use std::io::{self, Write};

use crate::analyses::causes::KnownCause;
use crate::render::cause;
use crate::render::markup::escape;

use super::parts::Page;

/// Writes the surest known cause of the first culprit: what it means, what helps, what cures it,
/// and who says so. Others are named.
pub(super) fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let Some((first, others)) = surest(page) else { return Ok(()) };
    let cause = &first.cause;
    writeln!(out, "<div class=\"known\" role=\"group\" aria-label=\"Known cause\">")?;
    writeln!(out, "<p><b>Known:</b> {}</p>", escape(&cause::sentence(first)))?;
    for now in &cause.now {
        let (run, risk) = (escape(&now.run), escape(&now.risk));
        writeln!(out, "<p><b>Helps now:</b> <code>{run}</code> {risk}</p>")?;
    }
    writeln!(out, "<p><b>Cure:</b> {}</p>", escape(&cause.cure))?;
    writeln!(out, "<details><summary>What happens, how to make sure, and who says so</summary>")?;
    writeln!(out, "<p>{}</p>", escape(&cause.means))?;
    let (run, shows) = (escape(&cause.verify.run), escape(&cause.verify.shows));
    writeln!(out, "<p><b>Make sure:</b> <code>{run}</code> {shows}</p>")?;
    let sources: Vec<String> = cause.sources.iter().map(|source| escape(source)).collect();
    writeln!(out, "<p class=\"source\">Sources: {}</p>\n</details>", sources.join("; "))?;
    for other in others {
        writeln!(out, "<p>Also: {}</p>", escape(&cause::sentence(other)))?;
    }
    writeln!(out, "</div>")
}

/// The known causes of the first culprit, the surest first.
pub(super) fn surest<'p>(page: &'p Page) -> Option<(&'p KnownCause, &'p [KnownCause])> {
    page.stalls.ranking.first()?.causes.split_first()
}
