//! Code that the integration tests share: runs of the program, recordings from testdata, and
//! recordings that tests make.

pub mod archive;
pub mod builder;
mod compare;
mod compressed;
mod cost;
mod dice;
pub mod elf;
pub mod fixture;
pub mod forms;
pub mod hand_made;
pub mod hostile;
pub mod jitdump;
mod machine;
pub mod pack_scene;
pub mod perf_events;
pub mod perf_script;
pub mod pprof;
mod program;
mod recordings;
pub mod scenes;
mod second_opinion;
pub mod sources;
pub mod svg;
pub mod viewers;

pub use compare::assert_same_lines;
pub use compressed::compressed;
pub use cost::{with_cost, with_peak_memory};
pub use dice::Dice;
pub use machine::{hostname, make_fifo, no_process};
pub use program::{Run, bytes_of, copy_program, run, shell, stallgraph, stdout_of};
pub use recordings::{MadeUp, Recording};
pub use second_opinion::{SecondOpinion, second_opinion};
