//! `wazo-auth plugin new`: a plugin to begin with, from the files of
//! `host/plugin-template`.
//!
//! These are real files, of a plugin named `my_plugin`: its name is all that is
//! replaced in them, and the line that says where the plugin API is.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

/// What to begin.
#[derive(Debug, Args)]
pub(crate) struct NewPlugin {
    /// The name by which it is enabled: small letters, digits, single underscores.
    name: String,
    /// What it does; the guide of wazo-auth-plugin-api explains the kinds.
    #[arg(long, value_enum, default_value_t = Kind::Backend)]
    kind: Kind,
    /// The folder to make; by default NAME in the current one.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The folder plugin-api of a checkout of wazo-auth, to build against instead of the
    /// published crate.
    #[arg(long, value_name = "PATH")]
    plugin_api: Option<PathBuf>,
}

/// The kinds of plugins.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    Backend,
    IdentityProvider,
    Metadata,
    ExternalAuth,
    EmailNotification,
    Http,
}

/// The name in the template, and the form of it for Debian.
const NAME: &str = "my_plugin";
const DEBIAN_NAME: &str = "my-plugin";
/// The line of the template that says where the plugin API is.
const PUBLISHED_API: &str = "wazo-auth-plugin-api = \"1\"\n";
/// File names cannot be of any length.
const LONGEST_NAME: usize = 50;

/// A file of the template.
macro_rules! template {
    ($($part:literal),+) => {
        include_str!(concat!("../plugin-template/", $($part),+))
    };
}

/// The code and the configuration of a kind.
macro_rules! of_kind {
    ($kind:literal) => {
        (template!($kind, "/lib.rs"), template!($kind, "/conf.yml"))
    };
}

/// Makes the folder; says what it is.
///
/// # Errors
/// A sentence on what is wrong with the name, a folder or a file.
pub(crate) fn run(new: &NewPlugin) -> Result<String, String> {
    check_name(&new.name)?;
    let api = new.plugin_api.as_deref().map(dependency).transpose()?;
    let dir = new.dir.clone().unwrap_or_else(|| PathBuf::from(&new.name));
    fs::create_dir(&dir).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{} exists already, and is left as it is; choose another --dir", dir.display())
        }
        _ => format!("cannot make the folder {}: {error}", dir.display()),
    })?;
    for (file, text) in files(new.kind, &new.name, api.as_deref()) {
        let file = dir.join(file);
        write(&file, &text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    Ok(format!(
        "{} holds the {} `{}`. In there, `cargo test` tests it, and README.md says how to go on.\n",
        dir.display(),
        described(new.kind),
        new.name
    ))
}

fn check_name(name: &str) -> Result<(), String> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let is_well_formed = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= LONGEST_NAME
        && name.split('_').all(is_word);
    if !is_well_formed {
        return Err(format!(
            "{name:?} cannot be the name of a plugin: it consists of small letters, digits and \
             single underscores between them, begins with a letter, and has at most {LONGEST_NAME} \
             of them, like acme_2"
        ));
    }
    if wazo_auth_plugins::is_own_name(name) {
        return Err(format!(
            "`{name}` is a name of wazo-auth's own: choose another one for your plugin"
        ));
    }
    Ok(())
}

/// The line for Cargo.toml that names a checkout.
fn dependency(path: &Path) -> Result<String, String> {
    let manifest = path.join("Cargo.toml");
    let found = fs::read_to_string(&manifest)
        .map_err(|error| format!("cannot read {}: {error}", manifest.display()))?;
    if !found.contains("name = \"wazo-auth-plugin-api\"") {
        return Err(format!(
            "{} is not the crate wazo-auth-plugin-api: name the folder plugin-api of a checkout",
            path.display()
        ));
    }
    // The crate may be anywhere: a relative path would have to be seen from there.
    let path = path
        .canonicalize()
        .map_err(|error| format!("cannot follow {}: {error}", path.display()))?;
    let text = path.to_str().ok_or_else(|| {
        format!("{} is not UTF-8, which cargo cannot read in Cargo.toml", path.display())
    })?;
    // A text of TOML is written as one of JSON.
    Ok(format!("wazo-auth-plugin-api = {{ path = {} }}\n", serde_json::Value::from(text)))
}

/// The files of a new plugin, by their paths in its folder.
fn files(kind: Kind, name: &str, api: Option<&str>) -> [(String, String); 6] {
    let fill = |text: &str| text.replace(NAME, name).replace(DEBIAN_NAME, &name.replace('_', "-"));
    let manifest = fill(template!("Cargo.toml"));
    let manifest = api.map_or(manifest.clone(), |api| manifest.replace(PUBLISHED_API, api));
    let (code, config) = code_and_config(kind);
    [
        ("Cargo.toml".to_owned(), manifest),
        ("src/lib.rs".to_owned(), fill(code)),
        (format!("{name}.yml"), fill(config)),
        ("README.md".to_owned(), fill(template!("README.md"))),
        ("package".to_owned(), fill(template!("package"))),
        (".gitignore".to_owned(), fill(template!("gitignore"))),
    ]
}

fn code_and_config(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Backend => of_kind!("backend"),
        Kind::IdentityProvider => of_kind!("identity_provider"),
        Kind::Metadata => of_kind!("metadata"),
        Kind::ExternalAuth => of_kind!("external_auth"),
        Kind::EmailNotification => of_kind!("email_notification"),
        Kind::Http => of_kind!("http"),
    }
}

fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::Backend => "backend",
        Kind::IdentityProvider => "identity provider",
        Kind::Metadata => "metadata plugin",
        Kind::ExternalAuth => "external authentication",
        Kind::EmailNotification => "e-mail plugin",
        Kind::Http => "HTTP plugin",
    }
}

/// Writes a file that is not there yet. One that begins as a script can be run.
fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(file)?;
    file.write_all(text.as_bytes())?;
    if text.starts_with("#!") {
        file.set_permissions(fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit_nowhere_are_refused() {
        for name in ["acme", "a", "acme_2", "a_1_b"] {
            assert_eq!(check_name(name), Ok(()));
        }
        let long = "a".repeat(LONGEST_NAME + 1);
        for name in ["", "_", "Acme", "2acme", "acme_", "_acme", "a__b", "a-b", "a/b", "é", &long]
        {
            assert!(check_name(name).unwrap_err().contains("cannot be the name"), "{name}");
        }
        for name in ["wazo_user", "ldap", "smtp", "users", "saml", "native"] {
            assert!(check_name(name).unwrap_err().contains("wazo-auth's own"), "{name}");
        }
    }

    #[test]
    fn nothing_of_the_templates_name_is_left() {
        for kind in Kind::value_variants() {
            for (file, text) in
                files(*kind, "acme_2", Some("wazo-auth-plugin-api = { path = \"/x\" }\n"))
            {
                for left in [NAME, DEBIAN_NAME, PUBLISHED_API] {
                    assert!(!text.contains(left), "{left:?} in {file} of {kind:?}");
                }
            }
        }
    }

    #[test]
    fn without_a_checkout_the_published_crate_is_used() {
        let [(_, manifest), ..] = files(Kind::Http, "acme", None);
        assert!(manifest.contains("name = \"acme\"") && manifest.contains(PUBLISHED_API));
    }
}
