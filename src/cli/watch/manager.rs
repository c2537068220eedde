//! What systemd is told, where it started this program (sd_notify(3)).

use std::cell::Cell;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// The service manager.
pub struct Manager {
    /// How often it wants to hear of this program, if it does.
    every: Option<Duration>,
    last: Cell<Instant>,
}

impl Manager {
    /// Tells it that this program is ready.
    pub fn ready() -> Manager {
        tell(NotifyState::Ready);
        // sd_watchdog_enabled(3) recommends half of the time.
        Manager { every: sd_notify::watchdog_enabled().map(|time| time / 2), last: Cell::new(Instant::now()) }
    }

    /// Tells it that this program is alive, if it is time.
    pub fn is_alive(&self) {
        if self.every.is_some_and(|every| self.last.get().elapsed() >= every) {
            tell(NotifyState::Watchdog);
            self.last.set(Instant::now());
        }
    }

    /// Tells it that this program is about to end.
    pub fn stopping(&self) {
        tell(NotifyState::Stopping);
    }
}

/// If there is no manager, nothing is told.
fn tell(state: NotifyState) {
    let _ = sd_notify::notify(&[state]);
}
