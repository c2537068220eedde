//! The stacks that occur, as a tree of functions: stacks that differ only in the offsets of their
//! frames are one.

use rustc_hash::FxHashMap;

use crate::analyses::categories::{self, Category};
use crate::analyses::contexts::Contexts;
use crate::analyses::ordered::number_by_functions;
use crate::model::{FunctionId, Mode, NameId, Recording, StackId};

use super::result::StackNode;

/// Collects which stacks occur.
pub(super) struct StackNumbers<'r> {
    recording: &'r Recording,
    /// By stack: a number that stacks of the same functions share, callers' before callees'.
    numbers: Vec<u32>,
    /// By that number: one stack that has it.
    stacks: Vec<StackId>,
    /// By that number: whether an entry has it.
    is_used: Vec<bool>,
    categories: Vec<Category>,
}

/// The stacks that occur.
pub(super) struct Numbered {
    pub nodes: Vec<StackNode>,
    pub functions: Vec<FunctionId>,
    /// By the number that [`StackNumbers::mark`] returned: the index in `nodes`.
    places: Vec<u32>,
}

impl<'r> StackNumbers<'r> {
    pub fn new(recording: &'r Recording, contexts: &Contexts) -> Self {
        let (numbers, _) = number_by_functions(recording);
        let count = numbers.iter().max().map_or(0, |&last| last as usize + 1);
        let mut stacks = vec![StackId(0); count];
        for (index, &number) in numbers.iter().enumerate().rev() {
            stacks[number as usize] = StackId::from_index(index);
        }
        let categories = categories::of_stacks(recording, contexts);
        StackNumbers { recording, numbers, stacks, is_used: vec![false; count], categories }
    }

    /// Records that a stack occurs. Returns a number for it, of which [`Numbered::number`] makes
    /// the final one.
    pub fn mark(&mut self, stack: u32) -> u32 {
        let number = self.numbers[stack as usize];
        self.is_used[number as usize] = true;
        number
    }

    /// Numbers the stacks that occur, and their callers.
    pub fn finish(mut self) -> Numbered {
        let caller = |number: usize| {
            let (parent, frame) = self.recording.stacks.split(self.stacks[number])?;
            Some((self.numbers[parent.index()] as usize, frame))
        };
        for number in (1..self.is_used.len()).rev() {
            if self.is_used[number]
                && let Some((parent, _)) = caller(number)
            {
                self.is_used[parent] = true;
            }
        }
        let mut nodes = vec![StackNode { parent: 0, function: 0, category: Category::Kernel }];
        let mut places = vec![0; self.is_used.len()];
        let mut functions = Vec::new();
        let mut by_name: FxHashMap<(NameId, Mode), u32> = FxHashMap::default();
        for number in (1..self.is_used.len()).filter(|&number| self.is_used[number]) {
            let Some((parent, frame)) = caller(number) else { continue };
            let id = self.recording.frames.function(frame);
            let function = self.recording.function(id);
            let function = *by_name.entry((function.name, function.mode)).or_insert_with(|| {
                functions.push(id);
                functions.len() as u32 - 1
            });
            places[number] = nodes.len() as u32;
            let category = self.categories[self.stacks[number].index()];
            nodes.push(StackNode { parent: places[parent], function, category });
        }
        Numbered { nodes, functions, places }
    }
}

impl Numbered {
    /// The number of a stack, from what [`StackNumbers::mark`] returned.
    pub fn number(&self, marked: u32) -> u32 {
        self.places[marked as usize]
    }
}
