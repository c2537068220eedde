//! Address spaces over time: the module of an address in a process at any moment.

use std::ops::Range;

use hashbrown::HashMap;

use crate::ingest::{Map, RecordTime};
use crate::model::{Frame, Mode, Module, ModuleId};

use super::kernel_space::KernelSpace;
use super::mappings::{FOREVER, Mapping, Mappings};
use super::modules::Modules;

/// How many forks without exec an address is traced back through. Each step costs a look-up, and a
/// hostile recording could chain as many forks as it has records. Nested subshells stay far below
/// this limit.
const MAX_GENERATIONS: usize = 64;

/// The history of every address space.
#[derive(Default)]
pub(super) struct Spaces {
    spaces: Vec<Space>,
    /// The spaces of each process, each with the moment at which it begins. Keys come from the
    /// file: a hasher with a seed, so that nobody can choose them to collide.
    by_pid: HashMap<i32, Vec<(RecordTime, usize)>>,
    kernel: KernelSpace,
    modules: Modules,
}

/// The address space of a process from one fork or exec to the next.
#[derive(Default)]
struct Space {
    /// The space that it was copied from.
    parent: Option<SpaceAt>,
    mappings: Mappings,
}

/// An address space at a moment. Values for two moments are equal if nothing was mapped between
/// them, so stacks can be cached by this value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SpaceAt {
    space: u32,
    /// The number of mappings at the moment; for the kernel's space, the epoch.
    version: u32,
}

impl SpaceAt {
    /// No space is known.
    pub const NONE: SpaceAt = SpaceAt { space: u32::MAX, version: 0 };

    /// All spaces, for stacks that are the same in each of them.
    pub const ANY: SpaceAt = SpaceAt { space: u32::MAX, version: u32::MAX };

    /// The kernel's space in one of its epochs.
    fn of_kernel(epoch: u32) -> SpaceAt {
        SpaceAt { version: epoch, ..SpaceAt::NONE }
    }

    /// The epoch of the kernel's space.
    pub fn epoch(self) -> u32 {
        self.version
    }

    /// Both parts as one number.
    pub fn key(self) -> u64 {
        u64::from(self.space) << 32 | u64::from(self.version)
    }
}

/// The user code of a process at a moment.
pub struct UserSpace<'s> {
    spaces: &'s Spaces,
    at: SpaceAt,
}

impl UserSpace<'_> {
    /// A number that no other process or moment with other code has.
    pub fn key(&self) -> u64 {
        self.at.key()
    }

    /// The module of an address, and the offset in it.
    pub fn find(&self, address: u64) -> Option<(ModuleId, u64)> {
        self.spaces.resolve_user(self.at, address)
    }
}

impl Spaces {
    /// The user code of `pid` at `when`.
    pub fn user(&self, when: RecordTime, pid: i32) -> UserSpace<'_> {
        UserSpace { spaces: self, at: self.at(when, pid) }
    }

    /// All modules so far, by id.
    pub fn modules(&self) -> &[Module] {
        self.modules.list()
    }

    /// All modules so far, by id.
    pub fn modules_mut(&mut self) -> &mut [Module] {
        self.modules.list_mut()
    }

    /// A process was created: with a copy of its parent's space, or an empty one.
    pub fn fork(&mut self, when: RecordTime, pid: i32, parent_pid: Option<i32>) {
        let parent = parent_pid.map(|parent| self.at(when, parent)).filter(|parent| *parent != SpaceAt::NONE);
        self.begin(when, pid, parent);
    }

    /// A process executes a program: new mappings replace the old ones. An old mapping still counts
    /// where no new one covers it, because until the kernel has loaded the new program, which is
    /// after this record, the stack is still that of the old program.
    pub fn exec(&mut self, when: RecordTime, pid: i32) {
        self.fork(when, pid, Some(pid));
    }

    /// Code was mapped, into a process or the kernel.
    pub fn map(&mut self, when: RecordTime, map: Map) {
        if map.is_guest {
            return;
        }
        let id = self.modules.of_map(&map);
        let module = self.modules.get(id);
        let shift = if map.is_kernel {
            map.start.wrapping_neg()
        } else if module.process.is_some() {
            0
        } else {
            map.file_offset.wrapping_sub(map.start)
        };
        let (start, end) = (map.start, map.start.saturating_add(map.length));
        let mapping = Mapping { when, start, end, shift, module: id, gone: FOREVER };
        if map.is_kernel {
            self.kernel.map(mapping, module.is_kernel_proper());
            return;
        }
        let space = match self.at(when, map.pid) {
            SpaceAt::NONE => self.begin(RecordTime::default(), map.pid, None),
            current => current.space as usize,
        };
        self.spaces[space].mappings.push(mapping);
    }

    /// Code was mapped into a process. No address in it will be looked up, so only the module is
    /// kept.
    pub fn note_module(&mut self, map: &Map) {
        self.modules.of_map(map);
    }

    /// The kernel made one function of code at run time.
    pub fn make_kernel_code(&mut self, when: RecordTime, start: u64, length: u64, name: String) {
        let end = start.saturating_add(length);
        if start < end {
            let module = self.modules.of_kernel_function(name, start, length);
            self.kernel.make_code(when, start..end, module);
        }
    }

    /// The kernel freed the code that it had made at `start`.
    pub fn drop_kernel_code(&mut self, when: RecordTime, start: u64) {
        self.kernel.drop_code(when, start);
    }

    /// Adds the kernel if no record maps it: perf writes no map of the kernel if it may not read
    /// /proc/kallsyms.
    pub fn finish(&mut self) {
        let is_kernel =
            |module: ModuleId| self.modules.get(module).kernel.as_ref().is_some_and(|code| !code.is_function);
        if !self.kernel.modules().any(is_kernel) {
            self.kernel.set_unmapped(self.modules.add_unmapped_kernel());
        }
    }

    /// The kernel's space at `when`, and the moments between which it did not change.
    pub fn kernel_between(&self, when: RecordTime) -> (SpaceAt, Range<RecordTime>) {
        let (epoch, between) = self.kernel.epoch_at(when);
        (SpaceAt::of_kernel(epoch), between)
    }

    /// The space of `pid` at `when`.
    pub fn at(&self, when: RecordTime, pid: i32) -> SpaceAt {
        self.at_between(when, pid).0
    }

    /// The space of `pid` at `when`, and the moments between which neither the space nor its
    /// mappings changed.
    pub fn at_between(&self, when: RecordTime, pid: i32) -> (SpaceAt, Range<RecordTime>) {
        let Some(history) = self.by_pid.get(&pid) else {
            return (SpaceAt::NONE, RecordTime::FIRST..RecordTime::NEVER);
        };
        let after = history.partition_point(|(since, _)| *since <= when);
        let next_space = history.get(after).map_or(RecordTime::NEVER, |(since, _)| *since);
        let Some((since, space)) = after.checked_sub(1).map(|at| history[at]) else {
            return (SpaceAt::NONE, RecordTime::FIRST..next_space);
        };
        let (count, unchanged) = self.spaces[space].mappings.count_at(when);
        let between = since.max(unchanged.start)..next_space.min(unchanged.end);
        (SpaceAt { space: space as u32, version: count as u32 }, between)
    }

    /// The frame of `address` in `space`, for code of mode `mode`.
    pub fn resolve(&self, space: SpaceAt, address: u64, mode: Mode) -> Frame {
        let place = match mode {
            Mode::Kernel => self.kernel.resolve(space.epoch(), address),
            Mode::User => self.resolve_user(space, address),
            Mode::Guest | Mode::Hypervisor => None,
        };
        // An address in no known mapping has no meaning, so all such frames are one frame.
        let (module, offset) = match place {
            Some((module, offset)) => (Some(module), offset),
            None => (None, 0),
        };
        Frame { module, offset, mode }
    }

    /// All modules, by id.
    pub fn into_modules(self) -> Vec<Module> {
        self.modules.into_list()
    }

    fn begin(&mut self, when: RecordTime, pid: i32, parent: Option<SpaceAt>) -> usize {
        self.spaces.push(Space { parent, ..Space::default() });
        let space = self.spaces.len() - 1;
        self.by_pid.entry(pid).or_insert_with(|| Vec::with_capacity(1)).push((when, space));
        space
    }

    fn resolve_user(&self, mut at: SpaceAt, address: u64) -> Option<(ModuleId, u64)> {
        for _ in 0..MAX_GENERATIONS {
            let space = self.spaces.get(at.space as usize)?;
            if let Some(mapping) = space.mappings.find(address, at.version) {
                return Some(mapping.place(address));
            }
            at = space.parent?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time_ns: u64) -> RecordTime {
        RecordTime { time_ns, position: 0 }
    }

    fn map(pid: i32, start: u64, length: u64, path: &str) -> Map {
        Map {
            pid,
            is_kernel: false,
            is_guest: false,
            start,
            length,
            file_offset: 0x1000,
            inode: None,
            build_id: None,
            path: path.to_owned(),
        }
    }

    fn resolved(spaces: &mut Spaces, time_ns: u64, pid: i32, address: u64) -> Option<(String, u64)> {
        let space = spaces.at(at(time_ns), pid);
        let frame = spaces.resolve(space, address, Mode::User);
        let module = spaces.modules.get(frame.module?);
        Some((module.path.clone(), frame.offset))
    }

    #[test]
    fn the_newest_map_of_an_address_wins_from_its_time_on() {
        let mut spaces = Spaces::default();
        spaces.map(at(0), map(1, 0x10000, 0x10000, "/old (deleted)"));
        spaces.map(at(5), map(1, 0x14000, 0x1000, "/new"));
        let mut at = |time, address| resolved(&mut spaces, time, 1, address);
        assert_eq!(at(0, 0x14010), Some(("/old".to_owned(), 0x5010)));
        assert_eq!(at(5, 0x14010), Some(("/new".to_owned(), 0x1010)));
        assert_eq!(at(5, 0x15000), Some(("/old".to_owned(), 0x6000)));
        assert_eq!(at(5, 0x20000), None);
        assert_eq!(at(5, 0xffff), None);
    }

    #[test]
    fn fork_and_exec_start_from_a_copy() {
        let mut spaces = Spaces::default();
        spaces.map(at(0), map(1, 0x1000, 0x1000, "/bin/sh"));
        spaces.fork(at(10), 2, Some(1));
        spaces.map(at(20), map(1, 0x1000, 0x1000, "/later"));
        spaces.exec(at(30), 2);
        spaces.map(at(31), map(2, 0x1000, 0x800, "/bin/ls"));
        let path = |spaces: &mut Spaces, time, pid, address| {
            resolved(spaces, time, pid, address).map(|(path, _)| path)
        };
        assert_eq!(path(&mut spaces, 5, 2, 0x1800), None);
        assert_eq!(path(&mut spaces, 25, 2, 0x1800).as_deref(), Some("/bin/sh"));
        assert_eq!(path(&mut spaces, 25, 1, 0x1800).as_deref(), Some("/later"));
        assert_eq!(path(&mut spaces, 30, 2, 0x1700).as_deref(), Some("/bin/sh"));
        assert_eq!(path(&mut spaces, 31, 2, 0x1700).as_deref(), Some("/bin/ls"));
    }

    #[test]
    fn memory_without_a_file_is_its_processs_and_placed_by_address() {
        let mut spaces = Spaces::default();
        spaces.map(at(0), map(1, 0x10000, 0x1000, "//anon"));
        spaces.map(at(0), map(1, 0x20000, 0x1000, "//anon"));
        spaces.map(at(0), map(2, 0x10000, 0x1000, "//anon"));
        spaces.map(at(0), map(1, 0x30000, 0x1000, "/memfd:doublemapper (deleted)"));
        assert_eq!(resolved(&mut spaces, 0, 1, 0x10010), Some(("//anon".to_owned(), 0x10010)));
        assert_eq!(resolved(&mut spaces, 0, 1, 0x30010), Some(("/memfd:doublemapper".to_owned(), 0x30010)));
        let processes: Vec<_> = spaces.into_modules().iter().map(|module| module.process).collect();
        assert_eq!(processes, [Some(1), Some(2), Some(1)]);
    }

    #[test]
    fn code_that_the_kernel_made_is_what_it_was_at_the_time() {
        let mut spaces = Spaces::default();
        spaces.make_kernel_code(at(0), 0x1000, 0x100, "one".to_owned());
        spaces.drop_kernel_code(at(10), 0x1000);
        spaces.make_kernel_code(at(20), 0x1000, 0x80, "two".to_owned());
        // The record that unregistered "two" was lost.
        spaces.make_kernel_code(at(30), 0x1040, 0x80, "three".to_owned());
        spaces.drop_kernel_code(at(40), 0x1000);
        spaces.drop_kernel_code(at(50), 0x1040);
        spaces.make_kernel_code(at(60), 0x1000, 0, "empty".to_owned());
        let name = |time_ns, address| {
            let (space, between) = spaces.kernel_between(at(time_ns));
            assert!(between.contains(&at(time_ns)));
            let frame = spaces.resolve(space, address, Mode::Kernel);
            frame.module.map(|module| (spaces.modules.get(module).path.as_str(), frame.offset))
        };
        assert_eq!(name(5, 0x1050), Some(("one", 0x50)));
        assert_eq!(name(12, 0x1050), None);
        assert_eq!(name(25, 0x10f0), None);
        assert_eq!(name(25, 0x1050), Some(("two", 0x50)));
        assert_eq!(name(35, 0x1050), Some(("three", 0x10)));
        assert_eq!(name(35, 0x1010), None);
        assert_eq!(name(55, 0x1050), None);
    }
}
