//! A profile in the format of pprof, which `go tool pprof`, Parca and Pyroscope read: a message of
//! Protocol Buffers, packed with gzip.
//!
//! The format is described by `proto/profile.proto` and `proto/README.md` of google/pprof. What its
//! readers do matters too. All of them drop a number that is 0 and has no unit (google/pprof,
//! `profile/encode.go`, `postDecode`), so numbers have one. Parca takes an id for a position in the
//! list, counted from 1 (`pkg/normalizer/normalizer.go`), so ids are that.

mod document;
mod labels;
mod messages;
mod strings;
mod tables;

pub use document::{ORDER_IS_LOST, write};
