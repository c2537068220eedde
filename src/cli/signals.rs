//! Signals. One that ends the program first removes the temporary files of results that are
//! being written. The first Ctrl-C while a stream is read ends only what writes the stream.
//!
//! A thread waits for the signals, so that what they do is ordinary code. It watches no signal that
//! was ignored when the program started, as SIGHUP is under `nohup`. `record` and `watch` are ended
//! by SIGINT even then.

use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use rustix::fs::AtFlags;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// A file that has only a temporary name.
#[derive(Clone)]
pub struct Temporary {
    /// The folder that it is in.
    pub folder: Arc<OwnedFd>,
    /// Its name there.
    pub name: OsString,
}

/// What a signal finds. The lock is held while a temporary file is made, renamed or removed, so a
/// signal comes before or after that.
pub struct State {
    /// The temporary files to remove: one for each result that is being written.
    pub temporaries: Vec<Temporary>,
    /// Whether the next SIGINT does not end the program.
    survives_interrupt: bool,
    /// Set by the next signal that would end the program, which does not.
    noted: Option<Arc<AtomicBool>>,
    /// Set by SIGHUP, which does not end the program then.
    hang_up: Option<Arc<AtomicBool>>,
}

impl State {
    /// Removes all temporary files.
    fn remove_temporaries(&mut self) {
        self.temporaries.drain(..).for_each(|temporary| temporary.remove());
    }

    /// Removes a temporary file, unless it has been renamed.
    pub fn remove(&mut self, temporary: &Temporary) {
        if self.forget(temporary) {
            temporary.remove();
        }
    }

    /// Leaves a temporary file to be. Returns whether it was one.
    pub fn forget(&mut self, temporary: &Temporary) -> bool {
        let before = self.temporaries.len();
        self.temporaries.retain(|other| other.name != temporary.name);
        self.temporaries.len() < before
    }
}

impl Temporary {
    fn remove(&self) {
        let _ = rustix::fs::unlinkat(&self.folder, &self.name, AtFlags::empty());
    }
}

static STATE: Mutex<State> =
    Mutex::new(State { temporaries: Vec::new(), survives_interrupt: false, noted: None, hang_up: None });

/// Keeps signals waiting while the result lives.
pub fn hold() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all temporary files, unless somebody is at work on one.
pub fn remove_temporaries() {
    if let Ok(mut state) = STATE.try_lock() {
        state.remove_temporaries();
    }
}

/// Lets a panic in any thread remove the temporary files: where panics abort, as in the release
/// profile, nothing else does.
pub fn remove_temporaries_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        remove_temporaries();
    }));
}

/// Watches signals from now on, but for those that are ignored. If the system refuses, they end the
/// program as ever.
pub fn watch() {
    start(ignored());
}

/// Watches signals from now on, but for these: one bit each, from bit 0 for signal 1.
fn start(ignored: u64) {
    static START: Once = Once::new();
    START.call_once(|| {
        let ending = [SIGHUP, SIGINT, SIGQUIT, SIGTERM].into_iter();
        let Ok(mut signals) = Signals::new(ending.filter(|signal| ignored & (1 << (signal - 1)) == 0)) else {
            return;
        };
        // With a handler, a write beyond the limit of a file's size is an error like a full disk.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
        let wait = move || signals.forever().for_each(receive);
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(wait);
    });
}

fn receive(signal: i32) {
    let mut state = hold();
    if signal == SIGINT && std::mem::take(&mut state.survives_interrupt) {
        return;
    }
    if signal == SIGHUP
        && let Some(hang_up) = &state.hang_up
    {
        hang_up.store(true, Ordering::Relaxed);
        return;
    }
    if let Some(noted) = state.noted.take() {
        noted.store(true, Ordering::Relaxed);
        return;
    }
    state.remove_temporaries();
    let _ = emulate_default_handler(signal);
}

/// Notes the first signal that would end the program: the program ends by itself then. The second
/// signal ends it. SIGINT counts even if it was ignored: the shell of a script ignores it for
/// commands in the background. Scripts end perf by SIGINT, which perf handles even so.
pub fn note_end() -> Arc<AtomicBool> {
    let noted = Arc::new(AtomicBool::new(false));
    hold().noted = Some(Arc::clone(&noted));
    start(ignored() & !(1 << (SIGINT - 1)));
    noted
}

/// Notes SIGHUP, which ends the program no longer.
pub fn note_hangup() -> Arc<AtomicBool> {
    let noted = Arc::new(AtomicBool::new(false));
    hold().hang_up = Some(Arc::clone(&noted));
    watch();
    noted
}

/// The signals that are ignored, one bit each, from bit 0 for signal 1.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// While this lives, the first SIGINT is only noted: it reaches all programs of a pipeline. perf
/// ends its stream, and this program must read on to that end to say anything. The second SIGINT,
/// and each one after this, ends the program.
pub struct FirstInterrupt(());

impl FirstInterrupt {
    /// Notes the first SIGINT from now on.
    pub fn survive() -> Self {
        hold().survives_interrupt = true;
        watch();
        FirstInterrupt(())
    }
}

impl Drop for FirstInterrupt {
    fn drop(&mut self) {
        hold().survives_interrupt = false;
    }
}
