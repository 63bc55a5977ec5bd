use std::{fs, path::Path};

use serde_json::json;
use tempfile::TempDir;

use super::*;

/// Templates whose files are in a folder of the test.
fn in_folder(folder: &Path) -> Templates {
    Templates::new(|template| folder.join(template.own().0))
}

/// What `source` writes with these variables.
fn rendered(source: &str, variables: &Value) -> Result<String, TemplateError> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("email_confirmation.jinja"), source).unwrap();
    in_folder(folder.path()).render(Template::Confirmation, variables.as_object().unwrap())
}

#[test]
fn our_own_templates_stand_for_default_files_that_are_missing() {
    let templates = Templates::new(Template::default_path);
    let context = json!({
        "token": "T", "username": "alice", "email_address": "a@x.org", "email_uuid": "E",
        "user_uuid": "U", "hostname": "h.org", "port": 8443, "prefix": "/api/auth",
    });
    let mut context = context.as_object().unwrap().clone();
    let link =
        |text: String| text.lines().find(|line| line.starts_with("https:")).unwrap().to_owned();
    let body = templates.render(Template::Confirmation, &context).unwrap();
    assert!(body.contains("alice"), "{body}");
    assert_eq!(link(body), "https://h.org:8443/api/auth/0.1/emails/E/confirm?token=T");
    let subject = templates.render(Template::ConfirmationSubject, &context).unwrap();
    assert!(subject.ends_with(" alice") && subject.lines().count() == 1, "{subject}");
    let body = templates.render(Template::PasswordReset, &context).unwrap();
    let app = "https://app.wazo.io/reset-password?host=h.org:8443&token=T&user_uuid=U";
    assert_eq!(link(body), app);
    context.remove("port");
    context.remove("prefix");
    let body = templates.render(Template::Confirmation, &context).unwrap();
    assert_eq!(link(body), "https://h.org/0.1/emails/E/confirm?token=T");
    let page = templates.render(Template::ConfirmationPage, &Map::new()).unwrap();
    assert_eq!(page, "Your e-mail address is confirmed.");
    let subject = templates.render(Template::PasswordResetSubject, &context).unwrap();
    assert_eq!(subject, "Choose another password");
    assert!(templates.check().is_empty());
}

#[test]
fn texts_are_those_of_jinja_in_python() {
    let variables = json!({"username": null, "a": "<é&\">", "port": 80, "yes": true, "n": "Ann"});
    for (source, text) in [
        ("{{ username }}", "None"),
        ("{{ missing }}|", "|"),
        ("{% if missing %}x{% else %}y{% endif %}", "y"),
        ("{{ a }}", "<é&\">"),
        ("one\n\n", "one\n"),
        ("{% if port %}:{{ port }}{% endif %}", ":80"),
        ("{# a comment #}{{ n|upper }} {{ n.lower() }} {{ yes }}", "ANN ann True"),
        ("{{ missing|default('x') }} {{ ' b '|trim }} {{ n|replace('n', 'm') }}", "x b Amm"),
        ("{{ n.split('n')[0] }}", "A"),
        ("{{ 'a b'|urlencode }}", "a%20b"),
        ("{% for c in n %}{{ loop.index }}{{ c }}{% endfor %}", "1A2n3n"),
    ] {
        let found = rendered(source, &variables);
        assert_eq!(found.map_err(|error| error.to_string()).as_deref(), Ok(text), "{source}");
    }
}

#[test]
fn a_mistake_is_told_with_its_file_and_line() {
    for (source, line, said) in [
        ("Hello\n{{ username \n", 2, "syntax error"),
        ("{{ username }}\n\n{{ username|nonsense }}", 3, "filter nonsense is unknown"),
        (
            "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
            1,
            "fuel",
        ),
        ("x\n{{ username.nonsense() }}", 2, "nonsense"),
    ] {
        let error = rendered(source, &json!({"username": "alice"})).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("email_confirmation.jinja"), "{text}");
        assert!(text.contains(said), "{text}");
        assert!(error.line().is_some_and(|found| found.abs_diff(line) <= 1), "{source}: {text}");
    }
}

#[test]
fn a_changed_file_is_read_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("password_reset_email.jinja");
    let templates = in_folder(folder.path());
    let render = || templates.render(Template::PasswordReset, &Map::new());
    // Another one than the default that is missing is a mistake, not a wish.
    let error = render().unwrap_err().to_string();
    assert!(error.contains("cannot be read") && error.contains("password_reset_email.jinja"));
    fs::write(&path, "one").unwrap();
    assert_eq!(render().unwrap(), "one");
    fs::write(&path, "second").unwrap();
    assert_eq!(render().unwrap(), "second");
    fs::write(&path, "{{").unwrap();
    assert!(render().is_err());
    fs::write(&path, "whole again").unwrap();
    assert_eq!(render().unwrap(), "whole again");
    assert_eq!(templates.check().len(), 4, "the four other files are missing");
}
