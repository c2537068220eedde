//! Lanes: the selected samples as viewers of profiles show them: one lane for each CPU or thread,
//! all on one clock, each tiled by stretches of time; and the frames that occur, each with its
//! category.

mod build;
mod frames;
mod lane;
mod result;
mod stretches;

pub use super::categories::Category;
pub use frames::Frame;
pub use lane::{Content, Lane, LaneKind, LaneOwner, Stretch};
pub use result::Lanes;
