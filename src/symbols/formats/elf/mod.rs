//! ELF files: their identity, and their symbols by position in the file, since samples have
//! positions.
//!
//! The file may come from anybody. Each count in it is followed up to a bound that no real file
//! reaches, so neither gaps nor overlapping tables can take long.

mod file;
mod headers;
mod module_layout;
mod notes;
mod plt;
mod reduce;
mod symbols;

pub use file::{Elf, LoadedSegments};
pub use notes::build_id_in;
pub use plt::PltStub;
pub use reduce::{Parts, Reduced};
pub use symbols::FileSymbol;
