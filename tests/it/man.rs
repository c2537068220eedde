//! The man pages: what stands in them can be copied into a shell, and their exit codes are true.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::support::{run, stallgraph, stdout_of};

/// The commands that `--help` lists, and the program itself as "".
fn commands() -> Vec<String> {
    let help = stdout_of(stallgraph().arg("--help"));
    let list = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    // A line that goes on is indented further.
    let lines = list.expect("a list of commands").lines().filter(|line| !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 15, "{names:?}");
    [String::new()].into_iter().chain(names).collect()
}

fn page_of(command: &str) -> String {
    match command {
        "" => "stallgraph.1".to_owned(),
        command => format!("stallgraph-{command}.1"),
    }
}

/// The indented lines of the examples in a help.
fn examples(help: &str) -> Vec<String> {
    let (_, rest) = help.split_once("\nExample").expect("examples");
    let rest = rest.split("\nUsage:").next().unwrap_or_default();
    // Exit codes are no examples.
    let rest = rest.split("\nExit codes").next().unwrap_or_default();
    rest.lines().filter_map(|line| Some(line.strip_prefix("  ")?.to_owned())).collect()
}

/// What a program prints of a page, or `None` where there is no such program.
fn shown(program: &[&str], page: &Path) -> Option<String> {
    match Command::new(program[0]).args(&program[1..]).arg(page).env("MAN_KEEP_FORMATTING", "").output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            let _ = writeln!(std::io::stderr(), "SKIPPED: no {} here, so no man page was shown", program[0]);
            None
        }
    }
}

#[test]
fn examples_can_be_copied_out_of_the_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("share/man/man1");
    assert_eq!(stdout_of(stallgraph().arg("man").arg(&pages)), "", "missing folders are made");
    let groff = ["groff", "-man", "-Tutf8", "-P-cbou", "-ww", "-rLL=100n"];
    let mandoc = ["mandoc", "-T", "utf8", "-O", "width=100"];
    let commands = commands();
    assert_eq!(fs::read_dir(&pages).expect("the folder").count(), commands.len());
    for command in &commands {
        let page = pages.join(page_of(command));
        let help =
            stdout_of(stallgraph().args((!command.is_empty()).then_some(command.as_str())).arg("--help"));
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{command}: no examples: {help}");
        for program in [&groff[..], &mandoc[..]] {
            let Some(text) = shown(program, &page) else { continue };
            // mandoc prints letters over each other.
            let mut plain = String::new();
            for letter in text.chars() {
                match letter {
                    '\u{8}' => drop(plain.pop()),
                    letter => plain.push(letter),
                }
            }
            let lines: BTreeSet<&str> = plain.lines().map(str::trim).collect();
            for example in &examples {
                assert!(lines.contains(example.trim()), "{command}, {}: {example}\n{plain}", program[0]);
            }
            let sections =
                ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"];
            let places: Vec<_> =
                sections.iter().map(|section| plain.find(&format!("\n{section}\n"))).collect();
            assert!(
                places.is_sorted() && places.iter().all(Option::is_some),
                "{command}: {places:?}\n{plain}"
            );
        }
    }
    lint(&pages, &commands);
}

/// Checks the pages as those who write them do. A page has no date, which would change with each
/// build.
fn lint(pages: &Path, commands: &[String]) {
    for command in commands {
        let page = pages.join(page_of(command));
        let Some(complaints) = shown(&["mandoc", "-T", "lint", "-W", "warning"], &page) else { return };
        let complaints: Vec<_> = complaints.lines().filter(|line| !line.contains("missing date")).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        let warned = Command::new("groff").args(["-man", "-ww", "-Tutf8"]).arg(&page).output();
        assert!(warned.is_ok_and(|warned| warned.stderr.is_empty()), "{command}");
    }
}

#[test]
fn each_page_has_the_exit_codes_of_its_command() {
    let folder = tempfile::tempdir().expect("a folder");
    stdout_of(stallgraph().arg("man").arg(folder.path()));
    for command in commands() {
        let page = fs::read_to_string(folder.path().join(page_of(&command))).expect("a page");
        let status = page.split(".SH EXIT STATUS\n").nth(1).and_then(|rest| rest.split(".SH ").next());
        let status = status.expect("a section");
        let codes: String = status.lines().filter_map(|line| line.strip_prefix(".B ")).collect();
        let expected = match command.as_str() {
            "check" | "diff" | "fleet" | "causes" => "012",
            "pack" => "023",
            "record" | "watch" | "man" | "completions" | "help" => "02",
            _ => "0123",
        };
        assert_eq!(codes, expected, "{command}: {status}");
    }
    let check = fs::read_to_string(folder.path().join("stallgraph-check.1")).expect("a page");
    assert!(check.contains(".B 1\nstalling, or overload"), "{check}");
}

#[test]
fn completions_go_into_a_file_or_to_standard_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bash-completion/completions/stallgraph");
    let printed = stdout_of(stallgraph().args(["completions", "bash"]));
    assert_eq!(stdout_of(stallgraph().args(["completions", "bash", "-o"]).arg(&file)), "");
    assert_eq!(fs::read_to_string(&file).expect("the file"), printed);
    assert!(printed.contains("stallgraph__subcmd__stalls") || printed.contains("stallgraph__stalls"));
    // What both were called before is still understood, and not shown.
    assert_eq!(stdout_of(stallgraph().args(["generate", "completions", "bash"])), printed);
    assert_eq!(run(stallgraph().args(["generate", "man"]).arg(folder.path().join("man1"))).code, Some(0));
    assert!(!stdout_of(stallgraph().arg("--help")).contains("generate"));
}
