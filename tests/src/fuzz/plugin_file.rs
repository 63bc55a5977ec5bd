//! Any bytes as a plugin file.
//!
//! What begins with `{` is the text of a manifest, for which a file is made.

use std::{cell::OnceCell, fs, os::unix::fs::PermissionsExt};

use tempfile::TempDir;
use wazo_auth_plugin_api::manifest;
use wazo_auth_plugins::inspect;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// # Panics
/// When what is said of the file is more than two lines.
pub fn run(bytes: &[u8]) {
    let made;
    let content = if bytes.starts_with(b"{") {
        made = library(&section(bytes));
        &made
    } else {
        bytes
    };
    let file = FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().unwrap());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        folder.path().join("x.so")
    });
    fs::write(&file, content).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    match inspect(&file) {
        Ok(inspection) => {
            let manifest = &inspection.manifest;
            let mut texts = vec![&manifest.plugin_api, &manifest.target, &manifest.build];
            texts.extend([&manifest.package.name, &manifest.package.version, &manifest.panic]);
            let offers = manifest.plugins.iter();
            texts.extend(offers.flat_map(|offer| [&offer.kind, &offer.name, &offer.version]));
            // Each stands in a line of its own.
            texts.iter().for_each(|text| {
                super::check_sentence(text);
                assert!(!text.contains('\n'), "{text:?}");
            });
            if let Err(error) = inspection.fits_in_process() {
                super::check_sentence(&error.to_string());
            }
        }
        Err(error) => super::check_sentence(&error.to_string()),
    }
}

/// The section of a file with this text as its manifest.
fn section(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(24 + text.len()).unwrap();
    let parts =
        [&length.to_le_bytes(), &manifest::MAGIC[..], &manifest::VERSION.to_le_bytes(), text];
    parts.concat()
}

/// The smallest library with this section: ELF header, one program header, the
/// section, its name, three section headers (64 bits, little endian, x86-64).
#[must_use]
pub fn library(section: &[u8]) -> Vec<u8> {
    let names = format!("\0{}\0.shstrtab\0", manifest::SECTION);
    let (start, names_start) = (64 + 56, 64 + 56 + section.len());
    let headers = (names_start + names.len()).next_multiple_of(8);
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let halves = |elf: &mut Vec<u8>, numbers: &[u16]| {
        numbers.iter().for_each(|number| elf.extend(number.to_le_bytes()));
    };
    let words = |elf: &mut Vec<u8>, numbers: &[u32]| {
        numbers.iter().for_each(|number| elf.extend(number.to_le_bytes()));
    };
    let longs = |elf: &mut Vec<u8>, numbers: &[usize]| {
        numbers.iter().for_each(|number| elf.extend((*number as u64).to_le_bytes()));
    };
    halves(&mut elf, &[3, 62]); // a shared library, x86-64
    words(&mut elf, &[1]);
    longs(&mut elf, &[0, 64, headers]);
    words(&mut elf, &[0]);
    halves(&mut elf, &[64, 56, 1, 64, 3, 2]);
    words(&mut elf, &[1, 4]); // PT_LOAD, readable
    longs(&mut elf, &[0, 0, 0, start, start, 4096]);
    elf.extend(section);
    elf.extend(names.as_bytes());
    elf.resize(headers, 0);
    elf.resize(headers + 64, 0); // the section of no name
    let mut header = |name: u32, kind: u32, offset: usize, size: usize| {
        words(&mut elf, &[name, kind]);
        longs(&mut elf, &[0, 0, offset, size]);
        words(&mut elf, &[0, 0]);
        longs(&mut elf, &[1, 0]);
    };
    header(1, 1, start, section.len());
    header(2 + u32::try_from(manifest::SECTION.len()).unwrap(), 3, names_start, names.len());
    elf
}
