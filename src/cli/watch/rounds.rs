//! Work that is done again and again in a thread of its own, so that a slow disk holds up nothing
//! else.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;

/// The thread.
pub struct Rounds {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Rounds {
    /// Starts a thread that does `work` each time that `every` is over.
    pub fn start(name: &str, every: Duration, mut work: impl FnMut() + Send + 'static) -> Result<Rounds> {
        let (end, ended) = channel();
        let run = move || {
            let mut is_over = false;
            while !is_over {
                is_over = ended.recv_timeout(every) != Err(RecvTimeoutError::Timeout);
                work();
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Rounds { end, thread })
    }

    /// Does the work for the last time.
    pub fn close(self) {
        drop(self.end);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
}
