//! Damaged input: every whole record before the damage is used, where it is and what is unread is
//! said, and nothing takes more memory or time than it may.

mod bytes;
mod cut;
mod memory;
mod recordings;
