//! Sums: entries by what their samples have in common.

use rustc_hash::FxHashMap;

use crate::analyses::ordered::number_stacks;
use crate::model::{FlatMap, FunctionId, NameId, Recording, Sample};

use super::result::Entry;

/// What the samples of an entry have in common, but for their functions. No stall and no window
/// are 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scene {
    /// A number that tasks of the same comm, pid and tid share.
    thread: u32,
    cpu: Option<u32>,
    stall: u32,
    window: u32,
}

/// Adds samples up.
pub(super) struct Sums {
    /// By task: see [`Scene::thread`].
    threads: Vec<u32>,
    /// By stack: a number that stacks of the same functions share.
    stacks: Vec<u32>,
    scenes: FxHashMap<Scene, u32>,
    /// The scene of the sample before, and its number. It rarely changes.
    last_scene: Option<(Scene, u32)>,
    /// By the number of the scene and that of the stack: the index of the entry.
    indices: FlatMap,
    /// The key of the sample before, and the index of its entry. On a busy CPU the same few stacks
    /// repeat.
    last: (u64, usize),
    pub entries: Vec<Entry>,
}

impl Sums {
    /// No samples yet. `functions` is [`Profile::functions`](super::result::Profile::functions).
    pub fn new(recording: &Recording, functions: &[FunctionId]) -> Self {
        let mut numbers: FxHashMap<(NameId, i32, i32), u32> = FxHashMap::default();
        let threads = recording.tasks.iter().map(|task| {
            let next = numbers.len() as u32;
            *numbers.entry((task.comm, task.pid, task.tid)).or_insert(next)
        });
        let threads = threads.collect();
        Sums {
            threads,
            stacks: number_stacks(recording, |function| functions[function.index()].0).0,
            scenes: FxHashMap::default(),
            last_scene: None,
            indices: FlatMap::default(),
            last: (u64::MAX, 0),
            entries: Vec::new(),
        }
    }

    /// The scene of a sample on a CPU, in the stall and the window of these numbers.
    #[inline]
    pub fn scene(&self, sample: &Sample, cpu: Option<u32>, stall: u32, window: u32) -> Scene {
        Scene { thread: self.threads[sample.task.index()], cpu, stall, window }
    }

    /// Adds a sample that represents `time_ns`.
    #[inline]
    pub fn add(&mut self, sample: &Sample, scene: Scene, time_ns: u64) {
        let number = match self.last_scene {
            Some((last, number)) if last == scene => number,
            _ => self.scene_number(scene),
        };
        let key = u64::from(number) << 32 | u64::from(self.stacks[sample.stack.index()]);
        if self.last.0 != key {
            self.last = (key, self.index(key, sample, scene));
        }
        let entry = &mut self.entries[self.last.1];
        entry.samples += 1;
        entry.time_ns = entry.time_ns.saturating_add(time_ns);
    }

    fn scene_number(&mut self, scene: Scene) -> u32 {
        let next = self.scenes.len() as u32;
        let number = *self.scenes.entry(scene).or_insert(next);
        self.last_scene = Some((scene, number));
        number
    }

    /// The index of the entry with this key, which is made if it is new.
    fn index(&mut self, key: u64, sample: &Sample, scene: Scene) -> usize {
        if let Some(index) = self.indices.get(key) {
            return index as usize;
        }
        let some = |number: u32| (number > 0).then_some(number);
        self.indices.insert(key, self.entries.len() as u32);
        self.entries.push(Entry {
            task: sample.task,
            stack: sample.stack,
            cpu: scene.cpu,
            stall: some(scene.stall),
            window: some(scene.window),
            samples: 0,
            time_ns: 0,
        });
        self.entries.len() - 1
    }
}
