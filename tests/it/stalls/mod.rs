//! Stalls from text fixtures: each witness by itself, counter-evidence, the culprit, and the
//! confidence.

mod actions;
mod advice;
mod events;
mod holes;
mod samples;
mod scene;
