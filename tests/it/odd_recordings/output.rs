//! Where odd recordings are written, and the list of them.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use super::scene::Scene;

/// A recording that was written.
pub struct Odd {
    /// What it is. Files of one kind have the same text.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// `clean`, `hostile` or `bomb`.
    pub class: String,
    /// How many samples can be used; `200+` is at least 200. `-` where nothing is promised.
    pub samples: String,
}

/// A folder of odd recordings.
pub struct Output {
    /// The folder.
    pub folder: PathBuf,
    /// What was written.
    pub recordings: Vec<Odd>,
}

impl Output {
    /// Writes into `folder`, which exists.
    pub fn new(folder: PathBuf) -> Output {
        Output { folder, recordings: Vec::new() }
    }

    /// Writes a recording all of whose samples are counted, if anything is promised.
    pub fn write(&mut self, name: &str, class: &str, samples: Option<u64>, bytes: &[u8]) {
        let samples = samples.map_or("-".to_owned(), |samples| samples.to_string());
        self.write_some(name, class, &samples, bytes);
    }

    /// Writes a recording; `samples` is as in [`Odd`].
    pub fn write_some(&mut self, name: &str, class: &str, samples: &str, bytes: &[u8]) {
        let path = self.folder.join(format!("odd-{:02}.data", self.recordings.len() + 1));
        fs::write(&path, bytes).expect("the folder can be written to");
        let (name, class, samples) = (name.to_owned(), class.to_owned(), samples.to_owned());
        self.recordings.push(Odd { name, path, class, samples });
    }

    /// Writes a recording that a profiler could have made.
    pub fn clean(&mut self, name: &str, samples: u64, scene: &Scene) {
        self.write(name, "clean", Some(samples), &scene.file.build());
    }

    /// Writes a hostile recording.
    pub fn hostile(&mut self, name: &str, samples: Option<u64>, scene: &Scene) {
        self.write(name, "hostile", samples, &scene.file.build());
    }

    /// Writes `list.tsv`: for each recording name, path, class and samples, with tabs between.
    pub fn write_list(&self) {
        let mut list = String::new();
        for Odd { name, path, class, samples } in &self.recordings {
            writeln!(list, "{name}\t{}\t{class}\t{samples}", path.display()).expect("a string grows");
        }
        fs::write(self.folder.join("list.tsv"), list).expect("the folder can be written to");
    }
}
