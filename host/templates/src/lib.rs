//! The texts of mails, and the page that confirms an address: Jinja files that an
//! administrator may replace (email-flows.md section 6).
//!
//! ```text
//!  file ─▶ compiled when it has changed ─▶ rendered with a mail's variables ─▶ text
//!    └ the default one, and missing: our own copy
//! ```

mod error;
mod python;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use minijinja::{AutoEscape, Environment, value::Serde};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

pub use error::TemplateError;

/// What is written by a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// The mail that asks to confirm an address.
    Confirmation,
    /// Its subject.
    ConfirmationSubject,
    /// What the browser shows of who has followed the link.
    ConfirmationPage,
    /// The mail with the link for another password.
    PasswordReset,
    /// Its subject.
    PasswordResetSubject,
}

/// Where the package puts our own templates.
const FOLDER: &str = "/var/lib/wazo-auth/templates";

/// All templates, by file.
#[derive(Debug)]
pub struct Templates {
    files: [File; 5],
}

/// A template's file, and what was last made of it.
#[derive(Debug)]
struct File {
    template: Template,
    path: PathBuf,
    compiled: Mutex<Option<Compiled>>,
}

#[derive(Debug)]
struct Compiled {
    /// What the file was; none: our own copy was taken in its stead.
    of: Option<Stamp>,
    environment: Arc<Environment<'static>>,
}

/// By what a changed file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
}

// === impl Template ===

impl Template {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::Confirmation,
        Self::ConfirmationSubject,
        Self::ConfirmationPage,
        Self::PasswordReset,
        Self::PasswordResetSubject,
    ];

    /// Where its file is when the configuration does not say.
    #[must_use]
    pub fn default_path(self) -> PathBuf {
        let (name, _) = self.own();
        Path::new(FOLDER).join(name)
    }

    /// The name of its file, and our own content.
    fn own(self) -> (&'static str, &'static str) {
        macro_rules! own {
            ($name:literal) => {
                ($name, include_str!(concat!("../../../etc/templates/", $name)))
            };
        }
        match self {
            Self::Confirmation => own!("email_confirmation.jinja"),
            Self::ConfirmationSubject => own!("email_confirmation_subject.jinja"),
            Self::ConfirmationPage => own!("email_confirmation_get_body.jinja"),
            Self::PasswordReset => own!("password_reset_email.jinja"),
            Self::PasswordResetSubject => own!("password_reset_email_subject.jinja"),
        }
    }

    /// Variables such as a mail may have.
    fn example(self) -> Map<String, Value> {
        let link = match self {
            Self::ConfirmationPage => return Map::new(),
            Self::Confirmation | Self::ConfirmationSubject => "email_uuid",
            Self::PasswordReset | Self::PasswordResetSubject => "user_uuid",
        };
        let uuid = "00000000-0000-4000-8000-000000000000";
        let context = json!({
            link: uuid, "token": uuid, "username": "alice", "email_address": "alice@example.com",
            "hostname": "example.com", "port": 443, "prefix": "/api/auth",
        });
        context.as_object().cloned().unwrap_or_default()
    }
}

// === impl Templates ===

impl Templates {
    /// The templates in the files that `path` names. Nothing is read yet.
    #[must_use]
    pub fn new(path: impl Fn(Template) -> PathBuf) -> Self {
        let file = |template| File { template, path: path(template), compiled: Mutex::default() };
        Self { files: Template::ALL.map(file) }
    }

    /// The text. The file is read again when it has changed.
    ///
    /// # Errors
    /// [`TemplateError`]: the file cannot be read, or is no template, or fails
    /// with these variables.
    pub fn render(
        &self,
        template: Template,
        variables: &Map<String, Value>,
    ) -> Result<String, TemplateError> {
        let [first, rest @ ..] = &self.files;
        let file = rest.iter().find(|file| file.template == template).unwrap_or(first);
        file.render(variables)
    }

    /// What is wrong with each template, as far as rendering it once for nobody
    /// shows.
    #[must_use]
    pub fn check(&self) -> Vec<(Template, TemplateError)> {
        let wrong = |file: &File| {
            let error = file.render(&file.template.example()).err()?;
            Some((file.template, error))
        };
        self.files.iter().filter_map(wrong).collect()
    }
}

// === impl File ===

impl File {
    fn render(&self, variables: &Map<String, Value>) -> Result<String, TemplateError> {
        let environment = self.compiled()?;
        let template = environment.get_template(NAME);
        let text =
            template.and_then(|template| template.render(minijinja::Value::from(Serde(variables))));
        text.map_err(|error| TemplateError::wrong(&self.path, &error))
    }

    fn compiled(&self) -> Result<Arc<Environment<'static>>, TemplateError> {
        let unreadable = |source| TemplateError::Unreadable { path: self.path.clone(), source };
        let of = self.stamp().map_err(unreadable)?;
        let mut compiled = self.compiled.lock();
        if let Some(known) = compiled.as_ref().filter(|known| known.of == of) {
            return Ok(Arc::clone(&known.environment));
        }
        let source = match of {
            Some(_) => fs::read_to_string(&self.path).map_err(unreadable)?,
            None => self.template.own().1.to_owned(),
        };
        let environment = compile(source);
        let environment = environment.map_err(|error| TemplateError::wrong(&self.path, &error))?;
        let environment = Arc::new(environment);
        *compiled = Some(Compiled { of, environment: Arc::clone(&environment) });
        Ok(environment)
    }

    /// What the file is at this moment; none where our own copy stands for it.
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        match fs::metadata(&self.path) {
            Ok(file) => Ok(Some(Stamp { modified: file.modified()?, length: file.len() })),
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && self.path == self.template.default_path() =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What the one template of an environment is called in there.
const NAME: &str = "template";

fn compile(source: String) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // Mails are plain text, and the page has no variables.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // A template that goes round for ever must not keep a thread.
    environment.set_fuel(Some(FUEL));
    python::speak(&mut environment);
    environment.add_template_owned(NAME, source)?;
    Ok(environment)
}

/// Steps that a template may take: a hundred lines take some thousand.
const FUEL: u64 = 1_000_000;

#[cfg(test)]
mod tests;
