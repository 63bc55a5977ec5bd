//! From the configuration to mails: what they say, and what the plugin needs that
//! sends them (config.md section 2.7).

use std::sync::Arc;

use http::HeaderValue;
use serde_json::{Map, Value, json};
use wazo_auth_config::{Secret, Settings};
use wazo_auth_service::mails::{MailRules, Template, Templates};

/// The stock plugin whose settings have keys of their own.
pub(crate) const SMTP: &str = "smtp";

/// The settings of the rules.
pub(crate) fn rules(settings: &Settings) -> MailRules {
    MailRules {
        confirmation_expiration: i64::from(settings.email_confirmation.expiration),
        password_reset_expiration: i64::from(settings.password_reset.expiration),
        templates: Arc::new(templates(settings)),
    }
}

/// The templates in their files.
pub(crate) fn templates(settings: &Settings) -> Templates {
    let (confirmation, reset) = (&settings.email_confirmation, &settings.password_reset);
    let path = |template| match template {
        Template::Confirmation => &confirmation.body_template,
        Template::ConfirmationSubject => &confirmation.subject_template,
        Template::ConfirmationPage => &confirmation.page_template,
        Template::PasswordReset => &reset.body_template,
        Template::PasswordResetSubject => &reset.subject_template,
    };
    Templates::new(|template| path(template).clone())
}

/// The key that names the file of a template.
pub(crate) fn key(template: Template) -> &'static str {
    match template {
        Template::Confirmation => "email_confirmation_template",
        Template::ConfirmationSubject => "email_confirmation_subject_template",
        Template::ConfirmationPage => "email_confirmation_get_response_body_template",
        Template::PasswordReset => "password_reset_email_template",
        Template::PasswordResetSubject => "password_reset_email_subject_template",
    }
}

/// The content type of the page for who has confirmed an address; texts are in UTF-8.
pub(crate) fn page_type(settings: &Settings) -> Result<HeaderValue, BadMimetype> {
    let mimetype = &settings.email_confirmation.page_mimetype;
    let text = match mimetype.starts_with("text/") {
        true => format!("{mimetype}; charset=utf-8"),
        false => mimetype.clone(),
    };
    HeaderValue::from_str(&text).map_err(|_| BadMimetype(mimetype.clone()))
}

/// It cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no content type: write one such as text/html")]
pub(crate) struct BadMimetype(String);

/// The configuration of the stock plugin: what stands in keys of its own, and over
/// it what `plugins.smtp.config` says.
pub(crate) fn smtp(settings: &Settings, own: &Value) -> Value {
    let own = match own {
        Value::Object(own) => own.clone(),
        Value::Null => Map::new(),
        // The plugin says what is wrong with it.
        wrong => return wrong.clone(),
    };
    let (confirmation, reset) = (&settings.email_confirmation, &settings.password_reset);
    let mut config = Map::new();
    let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
    if let Some(smtp) = &settings.smtp {
        set("hostname", json!(smtp.hostname));
        set("port", json!(smtp.port));
        set("tls", json!(smtp.tls.map(wazo_auth_config::SmtpTls::name)));
        set("ca_file", json!(smtp.ca_file));
        set("username", json!(smtp.username));
        set("password", json!(smtp.password.as_ref().map(Secret::expose)));
    }
    let from = |name, address| json!({"from_name": name, "from_address": address});
    set("confirmation", from(&confirmation.from_name, &confirmation.from_address));
    set("password_reset", from(&reset.from_name, &reset.from_address));
    config.extend(own);
    Value::Object(config)
}

#[cfg(test)]
mod tests {
    use wazo_auth_config::Config;

    use super::*;

    #[test]
    fn the_default_files_are_those_that_our_own_texts_stand_for() {
        let config = Config::defaults().unwrap();
        for template in Template::ALL {
            let path = config.shown().get(key(template)).cloned();
            assert_eq!(path, Some(json!(template.default_path())));
        }
        assert!(templates(&config.settings).check().is_empty());
    }

    #[test]
    fn the_page_has_a_charset_where_it_is_a_text() {
        let mut settings = Config::defaults().unwrap().settings;
        for (mimetype, sent) in [
            ("text/html", Some("text/html; charset=utf-8")),
            ("application/xhtml+xml", Some("application/xhtml+xml")),
            ("text/html\nX: y", None),
        ] {
            settings.email_confirmation.page_mimetype = mimetype.to_owned();
            let found = page_type(&settings).ok();
            assert_eq!(found.as_ref().and_then(|found| found.to_str().ok()), sent);
        }
    }
}
