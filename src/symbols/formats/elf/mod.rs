//! ELF files: their identity, and their symbols by position in the file, which is what samples
//! know.
//!
//! The file may come from anybody. Whatever it counts is read up to a bound that no real file
//! reaches, so neither gaps nor tables that overlap each other can take long.

mod file;
mod headers;
mod module_layout;
mod notes;
mod plt;
mod reduce;
mod symbols;

pub use file::Elf;
pub use notes::build_id_in;
pub use plt::PltStub;
pub use symbols::FileSymbol;
