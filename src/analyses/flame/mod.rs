//! Flames: what CPUs did, as stacked blocks whose width is their time: in time order, merged, or as
//! the difference of two selections. Blocks that are too narrow for a picture are merged into one
//! block, so that the total width stays the same.

mod blocks;
mod layout;
mod marks;
mod painter;
mod result;
mod shares;

pub use super::spans::extent;
pub use marks::{Hole, MarkedPath, Marks};
pub use painter::{Painter, Section};
pub use result::{Block, Class, Filler, Flame, Line, Times};
pub use shares::Shares;
