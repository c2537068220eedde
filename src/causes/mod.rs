//! Known causes of stalls: the path in which each is seen, what it means, what helps, what cures
//! it, and who says so.
//!
//! The program's own are in the data files beside this one, `src/causes/*.toml`. A user may have
//! more in a file of the same form, which `docs/causes.md` describes.
//! [`causes`](crate::analyses::causes) finds the causes of a culprit.

mod cause;
mod file;
mod kernels;
mod pattern;
mod wildcard;

use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::error::Result;

pub use cause::{Cause, Condition, Remedy, Verify};
pub use kernels::{Kernels, Version};
pub use pattern::{Alternative, Pattern, Step};

/// The data files of the program: what each is about, its name in `src/causes`, and its text.
const FILES: [(&str, &str, &str); 5] = [
    ("memory", "memory.toml", include_str!("memory.toml")),
    ("sockets", "sockets.toml", include_str!("sockets.toml")),
    ("routing", "routing.toml", include_str!("routing.toml")),
    ("machine", "machine.toml", include_str!("machine.toml")),
    ("mistaken", "mistaken.toml", include_str!("mistaken.toml")),
];

/// Those of the program, once they are asked for: most recordings show no culprit.
static BUILT_IN: LazyLock<Vec<Arc<Cause>>> = LazyLock::new(|| {
    let parse = |(topic, name, text): &(&str, &str, &str)| {
        file::parse(text, name.as_ref(), topic).expect("a test reads the data files")
    };
    FILES.iter().flat_map(parse).map(Arc::new).collect()
});

/// A set of causes.
#[derive(Clone, Debug)]
pub struct Causes {
    /// `None`: those that the program knows.
    all: Option<Vec<Arc<Cause>>>,
}

impl Default for Causes {
    fn default() -> Causes {
        Causes::built_in()
    }
}

impl Causes {
    /// The causes that the program knows.
    pub fn built_in() -> Causes {
        Causes { all: None }
    }

    /// No causes.
    pub fn none() -> Causes {
        Causes { all: Some(Vec::new()) }
    }

    /// Adds those of `text`, which is that of the file `name`, before all others. One that has the
    /// name of another takes its place. Returns how many there are.
    ///
    /// # Errors
    ///
    /// If the text is not of the form that `docs/causes.md` describes. The error names the line.
    pub fn add(&mut self, text: &str, name: &Path) -> Result<usize> {
        let mut own: Vec<Arc<Cause>> =
            file::parse(text, name, file::OWN)?.into_iter().map(Arc::new).collect();
        let count = own.len();
        let others = self.iter().filter(|other| own.iter().all(|cause| cause.name != other.name));
        let others: Vec<Arc<Cause>> = others.cloned().collect();
        own.extend(others);
        self.all = Some(own);
        Ok(count)
    }

    /// All causes, in the order of their files.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Cause>> {
        self.all.as_ref().unwrap_or_else(|| &BUILT_IN).iter()
    }

    /// The cause of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Cause>> {
        self.iter().find(|cause| cause.name == name)
    }
}
