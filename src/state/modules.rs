//! Modules: what was mapped, each stored once.

use crate::ingest::Map;
use crate::model::{KernelCode, Module, ModuleId, Segment};

/// The modules of a recording.
#[derive(Default)]
pub(super) struct Modules {
    list: Vec<Module>,
    /// Keys come from the file: a hasher with a seed, so that nobody can choose them to collide.
    ids: hashbrown::HashMap<OwnedKey, ModuleId>,
}

/// The fields that distinguish modules.
#[derive(PartialEq, Eq, Hash)]
struct Key<P, B> {
    path: P,
    build_id: Option<B>,
    inode: Option<(u32, u32, u64)>,
    /// The start of kernel code.
    kernel_start: Option<u64>,
    /// The process of memory without a file.
    process: Option<i32>,
}

/// A key as it is stored.
type OwnedKey = Key<String, Vec<u8>>;
/// A key that is looked up.
type BorrowedKey<'k> = Key<&'k str, &'k [u8]>;

impl hashbrown::Equivalent<OwnedKey> for BorrowedKey<'_> {
    fn equivalent(&self, owned: &OwnedKey) -> bool {
        let Key { path, build_id, inode, kernel_start, process } = owned;
        (self.path, self.build_id) == (path, build_id.as_deref())
            && (self.inode, self.kernel_start, self.process) == (*inode, *kernel_start, *process)
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
        let key = BorrowedKey { path, build_id: map.build_id.as_deref(), inode, kernel_start, process };
        if let Some(&id) = self.ids.get(&key) {
            let module = &mut self.list[id.index()];
            module.segment = module.segment.filter(|first| Some(*first) == segment);
            module.mapped_by = mapped_by.or(module.mapped_by);
            return id;
        }
        let (path, build_id) = (path.to_owned(), map.build_id.clone());
        let (start, length) = (map.start, map.length);
        let code = KernelCode { start, length, is_function: false, reference };
        let module = Module {
            build_id: build_id.clone(),
            inode,
            kernel: map.is_kernel.then_some(code),
            mapped_by,
            segment,
            process,
            ..Module::new(path.clone())
        };
        let id = self.push(module);
        self.ids.insert(Key { path, build_id, inode, kernel_start, process }, id);
        id
    }

    /// The module of code that the kernel made at run time. It is one function and has the
    /// function's name.
    pub fn of_kernel_function(&mut self, name: String, start: u64, length: u64) -> ModuleId {
        let path = name.clone();
        let key = Key { path, build_id: None, inode: None, kernel_start: Some(start), process: None };
        let list = &mut self.list;
        *self.ids.entry(key).or_insert_with(|| {
            let kernel = Some(KernelCode { start, length, is_function: true, reference: None });
            list.push(Module { kernel, ..Module::new(name) });
            ModuleId::from_index(list.len() - 1)
        })
    }

    /// Adds the kernel of a recording that has no map of it.
    pub fn add_unmapped_kernel(&mut self) -> ModuleId {
        let kernel = Some(KernelCode { start: 0, length: 0, is_function: false, reference: None });
        self.push(Module { kernel, ..Module::new(Module::KERNEL.to_owned()) })
    }

    fn push(&mut self, module: Module) -> ModuleId {
        self.list.push(module);
        ModuleId::from_index(self.list.len() - 1)
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
