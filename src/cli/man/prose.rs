//! The help of a command as the sections of its man page.

/// A part of a section.
#[derive(PartialEq, Eq)]
pub enum Block {
    /// Lines that are joined and broken where the page is shown.
    Paragraph(String),
    /// Lines that stay as they are, as those of a shell.
    Lines(Vec<String>),
}

/// What the help of a command says, by section.
#[derive(Default)]
pub struct Prose {
    pub description: Vec<Block>,
    pub examples: Vec<Block>,
    /// Empty if it says nothing of exit codes.
    pub exit_codes: Vec<Block>,
}

impl Prose {
    /// Divides a help. Its first paragraph is the command's name section.
    ///
    /// `Examples` begins what stays to the end, `Exit codes` one paragraph and the lines that
    /// belong to it.
    pub fn of(help: &str) -> Prose {
        let mut prose = Prose::default();
        let mut blocks = blocks(help).into_iter().skip(1).peekable();
        let mut is_example = false;
        while let Some(block) = blocks.next() {
            match &block {
                Block::Paragraph(text) if text.starts_with("Exit codes") => {
                    let has_lines = text.ends_with(':');
                    prose.exit_codes.push(block);
                    prose.exit_codes.extend(blocks.next_if(|_| has_lines));
                }
                Block::Paragraph(text) if text == "Examples:" || text == "Example:" => is_example = true,
                _ if is_example => prose.examples.push(block),
                _ => prose.description.push(block),
            }
        }
        prose
    }
}

/// The blocks of a text: lines that are indented stay as they are.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut is_after_space = true;
    for line in text.lines() {
        match (line.strip_prefix("  "), blocks.last_mut()) {
            _ if line.trim().is_empty() => {
                is_after_space = true;
                continue;
            }
            (Some(line), Some(Block::Lines(lines))) => {
                if is_after_space {
                    lines.push(String::new());
                }
                lines.push(line.to_owned());
            }
            (Some(line), _) => blocks.push(Block::Lines(vec![line.to_owned()])),
            (None, Some(Block::Paragraph(paragraph))) if !is_after_space => {
                *paragraph += " ";
                *paragraph += line;
            }
            (None, _) => blocks.push(Block::Paragraph(line.to_owned())),
        }
        is_after_space = false;
    }
    blocks
}
