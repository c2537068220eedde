//! The page's own program. Its sources are the files of `assets/`, which tests and the type checker
//! read as they are. `scripts/bundle-page` joins them into `bundle/`, since each page carries the
//! program.

use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};

/// The elements of the page, without their content.
pub(super) const BODY: &str = include_str!("assets/page.html");
/// uPlot, which draws numbers over time.
pub(super) const PLOTS: &str = include_str!("assets/vendor/uPlot.iife.min.js");
/// The program.
pub(super) const PROGRAM: &str = include_str!("bundle/page.min.js");
/// The style sheet.
pub(super) const STYLE: &str =
    concat!(include_str!("assets/vendor/uPlot.min.css"), include_str!("bundle/page.min.css"));

/// What the browser may do: run and show what is in the page, and nothing else.
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; script-src '{}' '{}'; style-src '{}'; img-src data: blob:; base-uri 'none'; \
         form-action 'none'",
        hash(PLOTS),
        hash(PROGRAM),
        hash(STYLE)
    )
}

/// The hash of a script or a style sheet, as a policy has it.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_program_ends_its_element() {
        for text in [PLOTS, PROGRAM, STYLE] {
            let text = text.to_lowercase();
            assert!(!text.contains("</script") && !text.contains("</style") && !text.contains("<!--"));
            // A browser makes one of two characters of it, and the hash is then another.
            assert!(!text.contains('\r'));
        }
    }
}
