//! User call chains that were recorded later than their samples: kernels newer than 6.18 can take the user part of a chain on the
//! way back to user space, once for all samples of one stay in the kernel (`perf record --call-graph fp,defer`).

use hashbrown::HashMap;

use super::cursor::{ByteOrder, Cursor};
use super::sample::RawSample;

/// PERF_RECORD_CALLCHAIN_DEFERRED: cookie, number of entries, entries, then `sample_id` (include/uapi/linux/perf_event.h, 6.19).
pub const CALLCHAIN_DEFERRED: u32 = 22;
/// PERF_CONTEXT_USER_DEFERRED: the cookie follows, and is the last entry.
const USER_DEFERRED: u64 = -640i64 as u64;

/// A user call chain.
pub struct UserChain<'a> {
    /// What the samples that it belongs to carry too, unique in a thread.
    cookie: u64,
    /// Its entries, as those of a sample.
    entries: &'a [u8],
}

impl<'a> UserChain<'a> {
    /// Reads a record without its `sample_id`.
    pub fn parse(fields: &'a [u8], order: ByteOrder) -> Option<Self> {
        let mut cursor = Cursor::new(fields, order);
        let (cookie, count) = (cursor.u64()?, cursor.u64()?);
        Some(UserChain { cookie, entries: cursor.take(count.checked_mul(8)?)? })
    }
}

/// The user call chains of a recording. Their keys come from the file: a hasher with a seed, so that nobody can choose them to
/// collide.
#[derive(Default)]
pub struct UserChains<'a> {
    by_thread: HashMap<(i32, u64), &'a [u8]>,
}

impl<'a> UserChains<'a> {
    /// Adds one of a thread.
    pub fn add(&mut self, thread: i32, chain: &UserChain<'a>) {
        self.by_thread.insert((thread, chain.cookie), chain.entries);
    }

    /// Gives `sample` its user chain, if that was recorded later; without it, the sample is one that [lacks
    /// it](RawSample::lacks_user_chain).
    #[inline]
    pub fn join(&self, sample: &mut RawSample<'a>, order: ByteOrder) {
        let Some(end) = sample.chain.len().checked_sub(16) else { return };
        if order.u64_at(sample.chain, end) != Some(USER_DEFERRED) {
            return;
        }
        let cookie = order.u64_at(sample.chain, end + 8);
        let found = cookie.and_then(|cookie| self.by_thread.get(&(sample.tid, cookie)));
        sample.chain = &sample.chain[..end];
        match found {
            Some(entries) => sample.user_chain = entries,
            None => sample.lacks_user_chain = true,
        }
    }
}
