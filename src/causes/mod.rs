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

static BUILT_IN: LazyLock<Causes> = LazyLock::new(|| {
    let parse = |(topic, name, text): &(&str, &str, &str)| {
        file::parse(text, name.as_ref(), topic).expect("a test reads the data files")
    };
    Causes { all: FILES.iter().flat_map(parse).map(Arc::new).collect() }
});

/// A set of causes.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    all: Vec<Arc<Cause>>,
}

impl Causes {
    /// The causes that the program knows.
    pub fn built_in() -> Causes {
        BUILT_IN.clone()
    }

    /// No causes.
    pub fn none() -> Causes {
        Causes::default()
    }

    /// Adds those of `text`, which is that of the file `name`. One that has the name of another
    /// takes its place.
    ///
    /// # Errors
    ///
    /// If the text is not of the form that `docs/causes.md` describes. The error names the line.
    pub fn add(&mut self, text: &str, name: &std::path::Path) -> Result<()> {
        for cause in file::parse(text, name, "own")? {
            self.all.retain(|other| other.name != cause.name);
            self.all.push(Arc::new(cause));
        }
        Ok(())
    }

    /// All causes, in the order of their files.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Cause>> {
        self.all.iter()
    }

    /// The cause of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Cause>> {
        self.all.iter().find(|cause| cause.name == name)
    }
}
