//! JSON for programs, one file per command. `docs/json.md` documents every field. Fields are only
//! ever added; a change of meaning raises `schema`.

pub mod info;
mod lines;
mod moments;
pub mod packets;
pub mod stalls;
pub mod syscalls;
mod view;
pub mod window;
