//! The tables that samples refer to: functions, with a location for each, modules and strings.
//! What is new in them is written with the next piece of the profile, and then forgotten, but for
//! its id.

use crate::analyses::profile::Profile;
use crate::model::{FunctionId, Module, ModuleId, Recording, clean};

use super::messages::{self, Function, Line, Location, Mapping};
use super::strings::Strings;

/// The functions of the stacks that occur, their modules, and all strings.
pub struct Tables<'r> {
    recording: &'r Recording,
    profile: &'r Profile,
    pub strings: Strings<'r>,
    /// By function of the recording: the id of its location; 0 if it has none yet.
    ids: Vec<u32>,
    /// How many locations there are.
    located: u32,
    /// By module of the recording: the id of its mapping; 0 if it has none yet.
    modules: Vec<u32>,
    /// How many mappings there are.
    mapped: u32,
    new_locations: Vec<Location>,
    /// The function of a location has its id.
    new_functions: Vec<Function>,
    new_mappings: Vec<Mapping>,
}

impl<'r> Tables<'r> {
    /// No functions yet, and no module but the kernel. By convention the first module is the main
    /// program, and pprof prints it above each report: the kernel is what all samples have in
    /// common.
    pub fn new(recording: &'r Recording, profile: &'r Profile) -> Self {
        let mut tables = Tables {
            recording,
            profile,
            strings: Strings::new(recording),
            ids: vec![0; recording.functions.len()],
            located: 0,
            modules: vec![0; recording.modules.len()],
            mapped: 0,
            new_locations: Vec::new(),
            new_functions: Vec::new(),
            new_mappings: Vec::new(),
        };
        if let Some(kernel) = recording.modules.iter().position(Module::is_kernel_proper) {
            tables.mapping(ModuleId::from_index(kernel));
        }
        tables
    }

    /// How many locations are not written yet.
    pub fn pending(&self) -> usize {
        self.new_locations.len()
    }

    /// Moves what is not written yet into a piece of the profile.
    pub fn take_new(&mut self, piece: &mut messages::Profile) {
        piece.location.append(&mut self.new_locations);
        piece.function.append(&mut self.new_functions);
        piece.mapping.append(&mut self.new_mappings);
        self.strings.take_new(&mut piece.string_table);
    }

    /// The id of the location of a function.
    pub fn location(&mut self, function: FunctionId) -> u64 {
        let first = self.profile.functions[function.index()];
        if self.ids[first.index()] == 0 {
            self.ids[first.index()] = self.add(first);
        }
        self.ids[first.index()].into()
    }

    fn add(&mut self, function: FunctionId) -> u32 {
        let function = self.recording.function(function);
        let mapping_id = function.module.map_or(0, |module| self.mapping(module));
        let name = self.strings.name(function.name);
        self.located += 1;
        let id = self.located.into();
        self.new_functions.push(Function { id, name, system_name: name });
        self.new_locations.push(Location { id, mapping_id, line: Some(Line { function_id: id }) });
        self.located
    }

    fn mapping(&mut self, id: ModuleId) -> u64 {
        if self.modules[id.index()] == 0 {
            let module = &self.recording.modules[id.index()];
            let bytes = module.build_id.as_deref().unwrap_or_default();
            let build_id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            self.mapped += 1;
            self.new_mappings.push(Mapping {
                id: self.mapped.into(),
                filename: self.strings.text(&clean(&module.path)),
                build_id: self.strings.text(&build_id),
                has_functions: true,
            });
            self.modules[id.index()] = self.mapped;
        }
        self.modules[id.index()].into()
    }
}
