//! Damaged input: every whole record before the damage is used, the report says where the damage is
//! and what is unread, and memory and time stay within limits.

mod bytes;
mod cut;
mod memory;
mod recordings;
