//! Whether a file fits, before anything of it runs: what comes before a
//! [trial](crate::Trial).

use std::{fs, path::Path, time::Duration};

use crate::{
    Inspection, Isolation, Settings, inspect, kind,
    registry::{Absent, Catalog, Choices, offers_others},
    text::one_line,
};

/// Most bytes of a name from a manifest in a sentence.
const WORDS: usize = 80;

/// One plugin of a file that was looked at.
pub struct Checked {
    /// `backend`, say, or a kind that this daemon does not know.
    pub kind: String,
    /// The name by which it is enabled.
    pub name: String,
    /// How it would be started, or why it does not fit: a sentence.
    pub start: Result<Start, String>,
}

/// How a plugin would be started.
pub struct Start {
    /// Time that a call may take.
    pub timeout: Duration,
    /// What is handed to the plugin, in JSON; it may hold secrets.
    pub config: String,
    /// Where it would run.
    pub isolation: Isolation,
}

/// Looks at a file as the loader does, with what is configured of the plugins
/// that it offers, whether they are enabled or not, and as if all of them were to
/// run at one place, if that is given. Nothing of it runs.
///
/// # Errors
/// What does not fit about the file as a whole, as a sentence.
pub fn check(
    settings: &Settings,
    file: &Path,
    isolation: Option<Isolation>,
) -> Result<Vec<Checked>, String> {
    let inspection = inspect(file).map_err(|error| error.to_string())?;
    let mut settings = settings.clone();
    if let Some(isolation) = isolation {
        for offer in &inspection.manifest.plugins {
            settings.plugins.entry(offer.name.clone()).or_default().isolation = isolation;
        }
    }
    let settings = &settings;
    let in_process = |name: &str| {
        let options = settings.plugins.get(name);
        options.is_none_or(|options| options.isolation == Isolation::InProcess)
    };
    let fits = match inspection.manifest.plugins.iter().any(|offer| in_process(&offer.name)) {
        true => inspection.fits_in_process(),
        false => inspection.fits(),
    };
    fits.map_err(|error| error.to_string())?;
    if inspection.manifest.plugins.is_empty() {
        let file = inspection.file.display();
        return Err(format!("{file} offers no plugin; name one in export_plugins!"));
    }
    check_configured_names(settings, &inspection)?;
    let catalog = Catalog::read(&settings.plugin_dirs);
    let offers = inspection.manifest.plugins.iter();
    let checked = offers.map(|offer| Checked {
        kind: one_line(&offer.kind, WORDS),
        name: one_line(&offer.name, WORDS),
        start: judge(settings, &catalog, &inspection, &offer.kind, &offer.name),
    });
    Ok(checked.collect())
}

/// A name for which this very file is configured must be in it.
fn check_configured_names(settings: &Settings, inspection: &Inspection) -> Result<(), String> {
    for (name, options) in &settings.plugins {
        let path = options.path.as_ref().and_then(|path| fs::canonicalize(path).ok());
        let offered = inspection.manifest.plugins.iter().any(|offer| offer.name == *name);
        if path.as_ref() == Some(&inspection.file) && !offered {
            let enabled = |kind: &&str| settings.enabled(kind).contains(&name.as_str());
            let kind = kind::ALL.into_iter().find(enabled).unwrap_or(kind::BACKEND);
            return Err(offers_others(inspection, kind, name));
        }
    }
    Ok(())
}

fn judge(
    settings: &Settings,
    catalog: &Catalog,
    inspection: &Inspection,
    kind: &str,
    name: &str,
) -> Result<Start, String> {
    let Some(kind) = kind::ALL.into_iter().find(|known| *known == kind) else {
        let (kind, known) = (one_line(kind, WORDS), kind::ALL.join(", "));
        return Err(format!(
            "this daemon knows no kind of plugin `{kind}`, only {known}; \
             update the daemon, or build the plugin as one of these"
        ));
    };
    // Outside the folders it may be the next version of what is in them.
    if catalog.has(&inspection.file) {
        let single = Choices::new(settings, catalog).check_single(kind, name);
        single.map_err(|error| error.to_string())?;
    }
    let mut settings = settings.clone();
    settings.plugins.entry(name.to_owned()).or_default().path = Some(inspection.file.clone());
    match Choices::new(&settings, catalog).choose(kind, name) {
        Ok(choice) => Ok(Start {
            timeout: choice.timeout,
            config: choice.config,
            isolation: choice.isolation,
        }),
        Err(Absent::Refused(refusal)) => Err(refusal.reason),
        Err(Absent::NotInstalled) => Err(offers_others(inspection, kind, name)),
    }
}
