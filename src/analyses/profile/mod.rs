//! Profile: the selected samples, added up. Samples of one thread with the same functions are one
//! entry, if they are of one CPU and lie in the same stall and the same window. What is lost is the
//! order.

mod find;
mod marks;
mod result;
mod sums;

pub use find::find;
pub use marks::Found;
pub use result::{Entry, Profile};
