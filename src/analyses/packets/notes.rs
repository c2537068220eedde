//! What the user should know about the packets.

use crate::model::{Diagnostic, Event, Severity};

use super::event::RECORD;

/// The notes on packets of `event`: whether it has a record of every packet, and whether the
/// context of every packet is known.
pub(super) fn notes(event: &Event, is_context_known: bool) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let name = &event.name;
    let sampled = if event.has_each_occurrence() {
        None
    } else if event.is_perhaps_sampled {
        Some((
            format!("whether {name} was sampled is not printed, so no gap can be told"),
            "print it: perf script --header".to_owned(),
        ))
    } else {
        Some((
            format!(
                "{name} was sampled (-F or -c on the command line), so not each packet is in the file, and no gap can be told"
            ),
            format!("record with: {RECORD}"),
        ))
    };
    if let Some((message, remedy)) = sampled {
        notes.push(Diagnostic::new(Severity::Warning, "sampled_event", 1, &message, &remedy));
    }
    if !is_context_known {
        let message = "in which context a task handled packets is told by call chains of the event (-g), or by system calls \
                       that were traced; the recording has neither for some";
        notes.push(Diagnostic::new(Severity::Info, "context", 1, message, &format!("record with: {RECORD}")));
    }
    notes
}
