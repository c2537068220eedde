//! Reads many recordings on several threads, each of them on one.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use anyhow::Result;
use rayon::ThreadPool;
use stallgraph::Error;
use stallgraph::analyses::check::{self, Thresholds};
use stallgraph::analyses::rows::{Found, Rows};
use stallgraph::analyses::stalls;
use stallgraph::load;

use crate::cli::progress::Progress;

use super::queue::Queue;
use super::source::Source;

/// How recordings are read and judged.
pub struct Reader {
    /// How they are loaded.
    pub loading: load::Options,
    /// Which stalls are found.
    pub stalls: stalls::Options,
}

impl Reader {
    /// The rows of a recording.
    fn rows(&self, source: &Source) -> stallgraph::Result<Rows> {
        let recording = load::load(&source.path, &self.loading, &|_, _, _| {})?;
        load::require_witnesses(&recording)?;
        let selection = &self.stalls.selection;
        let stalls = stalls::find(&recording, &self.stalls);
        let check = check::judge(&recording, &stalls, selection, &Thresholds::default());
        let found = Found { stalls: &stalls, check: &check, windows: None, selection };
        Ok(Rows::new(&recording, &found, &source.origin))
    }
}

/// The rows of a recording, or why there are none.
type Answer = Result<Rows, String>;

/// Reads all `sources` on so many threads, and hands over the rows of each in their order, so that
/// nothing depends on the number of threads.
///
/// # Errors
///
/// If the threads cannot be started.
pub fn each(
    sources: &[Source],
    reader: &Reader,
    threads: usize,
    take: impl FnMut(&Source, Answer),
) -> Result<()> {
    let threads = threads.min(sources.len());
    // Recordings are small, so that each is read by one thread. What the library spreads over
    // threads is left to a pool with only this one.
    let new = || rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pools: Result<Vec<ThreadPool>, _> = (0..threads).map(|_| new()).collect();
    let pools = pools.map_err(|error| {
        Error::Usage(format!(
            "{threads} threads cannot be started: {error}; start fewer, such as --threads 1"
        ))
    })?;
    let queue = Queue::new(sources);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for pool in &pools {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || work(queue, reader, pool, &sender));
        }
        drop(sender);
        let _end = queue.until_dropped();
        in_order(sources, &queue, &receiver, take);
    });
    Ok(())
}

/// Reads one recording after the other.
fn work<'q>(queue: &'q Queue<'q>, reader: &Reader, pool: &ThreadPool, sender: &Sender<(usize, Answer)>) {
    while let Some(one) = queue.take() {
        let rows = pool.install(|| reader.rows(one.source));
        let answer = rows.map_err(|error| error.to_string());
        if sender.send((one.number, answer)).is_err() {
            return;
        }
    }
}

/// Hands over what arrives, in the order of the sources.
fn in_order(
    sources: &[Source],
    queue: &Queue,
    receiver: &Receiver<(usize, Answer)>,
    mut take: impl FnMut(&Source, Answer),
) {
    let progress = Progress::new();
    let mut waiting: BTreeMap<usize, Answer> = BTreeMap::new();
    let mut next = 0;
    for (number, answer) in receiver {
        waiting.insert(number, answer);
        while let Some(answer) = waiting.remove(&next) {
            take(&sources[next], answer);
            next += 1;
            queue.note_added();
        }
        progress.count(next, sources.len());
    }
}
