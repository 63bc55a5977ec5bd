//! The file as a shared library: whole, for this machine, with a manifest.

use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
};

use object::{
    Endianness, ReadCache, ReadRef, elf,
    read::elf::{FileHeader, ProgramHeader, SectionHeader},
};
use wazo_auth_plugin_api::manifest::SECTION;

use super::LookError;

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<Endianness>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<Endianness>;

/// Class and byte order of this machine, as an ELF file writes them.
const CLASS: u8 = if cfg!(target_pointer_width = "64") { 2 } else { 1 };
const ORDER: u8 = if cfg!(target_endian = "little") { 1 } else { 2 };

/// This machine, as an ELF file writes it; unknown ones are left to `dlopen`.
const MACHINE: Option<elf::Machine> = if cfg!(target_arch = "x86_64") {
    Some(elf::EM_X86_64)
} else if cfg!(target_arch = "aarch64") {
    Some(elf::EM_AARCH64)
} else if cfg!(target_arch = "x86") {
    Some(elf::EM_386)
} else if cfg!(target_arch = "arm") {
    Some(elf::EM_ARM)
} else if cfg!(any(target_arch = "riscv32", target_arch = "riscv64")) {
    Some(elf::EM_RISCV)
} else {
    None
};

/// Most bytes of a manifest that are read; it has some hundred.
const MAX_MANIFEST: u64 = 1024 * 1024;

/// Gives the manifest of a file that `dlopen` can open without harm.
pub(super) fn manifest_section(path: &Path, file: &File) -> Result<Vec<u8>, LookError> {
    check_ident(path, file)?;
    let data = ReadCache::new(file);
    let data = &data;
    let length = data.len().unwrap_or_default();
    // Everything that `object` cannot read from here on is beyond the end.
    let cut_off = || LookError::CutOff { file: path.to_owned(), length };

    let header = Header::parse(data).map_err(|_| cut_off())?;
    let order = header.endian().map_err(|_| cut_off())?;
    check_kind(path, header, order)?;
    for segment in header.program_headers(order, data).map_err(|_| cut_off())? {
        let (offset, size) = (segment.p_offset(order), segment.p_filesz(order));
        #[allow(clippy::useless_conversion, reason = "32 bits on a machine of 32 bits")]
        let end = u64::from(offset).checked_add(size.into());
        if end.is_none_or(|end| end > length) {
            return Err(cut_off());
        }
        if segment.p_type(order) == elf::PT_INTERP {
            return Err(LookError::NotALibrary { file: path.to_owned(), found: "a program" });
        }
    }
    let sections = header.sections(order, data).map_err(|_| cut_off())?;
    let Some((_, section)) = sections.section_by_name(order, SECTION.as_bytes()) else {
        return Err(LookError::NoManifest { file: path.to_owned() });
    };
    let Some((offset, size)) = section.file_range(order) else {
        return Ok(Vec::new()); // without content
    };
    // A manifest that announces more is told from a whole one by its length.
    let bytes = data.read_bytes_at(offset, size.min(MAX_MANIFEST));
    Ok(bytes.map_err(|()| cut_off())?.to_vec())
}

/// The first bytes: magic, class, byte order.
fn check_ident(path: &Path, mut file: &File) -> Result<(), LookError> {
    let unreadable = |source| LookError::Unreadable { file: path.to_owned(), source };
    let mut ident = Vec::with_capacity(6);
    file.take(6).read_to_end(&mut ident).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    match ident.as_slice() {
        [0x7f, b'E', b'L', b'F', CLASS, ORDER] => Ok(()),
        [0x7f, b'E', b'L', b'F', class, order] => {
            let bits = if *class == 2 { 64 } else { 32 };
            let end = if *order == 1 { "little" } else { "big" };
            let found = format!("a machine of {bits} bits, {end} endian");
            Err(LookError::Machine { file: path.to_owned(), found })
        }
        _ => Err(LookError::NotElf { file: path.to_owned() }),
    }
}

/// Machine and type.
fn check_kind(path: &Path, header: &Header, order: Endianness) -> Result<(), LookError> {
    let machine = header.e_machine(order);
    if MACHINE.is_some_and(|ours| ours != machine) {
        return Err(LookError::Machine { file: path.to_owned(), found: name_of(machine) });
    }
    let found = match header.e_type(order) {
        elf::ET_DYN => return Ok(()),
        elf::ET_EXEC => "a program",
        elf::ET_REL => "an object file",
        elf::ET_CORE => "a core dump",
        _ => "an ELF file of an unknown type",
    };
    Err(LookError::NotALibrary { file: path.to_owned(), found })
}

/// A machine in words, as far as plugins are likely to come from there.
fn name_of(machine: elf::Machine) -> String {
    let name = match machine {
        elf::EM_386 => "x86 (32 bits)",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_ARM => "arm (32 bits)",
        elf::EM_PPC64 => "powerpc64",
        elf::EM_RISCV => "riscv",
        elf::EM_S390 => "s390x",
        elf::EM_X86_64 => "x86_64",
        elf::Machine(number) => return format!("ELF machine {number}"),
    };
    name.to_owned()
}
