//! Redaction: the replacement of a comm, a path or another name in a redacted pack.
//!
//! The replacement is the start of the name's SHA-256, in hexadecimal digits. So the same name has
//! the same hash in every pack, and anybody who knows a name can compute its hash (`printf %s NAME
//! | sha256sum`). The kernel's own names for its threads and its memory stay: analyses need them,
//! and they reveal nothing about the owner of the machine.

mod functions;
mod hash;
mod names;

pub use functions::function;
pub use names::{comm, event, event_group, event_in, path, symbol, text};
