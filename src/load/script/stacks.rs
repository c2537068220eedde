//! Stacks of a text: turns the lines of call chains into stacks, each distinct chain once.

use hashbrown::HashMap;
use memchr::{memchr, memrchr};

use crate::ingest::{ScriptFrame, StackLine, is_module, only_frame, stack_line, whole_text};
use crate::model::{
    FlatMap, Frame, FrameId, FrameTable, Mode, Module, ModuleId, NameId, Names, Naming, StackId, StackTree,
    Symbols, fold,
};
use crate::symbols::FrameName;

/// The distinct frames, stacks and modules of a text.
///
/// As for raw chains (`state::Chains`), a call chain is first looked up whole by a hash of its
/// bytes, then without its innermost line. Its lines are looked up one by one only if both fail,
/// and only a new line is parsed.
#[derive(Default)]
pub(super) struct ScriptStacks<'a> {
    /// The distinct frames. The offset of a frame only represents its name, because no symbol is
    /// looked up by it.
    pub frames: FrameTable,
    /// The names of the frames.
    pub frame_names: Vec<FrameName>,
    /// The distinct stacks.
    pub stacks: StackTree,
    /// The modules that frames lie in.
    pub modules: Vec<Module>,
    module_ids: HashMap<&'a [u8], ModuleId>,
    /// Keys come from the file: a hasher with a seed, so that nobody can choose them to collide.
    lines: HashMap<&'a [u8], Line>,
    /// Stacks by the hash of a call chain, and by the hash of its callers.
    cache: FlatMap,
}

/// The content of a line.
#[derive(Clone, Copy)]
enum Line {
    /// A frame.
    Frame(FrameId),
    /// Something that perf prints among frames and that is no frame.
    Extra,
    /// Nothing that perf prints.
    Broken,
}

/// The name of a frame that lies in no known module.
const UNKNOWN: &str = "[unknown]";

/// The value in the cache for a chain that cannot be read. No stack has this id, because each stack
/// takes bytes of the file.
const BROKEN: u32 = u32::MAX;

/// The starting points of hashes. They differ, so that a whole chain and callers with the same
/// bytes have different hashes. Digits of π.
const WHOLE: u64 = 0x0823_44d2_0370_7344;
const CALLERS: u64 = 0x452f_21e6_38d0_1377;
const MULTIPLIER: u64 = 0xbe54_66cf_34e9_0c6d;

impl<'a> ScriptStacks<'a> {
    /// The stack of a sample with these lines; `None` if one of them is no frame.
    pub fn chain(&mut self, lines: &'a [u8], names: &mut Names) -> Option<StackId> {
        let key = hash(WHOLE, lines);
        let stack = match self.cache.get(key) {
            Some(cached) => cached,
            None => {
                let (leaf, callers) = lines.split_at(end_of_innermost(lines));
                let outer = self.callers(callers, names);
                let stack = self.push(outer, leaf, names);
                self.cache.insert(key, stack);
                stack
            }
        };
        (stack != BROKEN).then_some(StackId(stack))
    }

    /// The stack of a sample without call chain: its only frame, or the empty stack.
    pub fn single(&mut self, rest: &'a [u8], names: &mut Names) -> StackId {
        match only_frame(rest) {
            Some(frame) => {
                let frame = self.frame(&frame, names);
                self.stacks.push(StackTree::ROOT, frame)
            }
            None => StackTree::ROOT,
        }
    }

    /// Adds the stacks of the part that follows, whose names are joined already, as `joined` says.
    /// Returns for each of their ids the one here.
    pub fn join(&mut self, mut next: ScriptStacks<'a>, joined: &[NameId]) -> Vec<StackId> {
        next.stacks.finish();
        let mut modules: Vec<(ModuleId, &[u8])> =
            next.module_ids.into_iter().map(|(dso, id)| (id, dso)).collect();
        modules.sort_unstable();
        let modules: Vec<ModuleId> = modules.into_iter().map(|(_, dso)| self.module(dso)).collect();
        let frames =
            next.frames.frames().iter().zip(next.frame_names).map(|(frame, FrameName { name, naming })| {
                let module = frame.module.map(|module| modules[module.index()]);
                self.named_frame(module, frame.mode, FrameName { name: joined[name.index()], naming })
            });
        let frames: Vec<FrameId> = frames.collect();
        let mut stacks = vec![StackTree::ROOT; next.stacks.len()];
        for index in 1..stacks.len() {
            if let Some((outer, frame)) = next.stacks.split(StackId::from_index(index)) {
                stacks[index] = self.stacks.push(stacks[outer.index()], frames[frame.index()]);
            }
        }
        stacks
    }

    /// Whether `stack` seems to lack its outermost frames: of the first `before` stacks none began
    /// with its outermost frame, and one had that frame further inside.
    pub fn is_cut(&self, stack: StackId, before: usize) -> bool {
        let mut outwards =
            std::iter::successors(Some(stack), |inner| self.stacks.split(*inner).map(|(outer, _)| outer));
        let outermost = outwards.find_map(|stack| {
            let (outer, frame) = self.stacks.split(stack)?;
            (outer == StackTree::ROOT).then_some((stack, frame))
        });
        outermost.is_some_and(|(outermost, frame)| {
            let mut earlier = (1..before).map(StackId::from_index);
            outermost.index() >= before
                && earlier.any(|stack| self.stacks.split(stack).is_some_and(|(_, inner)| inner == frame))
        })
    }

    /// Whether a stack has more than one frame.
    pub fn has_caller(&self, stack: StackId) -> bool {
        self.stacks.split(stack).is_some_and(|(caller, _)| caller != StackTree::ROOT)
    }

    /// The stack of the lines of a call chain without the innermost.
    fn callers(&mut self, lines: &'a [u8], names: &mut Names) -> u32 {
        let key = hash(CALLERS, lines);
        if let Some(cached) = self.cache.get(key) {
            return cached;
        }
        let mut stack = StackTree::ROOT.0;
        for line in outermost_first(lines) {
            stack = self.push(stack, line, names);
        }
        self.cache.insert(key, stack);
        stack
    }

    /// The stack of `outer` with one more line, which `outer` called.
    fn push(&mut self, outer: u32, line: &'a [u8], names: &mut Names) -> u32 {
        let line = line.trim_ascii_end();
        if outer == BROKEN || line.is_empty() {
            return outer;
        }
        let kind = match self.lines.get(line) {
            Some(kind) => *kind,
            None => {
                let kind = match stack_line(line) {
                    StackLine::Frame(frame) => Line::Frame(self.frame(&frame, names)),
                    StackLine::Extra => Line::Extra,
                    StackLine::Broken => Line::Broken,
                };
                self.lines.insert(line, kind);
                kind
            }
        };
        match kind {
            Line::Frame(frame) => self.stacks.push(StackId(outer), frame).0,
            Line::Extra => outer,
            Line::Broken => BROKEN,
        }
    }

    /// The frame with this symbol, module and mode.
    fn frame(&mut self, frame: &ScriptFrame<'a>, names: &mut Names) -> FrameId {
        let mode = mode(frame);
        let module = frame.dso.map(|dso| self.module(dso));
        let (name, naming) = match (frame.symbol, module) {
            (Some(symbol), _) => (names.intern(&whole_text(symbol)), Naming::Named),
            (None, _) if mode == Mode::Guest => {
                (names.intern(mode.placeholder().unwrap_or(UNKNOWN)), Naming::Foreign)
            }
            (None, Some(module)) => {
                let module = &self.modules[module.index()];
                (names.intern(&format!("[{}]", module.basename())), Naming::NoSymbols)
            }
            (None, None) => (names.intern(UNKNOWN), Naming::NoModule),
        };
        self.named_frame(module, mode, FrameName { name, naming })
    }

    /// The frame with this module, mode and name.
    fn named_frame(&mut self, module: Option<ModuleId>, mode: Mode, named: FrameName) -> FrameId {
        // The lowest bit distinguishes a function called `[NAME]` from an unknown function in a
        // module NAME.
        let offset = u64::from(named.name.0) << 1 | u64::from(named.naming == Naming::Named);
        let id = self.frames.intern(Frame { module, offset, mode });
        if id.index() == self.frame_names.len() {
            self.frame_names.push(named);
        }
        id
    }

    fn module(&mut self, dso: &'a [u8]) -> ModuleId {
        *self.module_ids.entry(dso).or_insert_with(|| {
            let path = whole_text(dso);
            self.modules.push(Module { symbols: Symbols::NotPrinted, ..Module::new(path) });
            ModuleId::from_index(self.modules.len() - 1)
        })
    }
}

/// Where the first line ends, with a module that stands on a line of its own.
fn end_of_innermost(lines: &[u8]) -> usize {
    let next = |from: usize| memchr(b'\n', &lines[from..]).map_or(lines.len(), |end| from + end + 1);
    let end = next(0);
    let after = next(end);
    if is_module(lines[end..after].trim_ascii()) { after } else { end }
}

/// The lines from the last to the first, each with the module that stands on a line of its own.
fn outermost_first(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut end = lines.len();
    std::iter::from_fn(move || {
        let start = |end: usize| memrchr(b'\n', &lines[..end]).map_or(0, |before| before + 1);
        let last = end.checked_sub(1)?;
        let mut line = start(last);
        if line > 0 && is_module(lines[line..end].trim_ascii()) {
            line = start(line - 1);
        }
        let found = &lines[line..end];
        end = line;
        Some(found)
    })
}

/// The mode of a frame. Its module shows it: the kernel and its modules are in brackets, or files
/// with names of their own. Otherwise its address shows it: 64-bit kernels lie in the upper half,
/// except on s390x.
fn mode(frame: &ScriptFrame) -> Mode {
    const USER: [&[u8]; 6] = [b"[vdso", b"[vsyscall", b"[heap", b"[stack", b"[anon", b"[uprobes"];
    match frame.dso {
        Some(dso) if dso.starts_with(b"[guest.") => Mode::Guest,
        Some(dso) if USER.iter().any(|user| dso.starts_with(user)) => Mode::User,
        Some(dso) if dso.starts_with(b"[") || is_kernel_file(dso) => Mode::Kernel,
        _ if frame.address >> 63 == 1 => Mode::Kernel,
        _ => Mode::User,
    }
}

/// Whether a path is that of the kernel or of a kernel module: `/usr/lib/debug/boot/vmlinux-4.9`,
/// `/proc/kcore`, `nf_conntrack.ko`, `nf_conntrack.ko.xz`. Where perf found a vmlinux it prints its
/// path (`vmlinux_path__init`, tools/perf/util/symbol.c), and up to 4.x with addresses in that
/// file, which are low.
fn is_kernel_file(path: &[u8]) -> bool {
    const MODULES: [&[u8]; 5] = [b".ko", b".ko.gz", b".ko.xz", b".ko.zst", b".ko.debug"];
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.starts_with(b"vmlinux") || path == b"/proc/kcore" || MODULES.iter().any(|end| name.ends_with(end))
}

/// The hash of lines. It includes their length, because the last piece is padded with zeros. Four
/// pieces are hashed at the same time: each has to wait for the one before it.
fn hash(start: u64, bytes: &[u8]) -> u64 {
    let add = |hash: u64, piece: &[u8; 8]| fold(hash ^ u64::from_le_bytes(*piece), MULTIPLIER);
    let start = start ^ bytes.len() as u64;
    let mut lanes = [0, 16, 32, 48].map(|bits| start.rotate_left(bits));
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        let (pieces, _) = block.as_chunks();
        // By index: an iterator over both is slower.
        for lane in 0..lanes.len() {
            lanes[lane] = add(lanes[lane], &pieces[lane]);
        }
    }
    let hash = lanes.into_iter().fold(0, |hash, lane| fold(hash ^ lane, MULTIPLIER));
    let (pieces, rest) = rest.as_chunks();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let hash = pieces.iter().chain([&last]).fold(hash, add);
    // Avoids u64::MAX, which the map uses for empty slots.
    fold(hash, MULTIPLIER).min(u64::MAX - 1)
}
