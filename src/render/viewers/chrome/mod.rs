//! Lanes as Chrome trace events, which Perfetto reads.
//!
//! Each lane is a thread with a slice for each frame, as long as the frame stayed on the stack; the
//! outermost slice is the task. Markers are on threads of their own.
//!
//! The format is described by the document "Trace Event Format" of the Chromium project. The slices
//! of a thread nest, so a frame that stays from one sample to the next is one slice, and the
//! samples are counted in the task's slice. Times are in µs, with three decimals. Perfetto takes
//! thread 0 and process 0 for the idle task's and hides them, so no id here is 0.

mod document;
mod events;
mod slices;
mod tracks;

pub use document::write;
