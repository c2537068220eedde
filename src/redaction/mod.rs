//! Redaction: what stands in a redacted pack in place of a comm, a path or another name.
//!
//! It is the start of the name's SHA-256, in hexadecimal digits. So the same name has the same hash
//! in every pack, and whoever knows a name can compute its hash (`printf %s NAME | sha256sum`). The
//! kernel's own names for its threads and its memory stay: analyses need them, and they say nothing
//! about the owner of the machine.

mod functions;
mod hash;
mod names;

pub use functions::function;
pub use names::{comm, event, event_group, event_in, path, symbol, text};
