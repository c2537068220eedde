//! User call chains that were recorded later than their samples.
//!
//! Kernels newer than 6.18 can walk the user stack when a thread returns to user space, once for
//! all samples since it entered the kernel (`perf record --call-graph fp,defer`).

use hashbrown::HashMap;

use super::cursor::{ByteOrder, Cursor};

/// PERF_RECORD_CALLCHAIN_DEFERRED: cookie, number of entries, entries, then `sample_id`
/// (include/uapi/linux/perf_event.h, 6.19).
pub const CALLCHAIN_DEFERRED: u32 = 22;
/// PERF_CONTEXT_USER_DEFERRED: the cookie follows as the last entry.
const USER_DEFERRED: u64 = -640i64 as u64;

/// A user call chain.
pub struct UserChain<'a> {
    /// The cookie in the samples that it belongs to, unique in a thread.
    cookie: u64,
    /// Its entries, as in a sample.
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

/// The user call chains of a recording. Cookies come from the file. The hasher has a random seed,
/// so nobody can choose cookies that collide.
#[derive(Default)]
pub struct UserChains {
    by_thread: HashMap<(i32, u64), Box<[u8]>>,
}

impl UserChains {
    /// Adds a call chain of `thread`.
    pub fn add(&mut self, thread: i32, chain: &UserChain) {
        self.by_thread.insert((thread, chain.cookie), chain.entries.into());
    }

    /// The entries of the chain with this cookie in `thread`, if it was recorded.
    pub fn find(&self, thread: i32, cookie: u64) -> Option<&[u8]> {
        self.by_thread.get(&(thread, cookie)).map(AsRef::as_ref)
    }
}

/// If the user part of a sample's call chain was recorded later: its cookie, and the entries before
/// the cookie.
#[inline]
pub fn deferred(chain: &[u8], order: ByteOrder) -> Option<(u64, &[u8])> {
    let end = chain.len().checked_sub(16)?;
    if order.u64_at(chain, end) != Some(USER_DEFERRED) {
        return None;
    }
    Some((order.u64_at(chain, end + 8)?, &chain[..end]))
}
