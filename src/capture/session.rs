//! A session: events that are open, and the rings that are read.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use perf_event_open_sys::bindings::perf_event_attr;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::{Error, Result};

use super::attributes::{self, Abilities};
use super::features::RecordedEvent;
use super::options::Options;
use super::permission;
use super::records::Records;
use super::sys::{self, Ring};
use super::tracefs::Tracefs;

/// Events that are recorded, on all CPUs.
pub struct Session {
    events: Vec<OpenEvent>,
    rings: Vec<(RingOf, Ring)>,
    /// What this kernel or this machine does not have, each in a sentence.
    pub lacks: Vec<String>,
    abilities: Abilities,
}

/// One event, and what is open of it.
struct OpenEvent {
    event: Wanted,
    open: Vec<Open>,
}

/// An event on a CPU, of one thread or of all.
struct Open {
    descriptor: OwnedFd,
    cpu: u32,
    id: u64,
    /// Whether its thread has ended.
    has_ended: bool,
}

/// An event to open.
struct Wanted {
    name: String,
    attribute: perf_event_attr,
    filter: Option<CString>,
    ring: RingOf,
}

/// Which ring of its CPU an event writes into. A flood of one kind pushes out nothing of another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RingOf {
    SideBand,
    Switches,
    Samples,
    Tracepoints,
}

impl Session {
    /// Opens the events of `options` on these CPUs.
    ///
    /// # Errors
    ///
    /// If the kernel refuses; the error says what to do.
    pub fn open(options: &Options, cpus: &[u32], tracefs: Option<&Tracefs>) -> Result<Session> {
        raise_descriptor_limit();
        let Some(&first) = cpus.first() else { return Err(Error::Usage("no CPU to record".to_owned())) };
        let tids = threads(&options.pids)?;
        let tid = tids[0];
        let mut options = options.clone();
        let slower = options.limit_frequency();
        let abilities = abilities(&options, tid, first)?;
        let (wanted, mut lacks) = wanted(&options, abilities, tracefs);
        lacks.extend(slower);
        let mut session = Session { events: Vec::new(), rings: Vec::new(), lacks, abilities };
        for event in wanted {
            session.events.push(OpenEvent { event, open: Vec::new() });
        }
        for &cpu in cpus {
            session.open_cpu(cpu, &tids, &options)?;
        }
        Ok(session)
    }

    fn open_cpu(&mut self, cpu: u32, tids: &[i32], options: &Options) -> Result<()> {
        for kind in [RingOf::SideBand, RingOf::Switches, RingOf::Samples, RingOf::Tracepoints] {
            // The event of this CPU that has the ring: its place, and that of its descriptor.
            let mut owner: Option<(usize, usize)> = None;
            for at in 0..self.events.len() {
                if self.events[at].event.ring != kind {
                    continue;
                }
                for &tid in tids {
                    let event = &self.events[at].event;
                    let descriptor = match sys::open(&event.attribute, tid, cpu) {
                        Ok(descriptor) => descriptor,
                        // The thread has ended.
                        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => continue,
                        Err(error) => return Err(permission::explain(&event.name, cpu, &error)),
                    };
                    let failed = |error: io::Error| permission::explain(&event.name, cpu, &error);
                    if let Some(filter) = &event.filter {
                        sys::set_filter(&descriptor, filter).map_err(failed)?;
                    }
                    let id = sys::id(&descriptor).map_err(failed)?;
                    match owner {
                        Some((event, index)) => {
                            let owner = self.events[event].open[index].descriptor.as_fd();
                            sys::share_ring(&descriptor, owner).map_err(failed)?;
                        }
                        None => {
                            let ring = Ring::map(&descriptor, options.pages);
                            let ring =
                                ring.map_err(|error| permission::explain_ring(options.pages, &error))?;
                            self.rings.push((kind, ring));
                            owner = Some((at, self.events[at].open.len()));
                        }
                    }
                    self.events[at].open.push(Open { descriptor, cpu, id, has_ended: false });
                }
            }
        }
        Ok(())
    }

    /// The events, as a file describes them.
    pub fn recorded(&self) -> Vec<RecordedEvent> {
        let recorded = |open: &OpenEvent| RecordedEvent {
            name: open.event.name.clone(),
            attribute: sys::bytes(&open.event.attribute),
            ids: open.open.iter().map(|open| open.id).collect(),
        };
        self.events.iter().map(recorded).collect()
    }

    /// The numbers by which records name events: each with the event's place and the CPU.
    pub fn ids(&self) -> Vec<(u64, usize, u32)> {
        let events = self.events.iter().enumerate();
        events.flat_map(|(at, event)| event.open.iter().map(move |open| (open.id, at, open.cpu))).collect()
    }

    /// The formats of the tracepoints among the events.
    pub fn tracing_data(&self, tracefs: Option<&Tracefs>) -> Result<Vec<u8>> {
        let tracepoints = self.events.iter().filter(|open| open.event.ring == RingOf::Tracepoints);
        let names: Vec<&str> = tracepoints.map(|open| open.event.name.as_str()).collect();
        let Some(tracefs) = tracefs.filter(|_| !names.is_empty()) else { return Ok(Vec::new()) };
        let data = tracefs.tracing_data(&names);
        data.map_err(|error| Error::Usage(format!("the formats of tracepoints cannot be read: {error}")))
    }

    /// Whether samples are taken by a counter of cycles.
    pub fn counts_cycles(&self) -> bool {
        self.abilities.cycles
    }

    /// Whether samples have a control group.
    pub fn has_cgroups(&self) -> bool {
        self.abilities.cgroups
    }

    /// Starts to record tasks and mappings.
    pub fn start_side_band(&self) -> Result<()> {
        self.start_those(|ring| ring == RingOf::SideBand)
    }

    /// Starts all other events.
    pub fn start(&self) -> Result<()> {
        self.start_those(|ring| ring != RingOf::SideBand)
    }

    fn start_those(&self, are_such: impl Fn(RingOf) -> bool) -> Result<()> {
        let such = self.events.iter().filter(|event| are_such(event.event.ring));
        for open in such.flat_map(|event| &event.open) {
            sys::enable(&open.descriptor)
                .map_err(|error| permission::explain("an event", open.cpu, &error))?;
        }
        Ok(())
    }

    /// Stops all events.
    pub fn stop(&self) {
        // What cannot be stopped ends with this process.
        self.all().for_each(|open| drop(sys::disable(&open.descriptor)));
    }

    /// Waits until a ring is a quarter full, or `other` can be read, or for this time. Returns
    /// whether there is nothing left to record, because all threads have ended.
    pub fn wait(&mut self, other: Option<BorrowedFd>, time: Duration) -> bool {
        let open = || self.events.iter().flat_map(|event| &event.open).filter(|open| !open.has_ended);
        let each = open().map(|open| open.descriptor.as_fd()).chain(other);
        let mut each: Vec<PollFd> =
            each.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN)).collect();
        let timeout = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
        // A signal ends the wait early.
        let _ = poll(&mut each, Some(&timeout));
        let over = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        let are_over: Vec<bool> = each.iter().map(|polled| polled.revents().intersects(over)).collect();
        let all = self.events.iter_mut().flat_map(|event| &mut event.open);
        for (open, is_over) in all.filter(|open| !open.has_ended).zip(are_over) {
            open.has_ended = is_over;
        }
        self.all().all(|open| open.has_ended)
    }

    /// The rings.
    pub fn rings(&mut self) -> impl Iterator<Item = (RingOf, &mut Ring)> {
        self.rings.iter_mut().map(|(kind, ring)| (*kind, ring))
    }

    /// Records how many samples each event lost for want of room.
    pub fn lost_samples(&self, records: &mut Records) {
        if !self.abilities.lost {
            return;
        }
        for open in self.all() {
            // The value, the id, the number of lost samples (PERF_FORMAT_ID, PERF_FORMAT_LOST).
            let mut read = [0; 24];
            if rustix::io::read(&open.descriptor, &mut read) == Ok(read.len()) {
                let lost = u64::from_ne_bytes(read[16..].try_into().expect("8 bytes"));
                if lost > 0 {
                    records.lost_samples(lost, open.id, open.cpu);
                }
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Open> {
        self.events.iter().flat_map(|event| &event.open)
    }
}

/// The events to open, side band first, and what is missing.
fn wanted(options: &Options, abilities: Abilities, tracefs: Option<&Tracefs>) -> (Vec<Wanted>, Vec<String>) {
    let event = |name: &str, attribute, ring| Wanted { name: name.to_owned(), attribute, filter: None, ring };
    let mut wanted = vec![
        event(sampling_name(abilities.cycles), attributes::sampling(options, abilities), RingOf::Samples),
        event("dummy", attributes::side_band(options, abilities), RingOf::SideBand),
    ];
    if options.evidence.has_switches() {
        wanted.push(event("dummy", attributes::switches(options, abilities), RingOf::Switches));
    }
    let hidden = [permission::hidden_addresses(), permission::hidden_mappings(&options.pids)];
    let mut lacks: Vec<String> = hidden.into_iter().flatten().collect();
    let tracepoints = options.evidence.tracepoints();
    let Some(tracefs) = tracefs else {
        if !tracepoints.is_empty() {
            lacks.push("tracepoints: tracefs is not mounted, or this user may not read it: mount -t tracefs nodev /sys/kernel/tracing, or run as root or with CAP_DAC_READ_SEARCH".to_owned());
        }
        return (wanted, lacks);
    };
    for tracepoint in tracepoints {
        match tracefs.id(tracepoint.name) {
            Ok(id) => wanted.push(Wanted {
                name: tracepoint.name.to_owned(),
                attribute: attributes::tracepoint(id, options, abilities),
                filter: CString::new(tracepoint.filter).ok().filter(|filter| !filter.is_empty()),
                ring: RingOf::Tracepoints,
            }),
            Err(error) => lacks.push(format!("{}: {error}", tracepoint.name)),
        }
    }
    (wanted, lacks)
}

/// The sampling event that `options` lead to here: `cpu-clock` if the kernel refuses both.
pub fn sampling_event(options: &Options, cpu: u32) -> &'static str {
    const ALL: i32 = -1;
    sampling_name(abilities(options, ALL, cpu).is_ok_and(|abilities| abilities.cycles))
}

fn sampling_name(has_cycles: bool) -> &'static str {
    match has_cycles {
        true => "cycles",
        false => "cpu-clock",
    }
}

/// What this kernel can do: it refuses what it does not know.
fn abilities(options: &Options, tid: i32, cpu: u32) -> Result<Abilities> {
    let mut abilities = Abilities::ALL;
    loop {
        let sampling = sys::open(&attributes::sampling(options, abilities), tid, cpu);
        let side_band =
            sampling.and_then(|_| sys::open(&attributes::side_band(options, abilities), tid, cpu));
        match side_band {
            Ok(_) => return Ok(abilities),
            Err(error) => match error.raw_os_error() {
                Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV) if abilities.cycles => {
                    abilities.cycles = false;
                }
                Some(libc::EINVAL | libc::E2BIG) => match abilities.fewer() {
                    Some(fewer) => abilities = fewer,
                    None => return Err(permission::explain("samples", cpu, &error)),
                },
                _ => return Err(permission::explain("samples", cpu, &error)),
            },
        }
    }
}

/// The threads of these processes; -1, which means all, for none.
fn threads(pids: &[i32]) -> Result<Vec<i32>> {
    const ALL: i32 = -1;
    if pids.is_empty() {
        return Ok(vec![ALL]);
    }
    let mut threads = Vec::new();
    for pid in pids {
        let folder = std::fs::read_dir(format!("/proc/{pid}/task"));
        let folder = folder.map_err(|_| Error::Usage(format!("-p {pid}: there is no such process")))?;
        threads.extend(folder.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()));
    }
    if threads.is_empty() {
        return Err(Error::Usage("-p: the process has ended".to_owned()));
    }
    Ok(threads)
}

/// Each event on each CPU is a descriptor: allows as many as may be.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If it is refused, opening says so.
    let _ = setrlimit(Resource::Nofile, limit);
}
