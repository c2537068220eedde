//! What the user should know about the packets.

use crate::model::{Diagnostic, Severity};

use super::event::RECORD;

/// The notes on packets of `event`: whether it `is_complete`, with a record of every packet, and
/// whether the context of every packet is known.
pub(super) fn notes(event: &str, is_complete: bool, is_context_known: bool) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    if !is_complete {
        let message = format!(
            "{event} was sampled (-F or -c on the command line), so not each packet is in the file, and no gap can be told"
        );
        let remedy = format!("record with: {RECORD}");
        notes.push(Diagnostic::new(Severity::Warning, "sampled_event", 1, &message, &remedy));
    }
    if !is_context_known {
        let message = "in which context a task handled packets is told by call chains of the event (-g), or by system calls \
                       that were traced; the recording has neither for some";
        notes.push(Diagnostic::new(Severity::Info, "context", 1, message, &format!("record with: {RECORD}")));
    }
    notes
}
