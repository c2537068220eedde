//! Overloads, as JSON: a part of several documents.

use serde::Serialize;

use crate::analyses::overloads::Overload;
use crate::model::Utc;

use super::view::{PathView, View};

#[derive(Serialize)]
pub(super) struct OverloadView<'r> {
    cpu: u32,
    start_ns: u64,
    start_at: Option<Utc>,
    end_ns: u64,
    end_at: Option<Utc>,
    duration_ns: u64,
    share: f64,
    server: Option<&'r str>,
    server_share: Option<f64>,
    softirq: Option<&'static str>,
    softirq_share: Option<f64>,
    function: Option<&'r str>,
    function_share: Option<f64>,
    path: Vec<&'r str>,
}

impl<'r> View<'r> {
    pub(super) fn overload(&self, overload: &Overload) -> OverloadView<'r> {
        let path = overload.path.as_ref().map(|path| self.path(path));
        OverloadView {
            cpu: overload.cpu,
            start_ns: overload.start_ns,
            start_at: self.at(overload.start_ns),
            end_ns: overload.end_ns,
            end_at: self.at(overload.end_ns),
            duration_ns: overload.duration_ns(),
            share: overload.share,
            server: overload.server.map(|(comm, _)| self.name(comm)),
            server_share: overload.server.map(|(_, share)| share),
            softirq: overload.softirq.map(|(softirq, _)| softirq.name()),
            softirq_share: overload.softirq.map(|(_, share)| share),
            function: overload.function.map(|(name, _)| self.name(name)),
            function_share: overload.function.map(|(_, share)| share),
            path: path.map(|PathView { path, .. }| path).unwrap_or_default(),
        }
    }

    pub(super) fn overloads(&self, overloads: &[Overload]) -> Vec<OverloadView<'r>> {
        overloads.iter().map(|overload| self.overload(overload)).collect()
    }
}
