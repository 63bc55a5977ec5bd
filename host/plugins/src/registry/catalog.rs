//! What the files in `plugin_dirs` offer.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    Inspection, LookError, PluginReport, PluginState, inspect, registry::report::Registered,
};

/// What was seen in the folders, in the order of the folders and, within one,
/// of the files' names.
pub(crate) struct Catalog {
    files: Vec<Inspection>,
    refused: Vec<(PathBuf, LookError)>,
}

// === impl Catalog ===

impl Catalog {
    /// Looks at every `.so` of the folders. What cannot be used is said in the
    /// log: it may be the file that somebody misses.
    pub(crate) fn read(folders: &[PathBuf]) -> Self {
        let mut catalog = Self { files: Vec::new(), refused: Vec::new() };
        for folder in folders {
            match libraries(folder) {
                Ok(files) => files.iter().for_each(|file| catalog.add(file)),
                Err(error) => {
                    let folder = folder.display();
                    log::warn!(target: "wazo_auth.plugins",
                        "the folder {folder} of plugin_dirs cannot be read: {error}");
                }
            }
        }
        catalog
    }

    /// The files that offer a plugin.
    pub(crate) fn offering<'a>(
        &'a self,
        kind: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Inspection> {
        self.files.iter().filter(move |file| file.offers(kind, name).is_some())
    }

    /// Whether a file is in one of the folders.
    pub(crate) fn has(&self, file: &Path) -> bool {
        self.files.iter().any(|known| known.file == file)
    }

    /// A file that offers the name, as a plugin of whatever kind.
    pub(crate) fn offering_as_other(&self, name: &str) -> Option<&Inspection> {
        let offers = |file: &&Inspection| file.manifest.plugins.iter().any(|o| o.name == name);
        self.files.iter().find(offers)
    }

    /// The file that bears a plugin's name but is not used, if there is one,
    /// and why.
    pub(crate) fn refused_file_of(&self, name: &str) -> Option<(&Path, &LookError)> {
        let file_name = format!("lib{name}.so");
        let mut refused = self.refused.iter().map(|(file, error)| (&**file, error));
        refused.find(|(file, _)| file.ends_with(&file_name))
    }

    /// What is in the folders and was not loaded.
    pub(crate) fn not_loaded(&self, registered: &[Registered]) -> Vec<PluginReport> {
        let refused = self.refused.iter().map(|(file, error)| PluginReport {
            file: Some(file.clone()),
            reason: Some(error.to_string()),
            ..PluginReport::not_registered("", "", PluginState::Refused)
        });
        let offers = self.files.iter().flat_map(|file| {
            file.manifest.plugins.iter().map(move |offer| PluginReport {
                version: offer.version.clone(),
                file: Some(file.file.clone()),
                ..PluginReport::not_registered(&offer.kind, &offer.name, PluginState::NotEnabled)
            })
        });
        let loaded = |report: &PluginReport| {
            registered.iter().any(|loaded| report.is(loaded.kind, &loaded.name))
        };
        refused.chain(offers.filter(|report| !loaded(report))).collect()
    }

    fn add(&mut self, file: &Path) {
        match inspect(file) {
            // The same file may be reached by several folders and links.
            Ok(found) if self.files.iter().any(|known| known.file == found.file) => {}
            Ok(found) => self.files.push(found),
            Err(error) => {
                log::warn!(target: "wazo_auth.plugins", "{error}");
                self.refused.push((file.to_owned(), error));
            }
        }
    }
}

/// The `.so` files of a folder, by name.
fn libraries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "so") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}
