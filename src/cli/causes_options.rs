//! The option that adds known causes.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use stallgraph::causes::Causes;
use stallgraph::model::clean;

use super::output;

/// The largest file of causes, in bytes. The program's own are smaller than a tenth of this.
const LARGEST: u64 = 1 << 20;

/// Which known causes.
#[derive(Args)]
#[command(next_help_heading = "Causes")]
pub struct CausesOptions {
    /// Known causes of your own, besides the program's
    ///
    /// docs/causes.md says how such a file is written. A cause in it takes the place of one with
    /// the same name.
    #[arg(long = "causes", value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl CausesOptions {
    /// The files that the user named.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The program's causes, and those of the files.
    pub fn causes(&self) -> Result<Causes> {
        let mut causes = Causes::built_in();
        for path in &self.files {
            let shown = path.to_string_lossy();
            let shown = clean(&shown);
            let mut bytes = Vec::new();
            let file = File::open(path).with_context(|| format!("--causes {shown}"))?;
            file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("--causes {shown}"))?;
            if bytes.len() as u64 > LARGEST {
                bail!("--causes {shown}: a file of causes has at most {} KiB", LARGEST / 1024);
            }
            let Ok(text) = String::from_utf8(bytes) else {
                bail!("--causes {shown}: it is no text; docs/causes.md says how such a file is written");
            };
            if causes.add(&text, path)? == 0 {
                output::warn(&format!(
                    "--causes {shown}: it holds no cause; docs/causes.md says how such a file is written"
                ));
            }
        }
        Ok(causes)
    }
}
