//! The rule of versions: the same major, and no later minor than ours.

use std::path::Path;

use wazo_auth_plugin_api::manifest::API_VERSION;

use super::LookError;

/// Whether a daemon of this version loads a plugin built for `found`.
pub(crate) fn check(file: &Path, found: &str) -> Result<(), LookError> {
    let ours = parse(API_VERSION);
    let (file, found_text) = (file.to_owned(), found.to_owned());
    match (parse(found), ours) {
        (Some(found), Some(ours)) if found.0 == ours.0 && found.1 <= ours.1 => Ok(()),
        (Some(found), Some(ours)) if found.0 == ours.0 => {
            Err(LookError::ApiNewer { file, found: found_text })
        }
        _ => Err(LookError::ApiMajor { file, found: found_text }),
    }
}

/// Major and minor of `1.2.3`.
fn parse(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor))
}
