//! Floods: recordings with as many CPUs, paths, tasks or other things as a file has room for.

mod cpus;
mod memory;
