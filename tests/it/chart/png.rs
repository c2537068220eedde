//! Charts as PNG, where the program that draws them is installed; else how the command says so.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Recording, run};

fn has_renderer() -> bool {
    let version =
        Command::new("rsvg-convert").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

#[test]
fn a_png_is_drawn_twice_as_large() {
    if !has_renderer() {
        // Written directly, since the test harness would capture it.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no rsvg-convert here, so no chart was drawn as PNG");
        return;
    }
    let recording = Recording::open("post");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let draw = |name: &str| {
        let file = folder.path().join(name);
        let run = run(recording.command("chart").args(["--window", "2", "-o"]).arg(&file));
        assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{}", run.stderr);
        fs::read(file).expect("the picture")
    };
    let png = draw("window.png");
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("4 bytes"));
    assert_eq!(size(16), 2400);
    assert!((600..1200).contains(&size(20)), "{}", size(20));
    assert!(draw("window.PNG") == png, "always the same");
    // Without fonts all letters would be boxes.
    let fonts = folder.path().join("fonts.conf");
    fs::write(&fonts, format!("<fontconfig><dir>{}</dir></fontconfig>", folder.path().display()))
        .expect("a file");
    let bare = run(recording
        .command("chart")
        .env("FONTCONFIG_FILE", &fonts)
        .args(["--window", "2", "-o"])
        .arg(folder.path().join("bare.png")));
    assert_eq!(bare.code, Some(2), "{}", bare.stderr);
    assert!(bare.stderr.contains("finds no font; install one"), "{}", bare.stderr);
    assert!(!folder.path().join("bare.png").exists());
}

#[test]
fn what_a_png_needs_is_said() {
    let recording = Recording::open("post");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("window.png");
    let run = run(recording.command("chart").env("PATH", folder.path()).arg("-o").arg(&file));
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{}", run.stderr);
    assert!(
        run.stderr.contains("needs the program rsvg-convert")
            && run.stderr.contains("apt install librsvg2-bin"),
        "{}",
        run.stderr
    );
    assert!(!file.exists());
}
