//! Stacks of a text: turns the lines of call chains into stacks, and remembers what it has turned.

use hashbrown::HashMap;

use crate::ingest::{ScriptFrame, StackLine, only_frame, stack_line};
use crate::model::{
    FlatMap, Frame, FrameId, FrameTable, Mode, Module, ModuleId, Names, Naming, StackId, StackTree, Symbols,
    fold,
};
use crate::symbols::FrameName;

/// The distinct frames, stacks and modules of a text. As for raw chains (`state::Chains`), a call
/// chain is looked up whole by a hash of its bytes, then without its innermost line; only then is a
/// line looked up, and only a new one is read.
#[derive(Default)]
pub(super) struct ScriptStacks<'a> {
    /// The distinct frames; a frame's offset is only the number of its name, since no symbols are
    /// looked up by it.
    pub frames: FrameTable,
    /// What they are called.
    pub frame_names: Vec<FrameName>,
    /// The distinct stacks.
    pub stacks: StackTree,
    /// What frames lie in.
    pub modules: Vec<Module>,
    module_ids: HashMap<&'a [u8], ModuleId>,
    /// Keys come from the file: a hasher with a seed, so that nobody can choose them to collide.
    lines: HashMap<&'a [u8], Line>,
    known: FlatMap,
}

/// What a line was found to be.
#[derive(Clone, Copy)]
enum Line {
    Frame(FrameId),
    Extra,
    Broken,
}

/// What a frame is called that lies in no known module.
const UNKNOWN: &str = "[unknown]";

/// In the map of known chains, one that cannot be read. No stack has this id: each takes bytes of
/// the file.
const BROKEN: u32 = u32::MAX;

/// Starting points of hashes, so that a whole chain and a part with the same bytes differ. Digits
/// of π.
const WHOLE: u64 = 0x0823_44d2_0370_7344;
const CALLERS: u64 = 0x452f_21e6_38d0_1377;
const MULTIPLIER: u64 = 0xbe54_66cf_34e9_0c6d;

impl<'a> ScriptStacks<'a> {
    /// The stack of a sample with these lines; `None` if one of them is no frame.
    pub fn chain(&mut self, lines: &'a [u8], names: &mut Names) -> Option<StackId> {
        let key = hash(WHOLE, lines);
        let stack = match self.known.get(key) {
            Some(known) => known,
            None => {
                let end = memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1);
                let (leaf, callers) = lines.split_at(end);
                let outer = self.callers(callers, names);
                let stack = self.push(outer, leaf, names);
                self.known.insert(key, stack);
                stack
            }
        };
        (stack != BROKEN).then_some(StackId(stack))
    }

    /// The stack of a sample without call chain: of its only frame, or empty if there is none.
    pub fn single(&mut self, rest: &'a [u8], names: &mut Names) -> StackId {
        match only_frame(rest) {
            Some(frame) => {
                let frame = self.frame(&frame, names);
                self.stacks.push(StackTree::ROOT, frame)
            }
            None => StackTree::ROOT,
        }
    }

    fn callers(&mut self, lines: &'a [u8], names: &mut Names) -> u32 {
        let key = hash(CALLERS, lines);
        if let Some(known) = self.known.get(key) {
            return known;
        }
        let mut stack = StackTree::ROOT.0;
        for line in lines.split(|byte| *byte == b'\n').rev() {
            stack = self.push(stack, line, names);
        }
        self.known.insert(key, stack);
        stack
    }

    /// The stack of one more line called by `outer`.
    fn push(&mut self, outer: u32, line: &'a [u8], names: &mut Names) -> u32 {
        let line = line.trim_ascii_end();
        if outer == BROKEN || line.is_empty() {
            return outer;
        }
        let found = match self.lines.get(line) {
            Some(known) => *known,
            None => {
                let found = match stack_line(line) {
                    StackLine::Frame(frame) => Line::Frame(self.frame(&frame, names)),
                    StackLine::Extra => Line::Extra,
                    StackLine::Broken => Line::Broken,
                };
                self.lines.insert(line, found);
                found
            }
        };
        match found {
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
            (Some(symbol), _) => (names.intern(&String::from_utf8_lossy(symbol)), Naming::Named),
            (None, _) if mode == Mode::Guest => (names.intern(UNKNOWN), Naming::Foreign),
            (None, Some(module)) => {
                let module = &self.modules[module.index()];
                (names.intern(&format!("[{}]", module.basename())), Naming::NoSymbols)
            }
            (None, None) => (names.intern(UNKNOWN), Naming::NoModule),
        };
        // A function may be called as an unknown one of a module is shown.
        let offset = u64::from(name.0) << 1 | u64::from(naming == Naming::Named);
        let id = self.frames.intern(Frame { module, offset, mode });
        if id.index() == self.frame_names.len() {
            self.frame_names.push(FrameName { name, naming });
        }
        id
    }

    fn module(&mut self, dso: &'a [u8]) -> ModuleId {
        *self.module_ids.entry(dso).or_insert_with(|| {
            let path = String::from_utf8_lossy(dso).into_owned();
            self.modules.push(Module { symbols: Symbols::NotPrinted, ..Module::new(path) });
            ModuleId::from_index(self.modules.len() - 1)
        })
    }
}

/// The mode of a frame. Its module tells: kernel modules stand in brackets or end in `.ko`. Else
/// its address does: 64-bit kernels lie in the upper half, but for s390x.
fn mode(frame: &ScriptFrame) -> Mode {
    const USER: [&[u8]; 6] = [b"[vdso", b"[vsyscall", b"[heap", b"[stack", b"[anon", b"[uprobes"];
    match frame.dso {
        Some(dso) if dso.starts_with(b"[guest.") => Mode::Guest,
        Some(dso) if USER.iter().any(|user| dso.starts_with(user)) => Mode::User,
        Some(dso) if dso.starts_with(b"[") || is_kernel_object(dso) => Mode::Kernel,
        _ if frame.address >> 63 == 1 => Mode::Kernel,
        _ => Mode::User,
    }
}

/// `nf_conntrack.ko`, `nf_conntrack.ko.xz`.
fn is_kernel_object(path: &[u8]) -> bool {
    [b".ko".as_slice(), b".ko.gz", b".ko.xz", b".ko.zst"].iter().any(|ending| path.ends_with(ending))
}

/// The hash that lines are known by. Their length is in it, since the last piece is filled up.
fn hash(start: u64, bytes: &[u8]) -> u64 {
    let mut hash = start ^ bytes.len() as u64;
    let mut pieces = bytes.chunks_exact(8);
    for piece in pieces.by_ref() {
        hash = fold(hash ^ u64::from_le_bytes(piece.try_into().expect("pieces of 8 bytes")), MULTIPLIER);
    }
    let mut last = [0; 8];
    last[..pieces.remainder().len()].copy_from_slice(pieces.remainder());
    hash = fold(hash ^ u64::from_le_bytes(last), MULTIPLIER);
    // The map keeps u64::MAX for itself.
    fold(hash, MULTIPLIER).min(u64::MAX - 1)
}
