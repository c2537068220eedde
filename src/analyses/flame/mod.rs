//! Flames: what CPUs did, as blocks upon blocks that are as wide as their time: in time order,
//! merged, or as the difference of two selections. What is too narrow for a picture is gathered
//! into one block, so that every time keeps its width.

mod blocks;
mod layout;
mod marks;
mod painter;
mod result;

pub use marks::{MarkedPath, Marks};
pub use painter::{Painter, Section};
pub use result::{Block, Class, Filler, Flame, Line, Times};
