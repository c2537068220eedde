//! Keys of chains: 64-bit hashes that identify raw chains and their stacks.
//!
//! Two things with one key count as equal. The originals are not compared, because that would touch
//! their memory for every sample. With ten million distinct chains, the chance that any two share a
//! key is below 1 in 300,000.

use linux_perf_event_reader::constants::{
    PERF_CONTEXT_KERNEL, PERF_CONTEXT_MAX, PERF_CONTEXT_USER, PERF_RECORD_MISC_CPUMODE_MASK,
    PERF_RECORD_MISC_USER,
};

use crate::ingest::{RawSample, UserPart, deferred};
use crate::model::{StackId, fold, seed};

use super::spaces::SpaceAt;

/// The starting points of hashes, one for each kind of key, so that keys of different kinds differ.
/// Digits of π.
const WHOLE: u64 = 0x243f_6a88_85a3_08d3;
const PLACE: u64 = 0x4528_21e6_38d0_1377;
const PLACED: u64 = 0x082e_fa98_ec4e_6c89;
/// The starting point of the second of two hashes that are made at the same time. Digits of π.
const SECOND: u64 = 0x1319_8a2e_0370_7344;
/// An odd number without a pattern: digits of π.
pub(super) const MULTIPLIER: u64 = 0xa409_3822_299f_31d1;

/// The key of the raw chain of a sample, which is at `position` in the file.
#[inline(always)]
pub(super) fn key_of(sample: &RawSample, cpumode: u16, position: u64) -> u64 {
    let order = sample.order;
    let cpumode = cpumode & PERF_RECORD_MISC_CPUMODE_MASK;
    let mut hash = hash_of(WHOLE ^ u64::from(cpumode), sample.chain);
    // Nearly all chains have an address. In the few that have only markers, the instruction is the
    // only frame. Where chains leave out the kernel, it is the only frame of the kernel.
    let has_address = order.u64s(sample.chain).rev().any(|entry| entry < PERF_CONTEXT_MAX);
    if sample.is_kernel_left_out || !has_address {
        hash = fold(hash ^ sample.ip, MULTIPLIER);
    }
    // The user chain was recorded later. The cookie that refers to it is unique in its thread only.
    if deferred(sample.chain, order).is_some() {
        hash = fold(hash ^ u64::from(sample.tid as u32), MULTIPLIER);
    }
    match sample.user {
        UserPart::None => {}
        UserPart::Calls(calls) => hash = hash_of(hash, calls.entries),
        // No two pieces of a stack in use are the same.
        UserPart::Dump(_) => hash = fold(hash ^ position, MULTIPLIER),
    }
    finish(hash)
}

/// The key of the kernel's part of the raw chain of a sample, and of whether user space called it;
/// and the [place](crate::model::Details::place) in user space. It is the key of the whole chain if
/// the chain is not as the kernel writes it, the user's part after the kernel's.
#[inline(always)]
pub(super) fn key_of_kernel_part(sample: &RawSample, cpumode: u16, position: u64) -> (u64, u32) {
    let order = sample.order;
    let cpumode = cpumode & PERF_RECORD_MISC_CPUMODE_MASK;
    let (mut end, mut is_usual) = (sample.chain.len(), true);
    for (at, entry) in order.u64s(sample.chain).enumerate() {
        if entry == PERF_CONTEXT_USER {
            end = 8 * (at + 1);
            break;
        }
        is_usual &= entry < PERF_CONTEXT_MAX || entry == PERF_CONTEXT_KERNEL;
    }
    let (kernel, user) = sample.chain.split_at(end);
    // A marker has the highest bit, which addresses of user space do not have.
    let all_bits = order.u64s(user).fold(0, |bits, entry| bits | entry);
    if !is_usual || all_bits >> 63 != 0 {
        // Chains of the user that were recorded later have the same cookie in one place.
        let place = match deferred(sample.chain, order) {
            Some((_, before)) => &sample.chain[before.len()..],
            None if user.is_empty() => sample.chain,
            None => user,
        };
        return (key_of(sample, cpumode, position), hash_of(PLACE, place) as u32);
    }
    let start = WHOLE ^ u64::from(cpumode) ^ u64::from(user.is_empty()) << 32;
    let mut hash = hash_of(start, kernel);
    let has_address = !user.is_empty() || order.u64s(kernel).rev().any(|entry| entry < PERF_CONTEXT_MAX);
    let mut place = if user.is_empty() { 0 } else { hash_of(PLACE, user) as u32 };
    // As for a whole chain, but where the instruction is in user space it is not read either.
    if sample.is_kernel_left_out || !has_address {
        match cpumode {
            PERF_RECORD_MISC_USER => place ^= fold(PLACE ^ seed() ^ sample.ip, MULTIPLIER) as u32,
            _ => hash = fold(hash ^ sample.ip, MULTIPLIER),
        }
    }
    (finish(hash), place)
}

/// The key of the stack of a raw chain, in the address spaces of its process and of the kernel.
pub(super) fn key_in(chain: StackId, space: SpaceAt, kernel: SpaceAt) -> u64 {
    let hash = fold(PLACED ^ seed() ^ u64::from(chain.0), MULTIPLIER);
    finish(fold(fold(hash ^ space.key(), MULTIPLIER) ^ kernel.key(), MULTIPLIER))
}

/// The hash of the bytes of entries. Each multiplication depends on the previous one, so two
/// independent chains of them run in parallel, and each takes two entries at a time.
#[inline]
fn hash_of(start: u64, entries: &[u8]) -> u64 {
    let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("8 bytes"));
    let seed = seed();
    let (mut one, mut two) = (start ^ seed ^ entries.len() as u64, SECOND ^ seed);
    // An attacker could choose entries that make a product 0 if the multiplier were not secret.
    let multiplier = fold(seed, MULTIPLIER) | 1;
    let mut blocks = entries.chunks_exact(32);
    for block in &mut blocks {
        let [a, b, c, d] = [word(&block[..8]), word(&block[8..16]), word(&block[16..24]), word(&block[24..])];
        one = fold(one ^ a, b ^ multiplier);
        two = fold(two ^ c, d ^ multiplier);
    }
    for entry in blocks.remainder().chunks_exact(8).map(word) {
        one = fold(one ^ entry, MULTIPLIER);
    }
    fold(one ^ MULTIPLIER, two ^ multiplier)
}

/// Avoids u64::MAX, which the map uses for empty slots.
fn finish(hash: u64) -> u64 {
    hash.min(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use linux_perf_event_reader::constants::{PERF_CONTEXT_KERNEL, PERF_CONTEXT_USER};

    use super::*;
    use crate::ingest::ByteOrder;

    #[test]
    fn chains_that_mean_different_things_have_different_keys() {
        let bytes =
            |entries: &[u64]| entries.iter().flat_map(|entry| entry.to_le_bytes()).collect::<Vec<u8>>();
        let key = |chain: &[u8], ip, tid, cpumode| {
            let (pid, time_ns, cpu, period, cgroup) = (1, 0, 0, None, None);
            let (order, is_kernel_left_out, user) = (ByteOrder::Little, false, UserPart::None);
            let sample = RawSample {
                ip,
                pid,
                tid,
                time_ns,
                cpu,
                period,
                chain,
                is_kernel_left_out,
                order,
                user,
                cgroup,
            };
            key_of(&sample, cpumode, 0)
        };
        let user = bytes(&[PERF_CONTEXT_USER, 1]);
        assert_eq!(key(&user, 1, 7, 2), key(&user, 2, 8, 2));
        assert_ne!(key(&user, 1, 7, 1), key(&user, 1, 7, 2));
        assert_ne!(key(&user[8..], 1, 7, 2), key(&user, 1, 7, 2));
        // Without an address the instruction is the only frame.
        assert_ne!(key(&user[..8], 1, 7, 2), key(&user[..8], 2, 7, 2));
        // The cookie after the last marker says which chain of the thread was recorded later.
        let later = bytes(&[PERF_CONTEXT_KERNEL, 3, -640i64 as u64, 99]);
        assert_ne!(key(&later, 3, 7, 1), key(&later, 3, 8, 1));
    }
}
