//! Each form of perf.data that perf and its relatives write: what is in it comes out, whatever the
//! form.

mod fields;
mod forms;
mod of_perf;
mod print;
mod records;
