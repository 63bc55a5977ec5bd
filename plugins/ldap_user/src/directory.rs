//! Asking the LDAP server of a tenant who somebody is (plugins.md sections 8.3 to
//! 8.5).

use ldap3::{Scope, SearchEntry};
use wazo_auth_plugin_api::{host::LdapConfig, log};

use crate::{
    connection::{Connection, Failure, Search, Security},
    escape, filter,
    tls::Trust,
};

/// Where the login attribute is all that a filter has to say.
const DEFAULT_FILTER: &str = "{user_login_attribute}={username}";
const ANY_OBJECT: &str = "(objectClass=*)";
/// Longest text of a server in a line of the log, in characters.
const LONGEST_TEXT: usize = 300;
/// Shorter texts stand in any sentence by chance, in bytes: to hide those would show
/// where they are.
const LEAST_SECRET: usize = 4;

/// Why the server could not be asked; a line for the log.
struct Problem {
    level: log::Level,
    text: String,
}

/// The server of a tenant.
pub(crate) struct Directory<'c> {
    config: &'c LdapConfig,
    trust: &'c Trust,
}

// === impl Directory ===

impl<'c> Directory<'c> {
    pub(crate) fn new(config: &'c LdapConfig, trust: &'c Trust) -> Self {
        Self { config, trust }
    }

    /// The e-mail address, in small letters, that the server has for whom it believes
    /// to be `login`. What keeps it from answering goes to the log.
    pub(crate) fn email_of(&self, login: &str, password: &str) -> Option<String> {
        // A server takes an empty one for somebody who does not want to say who it is.
        if login.is_empty() || password.is_empty() {
            return None;
        }
        let found = self.ask(login, password).unwrap_or_else(|problem| {
            self.tell(&problem, password);
            None
        });
        found.map(|email| email.to_lowercase())
    }

    fn ask(&self, login: &str, password: &str) -> Result<Option<String>, Problem> {
        // What is wrong with the configuration is told without asking anybody.
        let service = self.service_account(login)?;
        let mut connection = self.connect()?;
        let email = match service {
            Some(service) => self.ask_as_service(&mut connection, &service, password),
            None => {
                let attribute = &self.config.user_login_attribute;
                let base = &self.config.user_base_dn;
                let dn = format!("{attribute}={},{base}", escape::in_dn(login));
                self.ask_as_user(&mut connection, &dn, password)
            }
        };
        connection.close();
        email
    }

    /// The account that searches, with its filter, where there is one.
    fn service_account(&self, login: &str) -> Result<Option<Service<'c>>, Problem> {
        let given = |text: &'c Option<String>| text.as_deref().filter(|text| !text.is_empty());
        let config = self.config;
        let (Some(dn), Some(password)) = (given(&config.bind_dn), given(&config.bind_password))
        else {
            return Ok(None);
        };
        let values = [
            ("username", login),
            ("user_login_attribute", &config.user_login_attribute),
            ("user_email_attribute", &config.user_email_attribute),
        ];
        let template = given(&config.search_filters).unwrap_or(DEFAULT_FILTER);
        let filter = filter::filled_in(template, &values);
        let filter = filter.and_then(|filter| filter::checked(&filter));
        let filter = filter.map_err(|reason| {
            let text = format!("its search_filters cannot be used: {reason}");
            Problem { level: log::Level::Error, text }
        })?;
        Ok(Some(Service { dn, password, filter }))
    }

    fn ask_as_service(
        &self,
        connection: &mut Connection,
        service: &Service<'_>,
        password: &str,
    ) -> Result<Option<String>, Problem> {
        if !connection.bind(service.dn, service.password)? {
            return Err(warning("it does not accept its bind_dn with its bind_password"));
        }
        let base = &self.config.user_base_dn;
        let entry = self.search(connection, base, Scope::Subtree, &service.filter)?;
        // To nobody's name, a server takes any password.
        let Some(entry) = entry.filter(|entry| !entry.dn.is_empty()) else { return Ok(None) };
        if !connection.bind(&entry.dn, password)? {
            return Ok(None);
        }
        match self.email(&entry) {
            Some(email) => Ok(Some(email)),
            None => self.own_email(connection, &entry.dn),
        }
    }

    fn ask_as_user(
        &self,
        connection: &mut Connection,
        dn: &str,
        password: &str,
    ) -> Result<Option<String>, Problem> {
        if !connection.bind(dn, password)? {
            return Ok(None);
        }
        self.own_email(connection, dn)
    }

    /// What a user may read of its own entry.
    fn own_email(&self, connection: &mut Connection, dn: &str) -> Result<Option<String>, Problem> {
        let entry = self.search(connection, dn, Scope::Base, ANY_OBJECT)?;
        let email = entry.as_ref().and_then(|entry| self.email(entry));
        if email.is_none() {
            let attribute = &self.config.user_email_attribute;
            return Err(warning(&format!("no `{attribute}` of \"{dn}\" is to be seen")));
        }
        Ok(email)
    }

    /// The first value of the attribute, if it is a text that is not empty.
    fn email(&self, entry: &SearchEntry) -> Option<String> {
        let name = &self.config.user_email_attribute;
        let mut attributes = entry.attrs.iter();
        let (_, values) = attributes.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        values.first().filter(|value| !value.is_empty()).cloned()
    }

    fn search(
        &self,
        connection: &mut Connection,
        base: &str,
        scope: Scope,
        filter: &str,
    ) -> Result<Option<SearchEntry>, Failure> {
        let (base, filter) = (base.to_owned(), filter.to_owned());
        let attribute = self.config.user_email_attribute.clone();
        connection.search(Search { base, scope, filter, attribute })
    }

    fn connect(&self) -> Result<Connection, Problem> {
        let trusted = || self.trust.client().map_err(|reason| warning(&reason));
        let security = match self.config.protocol_security.as_deref() {
            Some("ldaps") => Security::Ldaps(trusted()?),
            Some("tls") => Security::StartTls(trusted()?),
            _ => Security::None,
        };
        let port = u16::try_from(self.config.port).ok().filter(|port| *port > 0);
        let port = port.ok_or_else(|| warning("there is no such port"))?;
        Ok(Connection::open(&self.config.host, port, self.version(), &security)?)
    }

    fn version(&self) -> u8 {
        match self.config.protocol_version {
            Some(2) => 2,
            _ => 3,
        }
    }

    fn tell(&self, problem: &Problem, password: &str) {
        let LdapConfig { tenant_uuid, host, port, .. } = self.config;
        // A server may say what it likes.
        let secrets = [Some(password), self.config.bind_password.as_deref()];
        let text = without(&problem.text, secrets.into_iter().flatten().collect());
        let (host, text) = (on_one_line(host), on_one_line(&text));
        log::log!(problem.level, "LDAP server {host}:{port} of tenant {tenant_uuid}: {text}");
    }
}

/// The longest secret first: a shorter one may be a part of it.
fn without(text: &str, mut secrets: Vec<&str>) -> String {
    secrets.retain(|secret| secret.len() >= LEAST_SECRET);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "<hidden>"))
}

fn on_one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().take(LONGEST_TEXT) {
        match c.is_control() {
            true => line.extend(c.escape_debug()),
            false => line.push(c),
        }
    }
    line
}

/// The account that searches for users.
struct Service<'c> {
    dn: &'c str,
    password: &'c str,
    /// Which entry it searches for.
    filter: String,
}

// === impl Problem ===

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        warning(&failure.to_string())
    }
}

fn warning(text: &str) -> Problem {
    Problem { level: log::Level::Warn, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_begins_another_one_uncovers_nothing_of_it() {
        let text = without("not swordfish1, not swordfish", vec!["swordfish", "swordfish1"]);
        assert_eq!(text, "not <hidden>, not <hidden>");
    }
}
