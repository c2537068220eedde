//! Each form of perf.data that perf and similar programs write gives the same results.

mod fields;
mod forms;
mod of_perf;
mod print;
mod records;
mod texts_between;
