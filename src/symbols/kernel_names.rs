//! The names of frames of the kernel and its modules: the first file that is not refused gives them, and what it lacks, the next.

use crate::error::Result;
use crate::model::{Diagnostic, Module, Symbols};
use crate::pack::Pack;

use super::elf::{Elf, Found};
use super::kernel_symbols;
use super::module_names::{Hits, ModuleNames};
use super::search::Search;
use super::table::SymbolTable;
use super::{Request, Sources};

/// Names the frames of the kernel and its modules, and says what the user should know.
pub fn name_kernel(
    request: &Request,
    sources: &Sources,
    search: &Search,
    modules: &[Module],
    kernel: &[usize],
    hits: &Hits,
) -> Result<(Vec<ModuleNames>, Option<Diagnostic>)> {
    let mut names: Vec<_> = kernel.iter().map(|_| ModuleNames::none(Symbols::NoKallsyms)).collect();
    if kernel.is_empty() {
        return Ok((names, None));
    }
    let is_proper = |&module: &usize| modules[module].is_kernel_proper();
    let is_function = |module: usize| modules[module].kernel.as_ref().is_some_and(|code| code.is_function);
    for (&module, names) in kernel.iter().zip(&mut names).filter(|(module, _)| is_function(**module)) {
        *names = ModuleNames {
            symbols: Symbols::Found,
            texts: vec![modules[module].path.clone()],
            of_frames: vec![Some(0); hits.by_module[module].len()],
            inlined: Vec::new(),
        };
    }
    let mut refused = request.pack.and_then(Pack::refused).map(|(path, why)| (path.into(), why.to_owned()));
    let mut only_kallsyms = false;
    let is_found = 'symbols: loop {
        for file in kernel_symbols::files(request, sources, modules, search, only_kallsyms)? {
            let symbols = file.symbols();
            let refusal = match &symbols {
                Some(symbols) => symbols.refusal(modules, request.kernel_build_id),
                None => Some("it is not an ELF file".to_owned()),
            };
            let Some(symbols) = symbols.filter(|_| refusal.is_none()) else {
                if let (Some(gatherer), Some(why)) = (request.gatherer, &refusal) {
                    gatherer.refuse_kernel(&file.path, why);
                }
                refused = refused.or(refusal.map(|why| (file.path.clone(), why)));
                continue;
            };
            if let Some(gatherer) = request.gatherer {
                file.add_to(gatherer);
            }
            for (&module, names) in kernel.iter().zip(&mut names) {
                if only_kallsyms && is_proper(&module) || is_function(module) {
                    continue;
                }
                let Some(code) = &modules[module].kernel else { continue };
                let shift = symbols.shift(code);
                let table = symbols.table(&modules[module], code, &hits.addresses(module, shift));
                if let Some(table) = table {
                    *names = hits.name(module, &table, shift);
                }
            }
            let is_named_so = |module: &usize| is_proper(module) || is_function(*module);
            if symbols.lacks_modules() && !kernel.iter().all(is_named_so) {
                only_kallsyms = true;
                continue 'symbols;
            }
            break 'symbols true;
        }
        break only_kallsyms;
    };
    for (&module, names) in kernel.iter().zip(&mut names) {
        let is_open = names.symbols == Symbols::NoKallsyms && !is_proper(&module);
        if let Some(found) = is_open.then(|| name_from_file(search, &modules[module], module, hits)).flatten()
        {
            *names = found;
        }
    }
    let is_missing = !is_found && names.iter().any(|names| names.symbols == Symbols::NoKallsyms);
    Ok((names, is_missing.then(|| kernel_symbols::missing(refused))))
}

/// Names the frames of a kernel module from its own file, or from separate debug information if that is not here.
fn name_from_file(search: &Search, module: &Module, number: usize, hits: &Hits) -> Option<ModuleNames> {
    let file = search.find(module).ok().or_else(|| search.find_debug_alone(module))?;
    let elf = Elf::parse(&file).filter(Elf::is_relocatable)?;
    let symbols = elf.full_symbols(Some(&hits.addresses(number, 0)))?;
    let table = SymbolTable::new(symbols.iter().map(Found::at_address).collect());
    Some(hits.name(number, &table, 0))
}
