//! Modules: what was mapped, each stored once.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ingest::Map;
use crate::model::{KernelCode, Module, ModuleId, Segment};

/// The modules of a recording.
#[derive(Default)]
pub(super) struct Modules {
    list: Vec<Module>,
    /// The ids of modules, by their keys. Keys come from the file: a hasher with a seed, so that
    /// nobody can choose them to collide.
    ids: HashTable<ModuleId>,
    hasher: DefaultHashBuilder,
}

/// The fields that distinguish modules.
#[derive(PartialEq, Eq, Hash)]
struct Key<'k> {
    path: &'k str,
    build_id: Option<&'k [u8]>,
    inode: Option<(u32, u32, u64)>,
    /// The start of kernel code.
    kernel_start: Option<u64>,
    /// The process of memory without a file.
    process: Option<i32>,
}

impl Key<'_> {
    fn of(module: &Module) -> Key<'_> {
        Key {
            path: &module.path,
            build_id: module.build_id.as_deref(),
            inode: module.inode,
            kernel_start: module.kernel.as_ref().map(|code| code.start),
            process: module.process,
        }
    }
}

/// The kernel proper, and what perf calls it when it was told to use a vmlinux.
const KERNELS: [&str; 2] = [Module::KERNEL, "[kernel.vmlinux]"];

impl Modules {
    /// The module with this id.
    pub fn get(&self, id: ModuleId) -> &Module {
        &self.list[id.index()]
    }

    /// All modules, by id.
    pub fn list(&self) -> &[Module] {
        &self.list
    }

    /// All modules, by id.
    pub fn list_mut(&mut self) -> &mut [Module] {
        &mut self.list
    }

    /// All modules, by id.
    pub fn into_list(self) -> Vec<Module> {
        self.list
    }

    /// The module that `map` maps.
    pub fn of_map(&mut self, map: &Map) -> ModuleId {
        let (path, reference) = split_reference(map);
        let is_memory = !map.is_kernel && map.build_id.is_none() && Module::memory_name(path).is_some();
        let process = is_memory.then_some(map.pid);
        let kernel_start = map.is_kernel.then_some(map.start);
        let inode = map.inode;
        let is_file = !map.is_kernel && !is_memory;
        let segment = is_file.then_some(Segment { offset: map.file_offset, length: map.length });
        let mapped_by = (!map.is_kernel).then_some(map.pid);
        // Most maps are of the same few files, so the look-up copies nothing.
        let key = Key { path, build_id: map.build_id.as_deref(), inode, kernel_start, process };
        if let Some(id) = self.find(&key) {
            let module = &mut self.list[id.index()];
            module.segment = module.segment.filter(|first| Some(*first) == segment);
            module.mapped_by = mapped_by.or(module.mapped_by);
            return id;
        }
        let (start, length) = (map.start, map.length);
        let code = KernelCode { start, length, is_function: false, reference };
        let module = Module {
            build_id: map.build_id.clone(),
            inode,
            kernel: map.is_kernel.then_some(code),
            mapped_by,
            segment,
            process,
            ..Module::new(path.to_owned())
        };
        self.push(module)
    }

    /// The module of code that the kernel made at run time. It is one function and has the
    /// function's name.
    pub fn of_kernel_function(&mut self, name: String, start: u64, length: u64) -> ModuleId {
        let kernel = Some(KernelCode { start, length, is_function: true, reference: None });
        let module = Module { kernel, ..Module::new(name) };
        self.find(&Key::of(&module)).unwrap_or_else(|| self.push(module))
    }

    /// Adds the kernel of a recording that has no map of it.
    pub fn add_unmapped_kernel(&mut self) -> ModuleId {
        let kernel = Some(KernelCode { start: 0, length: 0, is_function: false, reference: None });
        self.push(Module { kernel, ..Module::new(Module::KERNEL.to_owned()) })
    }

    fn find(&self, key: &Key) -> Option<ModuleId> {
        let is_same = |id: &ModuleId| Key::of(&self.list[id.index()]) == *key;
        self.ids.find(self.hasher.hash_one(key), is_same).copied()
    }

    fn push(&mut self, module: Module) -> ModuleId {
        let Modules { list, ids, hasher } = self;
        let id = ModuleId::from_index(list.len());
        list.push(module);
        let hash = |id: &ModuleId| hasher.hash_one(Key::of(&list[id.index()]));
        ids.insert_unique(hash(&id), id, hash);
        id
    }
}

/// The module's path as shown, and for the kernel proper (`[kernel.kallsyms]_text`) the name and
/// the address of its reference symbol.
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
