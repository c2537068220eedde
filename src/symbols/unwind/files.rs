//! Finds the tables of modules in their files.

use crate::error::Result;
use crate::model::{Module, ModuleId, Symbols};
use crate::symbols::formats::bytes::Bytes;
use crate::symbols::lookup::Lookup;
use crate::symbols::request::Request;
use crate::symbols::search::check_options;
use crate::symbols::sources::Sources;

use super::call_frames::CallFrames;
use super::registers::Machine;

/// The files of a recording's modules.
pub struct TableFiles<'l> {
    lookup: Lookup<'l>,
}

impl<'l> TableFiles<'l> {
    /// The files of `modules`, in all places that options and trust allow.
    ///
    /// # Errors
    ///
    /// If a file or folder that an option names cannot be used.
    pub fn new(request: &'l Request<'l>, sources: &'l Sources, modules: &'l [Module]) -> Result<Self> {
        check_options(sources)?;
        if let Some(gatherer) = request.gatherer {
            gatherer.keep_tables();
        }
        Ok(TableFiles { lookup: Lookup::new(request, sources, modules) })
    }

    /// The tables of a module.
    ///
    /// # Errors
    ///
    /// Why it has none.
    pub fn read(&self, module: ModuleId, machine: Machine) -> std::result::Result<CallFrames, Symbols> {
        let Lookup { request, search, modules, .. } = &self.lookup;
        let module = modules.get(module.index()).ok_or(Symbols::NoFile)?;
        if module.process.is_some() {
            return Err(Symbols::NotAFile);
        }
        match search.find_own_vdso(request, module) {
            Some(vdso) => self.of_file(module, &Bytes::of(&vdso), machine),
            None => self.of_file(module, &search.find(module)?, machine),
        }
    }

    fn of_file(
        &self,
        module: &Module,
        file: &Bytes,
        machine: Machine,
    ) -> std::result::Result<CallFrames, Symbols> {
        let Lookup { request, search, .. } = &self.lookup;
        let elf = file.elf().ok_or(Symbols::NotElf)?;
        let needs_debug = !CallFrames::are_in(&elf);
        let debug = needs_debug.then(|| search.find_debug(module, &elf)).flatten();
        let debug_elf = debug.as_ref().and_then(Bytes::elf);
        let tables = CallFrames::read(&elf, debug_elf.as_ref(), machine, request.budget);
        match (file.trouble().or_else(|| debug.as_ref().and_then(Bytes::trouble)), tables) {
            (Some(trouble), _) => Err(trouble),
            (None, Some(tables)) => Ok(tables),
            (None, None) if request.budget.is_exceeded() => Err(Symbols::OverBudget),
            (None, None) => Err(Symbols::Stripped),
        }
    }
}
