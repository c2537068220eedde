//! Address spaces over time: which module an address belonged to, in which process, at which moment.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::ingest::{Map, When};
use crate::model::{Frame, KernelCode, Mode, Module, ModuleId, Segment, Symbols};

/// How many forks without exec an address is traced back through. Each step costs a look-up, and a hostile recording could
/// chain as many as it has records; a shell's subshells of subshells stay far below.
const MAX_GENERATIONS: usize = 64;

/// The history of every address space, and the kernel's.
#[derive(Default)]
pub struct Spaces {
    spaces: Vec<Space>,
    by_pid: FxHashMap<i32, Vec<(When, usize)>>,
    kernel: Space,
    /// The first of its maps that is of the kernel proper.
    kernel_proper: Option<usize>,
    /// The code that the kernel made and has not let go of: first address, end, and which of the kernel's maps it is.
    made: BTreeMap<u64, (u64, usize)>,
    epochs: Vec<Epoch>,
    modules: Vec<Module>,
    /// Keys come from the file: a hasher with a seed, so that nobody can choose them to collide.
    module_ids: hashbrown::HashMap<OwnKey, ModuleId>,
    /// The module of kernel addresses in a recording that has no map of the kernel.
    unmapped_kernel: Option<ModuleId>,
}

/// What tells modules apart.
#[derive(PartialEq, Eq, Hash)]
struct ModuleKey<P, B> {
    path: P,
    build_id: Option<B>,
    inode: Option<(u32, u32, u64)>,
    /// The start of kernel code.
    kernel_start: Option<u64>,
    /// The process of memory without a file.
    process: Option<i32>,
}

/// A key as it is stored.
type OwnKey = ModuleKey<String, Vec<u8>>;
/// A key that is looked up.
type KeyRef<'k> = ModuleKey<&'k str, &'k [u8]>;

impl hashbrown::Equivalent<OwnKey> for KeyRef<'_> {
    fn equivalent(&self, own: &OwnKey) -> bool {
        let ModuleKey { path, build_id, inode, kernel_start, process } = own;
        (self.path, self.build_id) == (path, build_id.as_deref())
            && (self.inode, self.kernel_start, self.process) == (*inode, *kernel_start, *process)
    }
}

/// The address space of a process from one fork or exec to the next.
#[derive(Default)]
struct Space {
    /// The space it was copied from, at that time.
    parent: Option<SpaceAt>,
    /// In time order.
    maps: Vec<PlacedMap>,
    /// Made when it is first asked: most processes are never sampled.
    index: OnceLock<MapIndex>,
}

/// What the kernel's addresses mean changes when it makes code and when it lets go of it. So its time is cut into epochs in each of which
/// an address has one meaning. The first begins with the recording; each of these ends the one before it.
struct Epoch {
    since: When,
    /// How many of the kernel's maps there were in the epoch before this one.
    maps_before: usize,
}

/// The end of maps that stay.
const FOREVER: u32 = u32::MAX;

struct PlacedMap {
    when: When,
    start: u64,
    end: u64,
    /// Added to an address to make it an offset in the module.
    shift: u64,
    module: ModuleId,
    is_kernel_proper: bool,
    /// The first epoch of the kernel in which it is no longer there.
    gone: u32,
}

/// An address space at a moment. Two moments between which nothing was mapped are equal, so stacks can be cached by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SpaceAt {
    space: u32,
    /// How many of its maps were there.
    maps: u32,
}

impl SpaceAt {
    /// No space is known.
    pub const NONE: SpaceAt = SpaceAt { space: u32::MAX, maps: 0 };

    /// All spaces: what is the same in each of them.
    pub const ANY: SpaceAt = SpaceAt { space: u32::MAX, maps: u32::MAX };

    /// Of the kernel's space: which of its epochs.
    pub fn epoch(self) -> u32 {
        self.maps
    }

    /// One number for both parts.
    pub fn key(self) -> u64 {
        u64::from(self.space) << 32 | u64::from(self.maps)
    }
}

impl Spaces {
    /// A process was created: a copy of its parent's space, or an empty one.
    pub fn fork(&mut self, when: When, pid: i32, parent_pid: Option<i32>) {
        let parent = parent_pid.map(|parent| self.at(when, parent)).filter(|parent| *parent != SpaceAt::NONE);
        self.begin(when, pid, parent);
    }

    /// A process executes a program: new mappings take the old ones' place. The old ones still count where no new one lies,
    /// since the stack stays that of the old program until the kernel has loaded the new one, after this record.
    pub fn exec(&mut self, when: When, pid: i32) {
        self.fork(when, pid, Some(pid));
    }

    /// Code was mapped, into a process or the kernel.
    pub fn map(&mut self, when: When, map: Map) {
        if map.is_guest {
            return;
        }
        let module = self.intern_module(&map);
        let shift = if map.is_kernel {
            map.start.wrapping_neg()
        } else if self.modules[module.index()].process.is_some() {
            0
        } else {
            map.file_offset.wrapping_sub(map.start)
        };
        let placed = PlacedMap {
            when,
            start: map.start,
            end: map.start.saturating_add(map.length),
            shift,
            module,
            is_kernel_proper: self.modules[module.index()].is_kernel_proper(),
            gone: FOREVER,
        };
        if map.is_kernel {
            if placed.is_kernel_proper {
                self.kernel_proper.get_or_insert(self.kernel.maps.len());
            }
            self.kernel.maps.push(placed);
        } else {
            let space = match self.at(when, map.pid) {
                SpaceAt::NONE => self.begin(When::default(), map.pid, None),
                known => known.space as usize,
            };
            self.modules[placed.module.index()].mapped_by = Some(map.pid);
            self.spaces[space].maps.push(placed);
        }
    }

    /// The kernel made code, which is one function.
    pub fn make_kernel_code(&mut self, when: When, start: u64, length: u64, name: String) {
        let end = start.saturating_add(length);
        if start == end {
            return;
        }
        // That the kernel let go of what was there before was lost.
        let overlapped = |(at, (end, _)): (&u64, &(u64, usize))| (*end > start).then_some(*at);
        while let Some(before) = self.made.range(..end).next_back().and_then(overlapped) {
            self.drop_kernel_code(when, before);
        }
        let path = name.clone();
        let key = ModuleKey { path, build_id: None, inode: None, kernel_start: Some(start), process: None };
        let modules = &mut self.modules;
        let module = *self.module_ids.entry(key).or_insert_with(|| {
            modules.push(Module {
                path: name,
                build_id: None,
                inode: None,
                kernel: Some(KernelCode { start, length, is_function: true, reference: None }),
                mapped_by: None,
                segment: None,
                process: None,
                symbols: Symbols::default(),
            });
            ModuleId::from_index(modules.len() - 1)
        });
        // Those that were there when the recording began have no time.
        if when.time_ns > 0 {
            self.begin_epoch(when);
        }
        self.made.insert(start, (end, self.kernel.maps.len()));
        let shift = start.wrapping_neg();
        self.kernel.maps.push(PlacedMap {
            when,
            start,
            end,
            shift,
            module,
            is_kernel_proper: false,
            gone: FOREVER,
        });
    }

    /// The kernel let go of the code that it made at `start`.
    pub fn drop_kernel_code(&mut self, when: When, start: u64) {
        let Some((_, map)) = self.made.remove(&start) else { return };
        self.begin_epoch(when);
        self.kernel.maps[map].gone = self.epochs.len() as u32;
    }

    fn begin_epoch(&mut self, when: When) {
        self.epochs.push(Epoch { since: when, maps_before: self.kernel.maps.len() });
    }

    /// The kernel's space at `when`, and the moments between which it was that one.
    pub fn kernel_between(&self, when: When) -> (SpaceAt, Range<When>) {
        let epoch = self.epochs.partition_point(|epoch| epoch.since <= when);
        let since = epoch.checked_sub(1).map_or(When::FIRST, |last| self.epochs[last].since);
        let until = self.epochs.get(epoch).map_or(When::NEVER, |next| next.since);
        (SpaceAt { maps: epoch as u32, ..SpaceAt::NONE }, since..until)
    }

    /// The space of `pid` at `when`.
    pub fn at(&self, when: When, pid: i32) -> SpaceAt {
        self.at_between(when, pid).0
    }

    /// The space of `pid` at `when`, and the moments between which it was that one and held the same.
    pub fn at_between(&self, when: When, pid: i32) -> (SpaceAt, Range<When>) {
        let Some(history) = self.by_pid.get(&pid) else {
            return (SpaceAt::NONE, When::FIRST..When::NEVER);
        };
        let after = history.partition_point(|(since, _)| *since <= when);
        let next_space = history.get(after).map_or(When::NEVER, |(since, _)| *since);
        let Some((since, space)) = after.checked_sub(1).map(|at| history[at]) else {
            return (SpaceAt::NONE, When::FIRST..next_space);
        };
        let maps = &self.spaces[space].maps;
        let known = maps.partition_point(|map| map.when <= when);
        let next_map = maps.get(known).map_or(When::NEVER, |map| map.when);
        let last_map = known.checked_sub(1).map_or(When::FIRST, |last| maps[last].when);
        let between = since.max(last_map)..next_space.min(next_map);
        (SpaceAt { space: space as u32, maps: known as u32 }, between)
    }

    /// What `address` was in `space`, for code of mode `mode`.
    pub fn resolve(&self, space: SpaceAt, address: u64, mode: Mode) -> Frame {
        let found = match mode {
            Mode::Kernel => self.resolve_kernel(space.maps, address),
            Mode::User => self.resolve_user(space, address),
            Mode::Guest | Mode::Hypervisor => None,
        };
        // A bare address says nothing once nobody knows what was there; all such frames are one.
        let (module, offset) = match found {
            Some((module, offset)) => (Some(module), offset),
            None => (None, 0),
        };
        Frame { module, offset, mode }
    }

    /// All modules, by id.
    pub fn into_modules(self) -> Vec<Module> {
        self.modules
    }

    fn begin(&mut self, when: When, pid: i32, parent: Option<SpaceAt>) -> usize {
        self.spaces.push(Space { parent, ..Space::default() });
        let space = self.spaces.len() - 1;
        self.by_pid.entry(pid).or_default().push((when, space));
        space
    }

    fn resolve_user(&self, mut at: SpaceAt, address: u64) -> Option<(ModuleId, u64)> {
        for _ in 0..MAX_GENERATIONS {
            let space = self.spaces.get(at.space as usize)?;
            if let Some(map) = space.find(address, at.maps) {
                return Some((map.module, address.wrapping_add(map.shift)));
            }
            at = space.parent?;
        }
        None
    }

    fn resolve_kernel(&self, epoch: u32, address: u64) -> Option<(ModuleId, u64)> {
        let known = self.epochs.get(epoch as usize).map_or(u32::MAX, |next| next.maps_before as u32);
        let found = self.kernel.find(address, known).filter(|map| epoch < map.gone);
        if let Some(map) = found {
            return Some((map.module, address.wrapping_add(map.shift)));
        }
        if let Some(kernel) = self.unmapped_kernel {
            return Some((kernel, address));
        }
        // The kernel's map ends at _etext; the code that ran at boot lies behind it and is on the stack of CPU 0's idle task.
        let proper = &self.kernel.maps[self.kernel_proper?];
        (address >= proper.start).then(|| (proper.module, address.wrapping_add(proper.shift)))
    }

    /// Puts in what no record tells: perf writes no map of the kernel when it may not read /proc/kallsyms.
    pub fn finish(&mut self) {
        let is_mapped = |map: &PlacedMap| {
            self.modules[map.module.index()].kernel.as_ref().is_some_and(|code| !code.is_function)
        };
        if self.kernel.maps.iter().any(is_mapped) {
            return;
        }
        let module = Module {
            path: Module::KERNEL.to_owned(),
            build_id: None,
            inode: None,
            kernel: Some(KernelCode { start: 0, length: 0, is_function: false, reference: None }),
            mapped_by: None,
            segment: None,
            process: None,
            symbols: Symbols::default(),
        };
        self.unmapped_kernel = Some(ModuleId::from_index(self.modules.len()));
        self.modules.push(module);
    }

    fn intern_module(&mut self, map: &Map) -> ModuleId {
        let (path, reference) = split_reference(map);
        let is_memory = !map.is_kernel && map.build_id.is_none() && Module::memory_name(path).is_some();
        let process = is_memory.then_some(map.pid);
        let kernel_start = map.is_kernel.then_some(map.start);
        let inode = map.inode;
        // Most maps are of a few files: nothing is copied for those that are known.
        let key = KeyRef { path, build_id: map.build_id.as_deref(), inode, kernel_start, process };
        let is_file = !map.is_kernel && !is_memory;
        let segment = is_file.then_some(Segment { offset: map.file_offset, length: map.length });
        if let Some(&id) = self.module_ids.get(&key) {
            let known = &mut self.modules[id.index()].segment;
            *known = known.filter(|known| Some(*known) == segment);
            return id;
        }
        let id = ModuleId::from_index(self.modules.len());
        let (path, build_id) = (path.to_owned(), map.build_id.clone());
        self.modules.push(Module {
            path: path.clone(),
            build_id: build_id.clone(),
            inode,
            kernel: map.is_kernel.then_some(KernelCode {
                start: map.start,
                length: map.length,
                is_function: false,
                reference,
            }),
            mapped_by: None,
            segment,
            process,
            symbols: Symbols::default(),
        });
        self.module_ids.insert(ModuleKey { path, build_id, inode, kernel_start, process }, id);
        id
    }
}

/// The kernel proper, and what perf calls it when it was told to use a vmlinux.
const KERNELS: [&str; 2] = [Module::KERNEL, "[kernel.vmlinux]"];

/// The module's path as shown, and for the kernel proper (`[kernel.kallsyms]_text`) its reference symbol.
fn split_reference(map: &Map) -> (&str, Option<(String, u64)>) {
    let path = map.path.strip_suffix(" (deleted)").unwrap_or(&map.path);
    for kernel in KERNELS {
        if let Some(symbol) = path.strip_prefix(kernel).filter(|_| map.is_kernel) {
            let reference = (!symbol.is_empty()).then(|| (symbol.to_owned(), map.file_offset));
            return (Module::KERNEL, reference);
        }
    }
    (path, None)
}

impl Space {
    /// The newest of the first `known` maps that covers `address`.
    fn find(&self, address: u64, known: u32) -> Option<&PlacedMap> {
        // Most processes have so few that to look at each is less work than to index them, and takes no memory.
        const FEW: usize = 32;
        if self.maps.len() <= FEW {
            let known = self.maps.iter().take(known as usize);
            return known.rev().find(|map| map.start <= address && address < map.end);
        }
        let index = self.index.get_or_init(|| MapIndex::new(&self.maps));
        self.maps.get(index.newest(address, known)? as usize)
    }
}

/// Answers which maps cover an address in logarithmic time, however they overlap: a segment tree over the places where
/// maps begin and end. A map lies in the nodes that together make up its range, at most two a level.
struct MapIndex {
    bounds: Vec<u64>,
    /// Node 1 is the root, the children of n are 2n and 2n+1; each holds numbers of maps, ascending.
    nodes: Vec<Vec<u32>>,
    leaves: usize,
}

impl MapIndex {
    fn new(maps: &[PlacedMap]) -> Self {
        let mut bounds: Vec<u64> = maps.iter().flat_map(|map| [map.start, map.end]).collect();
        bounds.sort_unstable();
        bounds.dedup();
        let leaves = bounds.len().next_power_of_two();
        let mut nodes = vec![Vec::new(); 2 * leaves];
        for (number, map) in (0u32..).zip(maps) {
            let mut from = leaves + bounds.partition_point(|&bound| bound < map.start);
            let mut to = leaves + bounds.partition_point(|&bound| bound < map.end);
            while from < to {
                if from % 2 == 1 {
                    nodes[from].push(number);
                    from += 1;
                }
                if to % 2 == 1 {
                    to -= 1;
                    nodes[to].push(number);
                }
                from /= 2;
                to /= 2;
            }
        }
        MapIndex { bounds, nodes, leaves }
    }

    /// The highest number below `known` among the maps that cover `address`.
    fn newest(&self, address: u64, known: u32) -> Option<u32> {
        let after = self.bounds.partition_point(|&bound| bound <= address);
        let mut node = self.leaves + after.checked_sub(1)?;
        let mut newest = None;
        while node > 0 {
            let numbers = &self.nodes[node];
            let below = numbers.partition_point(|&number| number < known);
            newest = newest.max(below.checked_sub(1).map(|at| numbers[at]));
            node /= 2;
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time_ns: u64) -> When {
        When { time_ns, position: 0 }
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

    fn found(spaces: &mut Spaces, time_ns: u64, pid: i32, address: u64) -> Option<(String, u64)> {
        let space = spaces.at(at(time_ns), pid);
        let frame = spaces.resolve(space, address, Mode::User);
        let module = &spaces.modules[frame.module?.index()];
        Some((module.path.clone(), frame.offset))
    }

    #[test]
    fn the_newest_map_of_an_address_wins_from_its_time_on() {
        let mut spaces = Spaces::default();
        spaces.map(at(0), map(1, 0x10000, 0x10000, "/old (deleted)"));
        spaces.map(at(5), map(1, 0x14000, 0x1000, "/new"));
        let mut at = |time, address| found(&mut spaces, time, 1, address);
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
        let path =
            |spaces: &mut Spaces, time, pid, address| found(spaces, time, pid, address).map(|(path, _)| path);
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
        assert_eq!(found(&mut spaces, 0, 1, 0x10010), Some(("//anon".to_owned(), 0x10010)));
        assert_eq!(found(&mut spaces, 0, 1, 0x30010), Some(("/memfd:doublemapper".to_owned(), 0x30010)));
        let processes: Vec<_> = spaces.modules.iter().map(|module| module.process).collect();
        assert_eq!(processes, [Some(1), Some(2), Some(1)]);
    }

    #[test]
    fn code_that_the_kernel_made_is_what_it_was_at_the_time() {
        let mut spaces = Spaces::default();
        spaces.make_kernel_code(at(0), 0x1000, 0x100, "one".to_owned());
        spaces.drop_kernel_code(at(10), 0x1000);
        spaces.make_kernel_code(at(20), 0x1000, 0x80, "two".to_owned());
        // The record that two is gone was lost.
        spaces.make_kernel_code(at(30), 0x1040, 0x80, "three".to_owned());
        spaces.drop_kernel_code(at(40), 0x1000);
        spaces.drop_kernel_code(at(50), 0x1040);
        spaces.make_kernel_code(at(60), 0x1000, 0, "empty".to_owned());
        let name = |time_ns, address| {
            let (space, between) = spaces.kernel_between(at(time_ns));
            assert!(between.contains(&at(time_ns)));
            let frame = spaces.resolve(space, address, Mode::Kernel);
            frame.module.map(|module| (spaces.modules[module.index()].path.as_str(), frame.offset))
        };
        assert_eq!(name(5, 0x1050), Some(("one", 0x50)));
        assert_eq!(name(12, 0x1050), None);
        assert_eq!(name(25, 0x10f0), None);
        assert_eq!(name(25, 0x1050), Some(("two", 0x50)));
        assert_eq!(name(35, 0x1050), Some(("three", 0x10)));
        assert_eq!(name(35, 0x1010), None);
        assert_eq!(name(55, 0x1050), None);
    }

    #[test]
    fn many_nested_maps_cost_no_more_than_their_logarithm() {
        let maps: Vec<PlacedMap> = (0..20_000u64)
            .map(|n| PlacedMap {
                when: at(n),
                start: n,
                end: 1_000_000 - n,
                shift: 0,
                module: ModuleId(0),
                is_kernel_proper: false,
                gone: FOREVER,
            })
            .collect();
        let index = MapIndex::new(&maps);
        assert_eq!(index.newest(500_000, u32::MAX), Some(19_999));
        assert_eq!(index.newest(500_000, 7), Some(6));
        assert_eq!(index.newest(3, u32::MAX), Some(3));
        assert_eq!(index.newest(1_000_000, u32::MAX), None);
    }
}
