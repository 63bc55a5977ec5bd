//! Opens a library that was looked at, and makes plugins with it.
//!
//! Here and in [`c`] is the `unsafe` code of this crate. From `dlopen` on the
//! library's code runs in this process: what can be checked was checked before.

use std::{
    error::Error,
    fmt::Write as _,
    fs::File,
    io,
    mem::ManuallyDrop,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use abi_stable::{
    StableAbi,
    abi_stability::abi_checking::check_layout_compatibility,
    library::{AbiHeaderRef, LibHeader, ROOT_MODULE_LOADER_NAME},
    std_types::{RResult, RStr},
};
use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use sha2::{Digest, Sha256};
use wazo_auth_plugin_api::{
    Error as Failure,
    abi::{HostBox, PluginBox, PluginModule_Ref},
};

use crate::{
    look::{Inspection, LookError, check_version},
    text::one_line,
};

mod c;

/// Most bytes of the system's words in a sentence.
const WORDS: usize = 500;

/// An opened library; it stays open until the process ends.
#[derive(Clone, Copy)]
pub(crate) enum Library {
    /// Made with `export_plugins!`.
    Rust(PluginModule_Ref),
    /// Made with the header of C.
    C(c::Table),
}

/// Why a library was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OpenError {
    #[error(transparent)]
    Look(#[from] LookError),
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error(
        "{} has the SHA-256 digest {found}, but the configuration demands {expected}; \
         put the right file there or correct plugins.{plugin}.sha256", file.display()
    )]
    Digest { plugin: String, file: PathBuf, found: String, expected: String },
    #[error(
        "{} was replaced by another file since it was looked at; start the daemon again", file.display()
    )]
    Replaced { file: PathBuf },
    #[error(
        "{} cannot be opened: {reason}; build it again on this system, or install what it needs",
        file.display()
    )]
    Refused { file: PathBuf, reason: String },
    #[error("{} {reason}; build it again with export_plugins!", file.display())]
    NoRoot { file: PathBuf, reason: String },
    #[error("{} {reason}; build it again with wazo_auth_plugin.h", file.display())]
    NoTable { file: PathBuf, reason: String },
    #[error(
        "{} was built with an incompatible border ({reason}); \
         build it with an unchanged wazo-auth-plugin-api", file.display()
    )]
    Layout { file: PathBuf, reason: String },
}

/// Checks the digest of a plugin's file, if one is demanded: of the very file
/// that was looked at.
pub(crate) fn check_digest(
    plugin: &str,
    inspection: &Inspection,
    expected: Option<&str>,
) -> Result<(), OpenError> {
    let Some(expected) = expected else { return Ok(()) };
    let file = || inspection.file.clone();
    let found = digest(&inspection.opened)
        .map_err(|source| OpenError::Unreadable { file: file(), source })?;
    if found.eq_ignore_ascii_case(expected.trim()) {
        return Ok(());
    }
    let (plugin, expected) = (plugin.to_owned(), expected.to_owned());
    Err(OpenError::Digest { plugin, file: file(), found, expected })
}

fn digest(file: &File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut block, offset)?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
        offset += read as u64;
    }
    Ok(hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// `dlopen` takes a path, and a path may lead to another file by now. (The
/// descriptor, as /proc/self/fd/N, would lead to the right one for sure; but
/// then the library does not know where it is: neither `$ORIGIN` nor a
/// backtrace would work, and a number used again means the old library.)
fn check_in_place(inspection: &Inspection) -> Result<(), OpenError> {
    let file = || inspection.file.clone();
    match inspection.is_in_place() {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::Replaced { file: file() }),
        Err(source) => Err(OpenError::Unreadable { file: file(), source }),
    }
}

// === impl Library ===

impl Library {
    /// Opens a library. It must fit this process, and its digest must have
    /// been checked.
    pub(crate) fn open(inspection: &Inspection) -> Result<Self, OpenError> {
        let file = &inspection.file;
        check_in_place(inspection)?;
        let handle = open_for_ever(file);
        check_in_place(inspection)?;
        let handle = handle.map_err(|reason| OpenError::Refused { file: file.clone(), reason })?;
        if let Some(table) = table_of(&handle) {
            let no_table = |reason| OpenError::NoTable { file: file.clone(), reason };
            return table.map(Self::C).map_err(no_table);
        }
        let no_root = |reason| OpenError::NoRoot { file: file.clone(), reason };
        let header = header_of(&handle).map_err(no_root)?;
        check_version(file, header.version_strings().version.as_str())?;
        check_layout(header).map_err(|reason| OpenError::Layout { file: file.clone(), reason })?;
        Self::init(header).map_err(no_root)
    }

    /// Makes one plugin.
    pub(crate) fn create(
        self,
        kind: &str,
        name: &str,
        config: &str,
        host: HostBox,
    ) -> Result<PluginBox, Failure> {
        let module = match self {
            Self::Rust(module) => module,
            Self::C(table) => {
                return table.create(kind, name, config, host).map_err(Failure::from);
            }
        };
        let create = module.create();
        match create(RStr::from(kind), RStr::from(name), RStr::from(config), host) {
            RResult::ROk(object) => Ok(object),
            RResult::RErr(failure) => Err(failure.into()),
        }
    }

    #[allow(unsafe_code, reason = "takes the root module for what its layout says it is")]
    fn init(header: &'static LibHeader) -> Result<Self, String> {
        // SAFETY: `check_layout` has compared the layout of the module in this
        // very header with that of `PluginModule_Ref`.
        let module = unsafe { header.unchecked_layout::<PluginModule_Ref>() };
        module.map(Self::Rust).map_err(|error| {
            format!("exports a plugin header that fails: {}", one_line(&error.to_string(), WORDS))
        })
    }
}

/// Opens the file for ever.
#[allow(unsafe_code, reason = "dlopen runs the library's initialisers")]
fn open_for_ever(file: &Path) -> Result<ManuallyDrop<Handle>, String> {
    // RTLD_NOW: a missing symbol is an error here, not the end of the process
    // at the first call. RTLD_LOCAL: no library sees the symbols of another.
    // SAFETY: the file is a whole library for this machine, written by nobody
    // but root or the daemon's user, with a manifest of ours: its initialisers
    // are trusted as the daemon's own code is.
    let handle = unsafe { Handle::open(Some(file), RTLD_NOW | RTLD_LOCAL) };
    // Never closed, whatever is found in it: threads, thread-locals and
    // `'static` references into it may live as long as the process.
    handle.map(ManuallyDrop::new).map_err(|error| {
        let text = with_sources(&error);
        // What the dynamic linker says begins with the file, which the
        // sentence names already.
        let own = text.rsplit_once(&format!("{}: ", file.display()));
        one_line(own.map_or(&text, |(_, reason)| reason), WORDS)
    })
}

/// The address of what this file exports under a name.
#[allow(unsafe_code, reason = "dlsym trusts the library's symbols")]
fn exported(handle: &Handle, name: &str) -> Option<*const u8> {
    // SAFETY: only the address is taken.
    let symbol = unsafe { handle.get::<*const u8>(name) };
    let address = symbol.ok()?.as_raw_ptr().cast_const().cast::<u8>();
    Some(address).filter(|address| !address.is_null())
}

/// Gives the table of C that this file exports, unless it is made with
/// `export_plugins!`.
#[allow(unsafe_code, reason = "trusts the type of a symbol")]
fn table_of(handle: &Handle) -> Option<Result<c::Table, String>> {
    if exported(handle, ROOT_MODULE_LOADER_NAME).is_some() {
        return None;
    }
    let symbol = exported(handle, c::SYMBOL)?;
    // SAFETY: the manifest says that it is one of our plugins, in which that
    // name is a table of the header; the library is never closed.
    Some(unsafe { c::Table::read(symbol) })
}

/// Gives the header that *this file* exports.
#[allow(unsafe_code, reason = "dlsym trusts the library's symbols")]
fn header_of(handle: &Handle) -> Result<&'static LibHeader, String> {
    if exported(handle, ROOT_MODULE_LOADER_NAME).is_none() {
        return Err("does not export the plugin header".to_owned());
    }
    // SAFETY: the symbol exists and is not null; the manifest says that it was
    // exported by `export_plugins!`, which makes it a `LibHeader`. It begins
    // with an `AbiHeader`, whose magic `upgrade` checks before anything else.
    let header = unsafe { handle.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME) };
    // Why not, it says in many lines for authors of borders.
    let header = header.ok().and_then(|header| header.upgrade().ok());
    header.ok_or_else(|| "exports a plugin header that this daemon cannot read".to_owned())
}

/// The root module never grows, so that the layouts must be the same.
fn check_layout(header: &LibHeader) -> Result<(), String> {
    let layout = header.layout().ok_or("it does not describe its types")?;
    check_layout_compatibility(<PluginModule_Ref as StableAbi>::LAYOUT, layout)
        .map_err(|errors| short(&errors.to_string()))
}

/// An error and its sources: libloading's own text says nothing of the reason.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

/// abi_stable describes a mismatch by a thousand lines of type dump; the few
/// that begin with `Error:` say what it is.
fn short(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let Some(first) = lines.clone().find(|line| line.starts_with("Error:")) else {
        return lines.next().unwrap_or("no reason was given").to_owned();
    };
    let details = text.lines().map(str::trim);
    let details = details.skip_while(|line| *line != first).skip(1).take(3);
    details.fold(first.to_owned(), |mut text, line| {
        let _ = write!(text, " {line}");
        text
    })
}

#[cfg(test)]
mod tests;
