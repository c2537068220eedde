//! Ctrl-C while a stream is read. It reaches all programs of a pipeline: perf ends its stream, and
//! this program must read on to that end to say anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// While this lives, the first SIGINT is only noted. The second, and each one after this, ends the
/// program as if nothing handled it.
pub struct FirstInterrupt {
    is_over: Arc<AtomicBool>,
}

impl FirstInterrupt {
    /// Notes the first SIGINT from now on. If the system refuses, it ends the program as ever.
    pub fn survive() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        // The actions run in this order, so the first SIGINT finds that it is not over yet.
        let ends = flag::register_conditional_default(SIGINT, Arc::clone(&is_over));
        let _ = ends.and_then(|_| flag::register(SIGINT, Arc::clone(&is_over)));
        FirstInterrupt { is_over }
    }
}

impl Drop for FirstInterrupt {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
