//! Frames: places in code, as module, offset and mode.

use super::flat_map::{FlatMap, fold, seed};
use super::ids::{FrameId, FunctionId, ModuleId};

/// The mode in which the CPU ran the code of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Kernel space of the machine that recorded.
    Kernel,
    /// User space of the machine that recorded.
    User,
    /// Inside a virtual machine: never named from the host's symbols.
    Guest,
    /// In a hypervisor, below the kernel.
    Hypervisor,
}

impl Mode {
    /// What is printed for code whose names are not here, whatever files are: it is not code of the
    /// machine that recorded.
    pub fn placeholder(self) -> Option<&'static str> {
        match self {
            Mode::Kernel | Mode::User => None,
            Mode::Guest => Some("[guest]"),
            Mode::Hypervisor => Some("[hypervisor]"),
        }
    }
}

/// A place in code: an offset in a module, and the mode it ran in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// `None` where the address lay in no known mapping. All such frames of a mode are one, with
    /// offset 0.
    pub module: Option<ModuleId>,
    /// For kernel code, bytes from [`KernelCode::start`](crate::model::KernelCode::start). For a
    /// mapped file, the position in it. For memory without a file, the address. In text of perf
    /// script, a number that only distinguishes names.
    pub offset: u64,
    /// The mode the CPU was in.
    pub mode: Mode,
}

/// A place in code in a stack, for which a line of source is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct CodePlace {
    /// The frame.
    pub frame: FrameId,
    /// Whether its offset is where a call returns to, and not where the CPU was. Then the call is
    /// before the offset.
    pub is_call: bool,
}

/// An odd number without a pattern: digits of π.
const MULTIPLIER: u64 = 0x452821e6_38d01377;

/// The distinct frames of a recording, each with its function once named.
#[derive(Debug, Default)]
pub struct FrameTable {
    frames: Vec<Frame>,
    /// By the [key](key_of) of a frame.
    ids: FlatMap,
    functions: Vec<FunctionId>,
}

impl Frame {
    /// All frames of user space in a stack of which only the kernel's part was read
    /// ([`Stacks::Kernel`](crate::model::Stacks::Kernel)). No address is at this offset: it is that
    /// of a marker.
    pub const USER_NOT_READ: Frame = Frame { module: None, offset: u64::MAX, mode: Mode::User };

    /// The outermost frame of a user stack that could not be unwound to its root: whatever called
    /// the next frame. A marker too.
    pub const NOT_UNWOUND: Frame = Frame { module: None, offset: u64::MAX - 1, mode: Mode::User };

    /// What is printed for [`Frame::NOT_UNWOUND`].
    pub const NOT_UNWOUND_NAME: &str = "[not unwound]";
}

impl FrameTable {
    /// The id of `frame`.
    pub fn intern(&mut self, frame: Frame) -> FrameId {
        let next = FrameId::from_index(self.frames.len());
        let id = FrameId(self.ids.get_or_insert(key_of(&frame), next.0));
        if id == next {
            self.frames.push(frame);
        }
        id
    }

    /// The id of `frame`, if it was interned.
    pub(crate) fn find(&self, frame: &Frame) -> Option<FrameId> {
        self.ids.get(key_of(frame)).map(FrameId)
    }

    /// Adds a frame for a function that was inlined at `frame`.
    pub(crate) fn add_inlined(&mut self, frame: FrameId) -> FrameId {
        self.frames.push(self.frames[frame.index()]);
        FrameId::from_index(self.frames.len() - 1)
    }

    /// The frames, in the order in which they were first interned.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Gives every frame its function, and frees what only interning needs.
    pub fn set_functions(&mut self, functions: Vec<FunctionId>) {
        assert_eq!(functions.len(), self.frames.len(), "one function a frame");
        self.functions = functions;
        self.ids = FlatMap::default();
    }

    /// The function of a frame.
    pub fn function(&self, frame: FrameId) -> FunctionId {
        self.functions[frame.index()]
    }
}

/// A hash of 64 bits that identifies a frame. Frames with one key count as equal: comparing them
/// would touch their memory. With ten million frames, the chance that any two share a key is below
/// 1 in 300,000. The seed is there because frames come from the file: nobody can choose them to
/// collide.
fn key_of(frame: &Frame) -> u64 {
    let module_and_mode =
        frame.module.map_or(u64::MAX, |module| module.index() as u64) << 8 | frame.mode as u64;
    let hash = fold(fold(frame.offset ^ seed(), MULTIPLIER) ^ module_and_mode ^ seed(), MULTIPLIER);
    // The map uses u64::MAX for empty slots.
    hash.min(u64::MAX - 1)
}
