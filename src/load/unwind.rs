//! The unwinding stage: user stacks from the registers and the pieces of stack that were recorded
//! with samples, after the walk and before stacks are resolved.

use std::sync::{Mutex, MutexGuard, PoisonError};

use linux_perf_event_reader::constants::{PERF_CONTEXT_MAX, PERF_CONTEXT_USER};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::ingest::{ByteOrder, RawSample, RecordTime, SampleReader, Source, UserDump, UserPart};
use crate::model::{About, Module, ModuleId, StackEnd, Unwinding};
use crate::state::{State, UnwoundStacks, UserSpace};
use crate::symbols::{Code, Machine, Piece, Registers, Request, StackWorker, TableFiles, Unwinder};

use super::job::Job;
use super::samples::CollectedPart;

/// Raw chains that a thread unwinds before it takes the next ones.
const CHUNK: usize = 256;

impl Code for UserSpace<'_> {
    fn key(&self) -> u64 {
        UserSpace::key(self)
    }

    fn at(&self, address: u64) -> Option<(ModuleId, u64)> {
        self.find(address)
    }
}

/// What the stage reads.
pub(super) struct Recorded<'r, 'a> {
    /// The code at each address of a process, at any time.
    pub state: &'r State,
    /// The records.
    pub source: &'r Source<'a>,
    /// Decodes them.
    pub reader: &'r SampleReader<'r>,
    /// What the recording says about itself.
    pub about: &'r About,
}

/// Unwinds the user stacks of all raw chains of `parts`; `None` if those of this machine cannot be
/// unwound.
///
/// # Errors
///
/// If a folder or archive that an option names cannot be used.
pub(super) fn unwind(
    parts: &mut [CollectedPart],
    recorded: &Recorded,
    modules: &[Module],
    job: &Job,
) -> Result<Option<Unwinding>> {
    let is_little = recorded.source.header.order == ByteOrder::Little;
    let machine = match &recorded.about.arch {
        _ if !is_little => None,
        Some(arch) => Machine::named(arch),
        None => Machine::with_registers(recorded.reader.user_registers()),
    };
    let Some(machine) = machine else { return Ok(None) };
    let memory = |packed| job.memory_for_unpacking(packed);
    let budget = job.memory_for_names();
    let request = Request {
        recording: job.path,
        about: recorded.about,
        kernel_build_id: None,
        frames: &[],
        callers: &[],
        pack: job.pack,
        gatherer: job.gatherer,
        archive: job.archive,
        memory: &memory,
        budget: &budget,
        seen: None,
    };
    // Each attempt opens the files anew. Those of a pack stay in memory from their second use on,
    // which counts: what the first attempt has used would leave less room for the second.
    let mut attempt = |is_parallel| {
        let files = TableFiles::new(&request, &job.options.sources, modules)?;
        let read = |module| files.read(module, machine);
        let unwinder = Unwinder::new(machine, modules.len(), &read, &budget);
        let mut unwinding = unwind_all(parts, recorded, &unwinder, is_parallel);
        unwinding.lacking = unwinder.lacking().collect();
        Ok::<_, Error>(unwinding)
    };
    let mut unwinding = attempt(true)?;
    if budget.is_exceeded() {
        // What was left out depended on the order in which threads asked for memory. In the order
        // of the file, one after the other, the result is always the same.
        request.start_again();
        unwinding = attempt(false)?;
    }
    unwinding.is_over_budget = budget.is_exceeded();
    Ok(Some(unwinding))
}

fn unwind_all(
    parts: &mut [CollectedPart],
    recorded: &Recorded,
    unwinder: &Unwinder,
    is_parallel: bool,
) -> Unwinding {
    let workers = Mutex::new(Vec::new());
    let mut unwinding = Unwinding::default();
    if !is_parallel {
        // Chains have their numbers in another order, which depends on how the file was divided.
        let mut positions: Vec<u64> =
            parts.iter_mut().flat_map(|part| part.collector.chains().to_vec()).collect();
        positions.sort_unstable();
        let mut worker = unwinder.worker();
        unwind_chunk(&mut worker, recorded, &positions);
        lock(&workers).push(worker);
    }
    for part in parts {
        let chunk = |positions: &[u64]| {
            let spare = lock(&workers).pop();
            let mut worker = spare.unwrap_or_else(|| unwinder.worker());
            let result = unwind_chunk(&mut worker, recorded, positions);
            lock(&workers).push(worker);
            result
        };
        let chains = part.collector.chains();
        let chunks: Vec<(UnwoundStacks, Unwinding)> = match is_parallel {
            true => chains.par_chunks(CHUNK).map(chunk).collect(),
            false => chains.chunks(CHUNK).map(chunk).collect(),
        };
        let mut unwound = UnwoundStacks::default();
        for (stacks, counted) in chunks {
            unwound.append(stacks);
            unwinding.add(counted);
        }
        part.collector.set_unwound(unwound);
    }
    unwinding
}

fn lock<T>(pool: &Mutex<T>) -> MutexGuard<'_, T> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The user stacks of the raw chains with records at these positions.
fn unwind_chunk(
    worker: &mut StackWorker,
    recorded: &Recorded,
    positions: &[u64],
) -> (UnwoundStacks, Unwinding) {
    let (mut unwound, mut unwinding) = (UnwoundStacks::default(), Unwinding::default());
    let (mut buffer, mut addresses) = (Vec::new(), Vec::new());
    let order = recorded.source.header.order;
    for &position in positions {
        addresses.clear();
        let mut is_cut = false;
        if let Some((sample, _)) = recorded.source.sample_at(position, recorded.reader, &mut buffer)
            && let UserPart::Dump(dump) = sample.user
        {
            let when = RecordTime { time_ns: sample.time_ns, position };
            let end = match dump.decode(order) {
                Some(dump) => {
                    let code = recorded.state.user_space(when, sample.pid);
                    unwind_dump(worker, &dump, &code, &mut addresses)
                }
                None => (StackEnd::Damaged, None),
            };
            is_cut = end.0 != StackEnd::Root;
            if is_cut {
                addresses.extend(further_callers(&sample, &addresses));
            }
            *unwinding.ends.entry(end).or_default() += 1;
        }
        unwound.push(&addresses, is_cut, order);
    }
    (unwound, unwinding)
}

/// Appends the addresses of the frames of a dump, and returns how they end.
fn unwind_dump(
    worker: &mut StackWorker,
    dump: &UserDump,
    code: &UserSpace,
    addresses: &mut Vec<u64>,
) -> (StackEnd, Option<ModuleId>) {
    let registers = Registers::recorded(worker.machine(), |number| dump.register(number));
    let Some(registers) = registers.filter(|_| dump.is_64_bit()) else {
        return (StackEnd::OtherRegisters, None);
    };
    let piece = Piece { bytes: dump.stack, is_whole: dump.is_whole };
    worker.unwind(registers, piece, code, addresses)
}

/// The callers of the last frame that was unwound, if the kernel recorded them too: it follows
/// frame pointers through the whole stack, and not through a piece of it. Only if both have as many
/// frames up to there, so that no frame of a recursion is counted twice.
fn further_callers(sample: &RawSample, unwound: &[u64]) -> Vec<u64> {
    let entries = sample.order.u64s(sample.chain);
    let user = entries.skip_while(|entry| *entry != PERF_CONTEXT_USER).skip(1);
    let user = user.take_while(|entry| *entry < PERF_CONTEXT_MAX);
    // The kernel has return addresses, and the innermost frame's as it is.
    let last = match unwound {
        [] => return Vec::new(),
        [only] => *only,
        [.., last] => last.wrapping_add(1),
    };
    let mut callers = user.skip(unwound.len() - 1);
    match callers.next() == Some(last) {
        true => callers.map(|caller| caller.wrapping_sub(1)).collect(),
        false => Vec::new(),
    }
}
