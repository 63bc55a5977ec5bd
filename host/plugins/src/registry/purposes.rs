//! Which metadata plugins speak for the users of which purpose.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::MetadataPlugin;

/// Each purpose and its default plugin.
const DEFAULTS: [(&str, &str); 3] = [
    ("user", "default_user"),
    ("internal", "default_internal"),
    ("external_api", "default_external_api"),
];

type Plugins = IndexMap<String, Arc<MetadataPlugin>>;

/// The metadata plugins of each purpose that tokens can be made for.
pub(crate) struct Purposes(Vec<(&'static str, Vec<Arc<MetadataPlugin>>)>);

// === impl Purposes ===

impl Purposes {
    /// Default plugins first, then the mapping's; what is unknown is said in
    /// the log and ignored.
    pub(crate) fn new(plugins: &Plugins, mapping: &IndexMap<String, Vec<String>>) -> Self {
        for purpose in mapping.keys() {
            if !DEFAULTS.iter().any(|(known, _)| known == purpose) {
                log::warn!(target: "wazo_auth.plugins",
                    "purpose_metadata_mapping: there is no purpose `{purpose}`; it is ignored");
            }
        }
        let no_names = Vec::new();
        let purposes = DEFAULTS.iter().filter_map(|(purpose, default)| {
            let names = mapping.get(*purpose).unwrap_or(&no_names);
            Some((*purpose, of_purpose(plugins, purpose, default, names)?))
        });
        Self(purposes.collect())
    }

    pub(crate) fn get(&self, purpose: &str) -> Option<&[Arc<MetadataPlugin>]> {
        let found = self.0.iter().find(|(known, _)| *known == purpose)?;
        Some(&found.1)
    }
}

fn of_purpose(
    plugins: &Plugins,
    purpose: &str,
    default: &str,
    names: &[String],
) -> Option<Vec<Arc<MetadataPlugin>>> {
    let mut chosen: Vec<Arc<MetadataPlugin>> = Vec::new();
    let mut add = |plugin: &Arc<MetadataPlugin>| {
        if !chosen.iter().any(|known| known.name() == plugin.name()) {
            chosen.push(Arc::clone(plugin));
        }
    };
    let default_plugin = plugins.get(default);
    match default_plugin {
        Some(plugin) => add(plugin),
        None => log::warn!(target: "wazo_auth.plugins",
            "the metadata plugin `{default}` is not enabled or not loaded: \
             no token can be created for users of purpose `{purpose}`"),
    }
    for name in names {
        match plugins.get(name) {
            Some(plugin) => add(plugin),
            None => log::warn!(target: "wazo_auth.plugins",
                "purpose_metadata_mapping.{purpose}: there is no enabled metadata plugin \
                 `{name}`; it is ignored"),
        }
    }
    default_plugin.map(|_| chosen)
}
