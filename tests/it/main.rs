//! The integration tests, in one binary: the library is linked once for all of them.
//!
//! Each module holds the tests of one command or property; `support` holds what they share.
//! Run one module with `cargo test --test it exports::`.
//!
//! All tests share one process, so none may change the environment or the current folder: those are
//! set for the child processes that run the program.

mod architecture;
mod archives;
mod bad_input;
mod beside;
mod bounds;
mod browser;
mod calls;
mod causes;
mod chart;
mod check;
mod check_files;
mod clean_messages;
mod collapse;
mod confinement;
mod corpus;
mod damage;
mod diff;
mod diff_simulation;
mod doubt;
mod events;
mod events_damaged;
mod examples;
mod exports;
mod file_systems;
mod flat;
mod floods;
mod help;
mod holders;
mod impostors;
mod interrupt;
mod jitdump;
mod json_page;
mod kernel_modules;
mod kernel_names;
mod kernel_stacks;
mod known_causes;
mod kubernetes;
mod lanes;
mod lines;
mod live;
mod live_syscalls;
mod losses;
mod moments;
mod names;
mod no_cpus;
mod odd_recordings;
mod offsets;
mod one_answer;
mod outputs;
mod overloads;
mod packets;
mod packs;
mod page;
mod panorama;
mod profiles;
mod readme;
mod recommended;
mod record;
mod redacted_packs;
mod repository;
mod sampling_event;
mod script_text;
mod second_opinion;
mod spans;
mod stalls;
mod stalls_recordings;
mod stalls_simulation;
mod strips;
mod support;
mod syscalls;
mod threads;
mod variants;
mod watch;
mod window_comparison;
mod window_paths;
mod window_recordings;
mod window_simulation;
mod windows;
