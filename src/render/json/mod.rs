//! JSON for programs, one file per command.
//!
//! `docs/json.md` documents every field. Fields are added freely. `schema` is raised if a field
//! changes its meaning or is removed. `cause`, `lines`, `overloads` and `view` are shared.

mod cause;
pub mod causes;
pub mod check;
pub mod diff;
pub mod fleet;
pub mod info;
mod lines;
mod moments;
mod overloads;
pub mod packets;
pub mod stalls;
pub mod syscalls;
mod view;
pub mod waits;
pub mod window;
