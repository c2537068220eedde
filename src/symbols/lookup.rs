//! The context that all parts of naming share.

use crate::model::Module;

use super::request::Request;
use super::search::Search;
use super::sources::Sources;

/// The context that all parts of naming share.
pub struct Lookup<'l> {
    /// What is known about the recording.
    pub request: &'l Request<'l>,
    /// Where names come from.
    pub sources: &'l Sources,
    /// All modules of the recording.
    pub modules: &'l [Module],
    /// Finds their files.
    pub search: Search<'l>,
}

impl<'l> Lookup<'l> {
    /// A lookup in all places that options and trust allow.
    pub fn new(request: &'l Request<'l>, sources: &'l Sources, modules: &'l [Module]) -> Lookup<'l> {
        Lookup { request, sources, modules, search: Search::new(request, sources, modules) }
    }
}
