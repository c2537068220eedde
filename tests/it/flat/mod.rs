//! Recordings without call chains: each sample is its innermost function.

mod recordings;
mod texts;
mod verdicts;
