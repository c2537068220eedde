//! Pictures as PNG: `rsvg-convert` of librsvg draws the SVG.
//!
//! A library in this program (`resvg` with fonts) would make it a quarter larger, and would not
//! find fonts by fontconfig's rules. An SVG of this program refers to no other file, and librsvg
//! loads none by itself from standard input.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Twice the size of the SVG, so that its text can be read when the picture is made smaller.
const ZOOM: &str = "2";
const PROGRAM: &str = "rsvg-convert";

/// Whether a file's name asks for a PNG.
pub fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
}

/// Checks that a PNG can be drawn here.
pub fn check() -> Result<()> {
    // Without fonts all letters look the same, and nobody says that they are missing.
    let letter = |letter| {
        let text = format!("<text x=\"2\" y=\"15\" font-family=\"monospace\">{letter}</text>");
        let size = "width=\"20\" height=\"20\"";
        draw(format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {size}>{text}</svg>").as_bytes())
    };
    if letter('A')? == letter('B')? {
        bail!(
            "-o with .png: {PROGRAM} finds no font; install one (Debian: apt install fonts-dejavu-core), or \
             give -o chart.svg, and open that in a browser"
        );
    }
    Ok(())
}

/// The picture as PNG.
pub fn draw(svg: &[u8]) -> Result<Vec<u8>> {
    let spawned = Command::new(PROGRAM)
        .args(["--unlimited", "--zoom", ZOOM, "--format", "png"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.with_context(|| {
        format!(
            "-o with .png needs the program {PROGRAM}, which draws SVG; install it (Debian: apt install \
             librsvg2-bin), or give -o chart.svg, and open that in a browser"
        )
    })?;
    let stdin = child.stdin.take();
    // It may write before it has read all.
    let (written, output) = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(svg)));
        let output = child.wait_with_output();
        (writer.join(), output)
    });
    let output = output.with_context(|| format!("{PROGRAM} cannot be waited for"))?;
    let is_written = matches!(written, Ok(Ok(())));
    if !output.status.success() || !is_written || output.stdout.is_empty() {
        let says = stallgraph::model::clean(&String::from_utf8_lossy(&output.stderr)).into_owned();
        bail!("{PROGRAM} drew nothing ({}): {}; give -o chart.svg", output.status, says.trim());
    }
    Ok(output.stdout)
}
